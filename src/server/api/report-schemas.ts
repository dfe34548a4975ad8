import { z } from "@hono/zod-openapi";

import type {
  CleanupReport,
  Problem,
  Reason,
  RebuildReport,
  StoreStatus,
  VerifyReport,
} from "../../registry/records/store.ts";

/** The reports of the store's care, as schemas. */

const problem: z.ZodType<Problem> = z
  .object({ code: z.string(), message: z.string(), target: z.string() })
  .openapi("Problem");
export const outcome = { ok: z.boolean(), problems: z.array(problem) };
const count = z.number().int();

export const storeStatus: z.ZodType<StoreStatus> = z
  .object({
    ...outcome,
    log_id: z.string(),
    head: count,
    schema_version: count,
    database: z.object({ engine: z.string(), size_bytes: count }),
    storage: z.object({
      backend: z.string(),
      objects: count,
      bytes: count,
      abilities: z
        .object({
          checks_content_md5: z.boolean(),
          conditional_put: z.boolean(),
          ranges: z.boolean(),
          versioning: z.boolean(),
          object_lock: z.boolean(),
        })
        .nullable(),
    }),
    counts: z.object({ apps: count, releases: count, drafts: count, packages: count, tokens: count }),
  })
  .openapi("StoreStatus");

export const verifyReport: z.ZodType<VerifyReport> = z
  .object({
    ...outcome,
    collectable: z.array(
      z.object({ id: z.string(), kind: z.enum(["object", "file", "staging"]), bytes: count }),
    ),
    checked: z.object({ events: count, objects: count, bytes: count, references: count }),
  })
  .openapi("VerifyReport");

export const rebuildReport: z.ZodType<RebuildReport> = z
  .object({ ...outcome, events: count, views: z.record(z.string(), count) })
  .openapi("RebuildReport");

const cleanupEntry = z.object({
  id: z.string(),
  kind: z.enum(["release", "draft", "package", "object", "file", "staging"]),
  bytes: count,
});
export const reason: z.ZodType<Reason> = z.object({
  rule: z.string(),
  until: z.string().nullable(),
  ref: z.string().nullable(),
  text: z.string(),
});

export const cleanupReport: z.ZodType<CleanupReport> = z
  .object({
    ...outcome,
    applied: z.boolean(),
    kept: z.array(cleanupEntry),
    deleted: z.array(cleanupEntry),
    reasons: z.record(z.string(), z.array(reason)),
    next: z.string().nullable(),
  })
  .openapi("CleanupReport");
