import { z } from "@hono/zod-openapi";

import {
  type CreatedPackage,
  type ExtensionRecord,
  type HoldRecord,
  type ListedPackage,
  type PackageFileRecord,
  type PackageRecord,
  packageStatuses,
  type PackageVerifyReport,
  type RetentionClassRecord,
  type RetentionHistoryRecord,
  type RetentionRecord,
  type SweepReport,
} from "../../registry/records/packages.ts";
import { digest, jsonObject, time } from "./record-schemas.ts";
import { outcome, reason } from "./report-schemas.ts";

/** The records of packages and their retention, as schemas: the types in `records/packages.ts` say the same. */

const packageFields = {
  id: z.string(),
  kind: z.string(),
  status: z.enum(packageStatuses),
  app: z.string().nullable().describe("The app's slug, for a release's package"),
  producer: z.string().nullable(),
  subject: z.string().nullable(),
  metadata: jsonObject,
  retention_class: z.string().nullable(),
  retrieval_tier: z.enum(["hot", "cold"]),
  manifest_sha256: digest.nullable(),
  manifest_size_bytes: z.int().nullable(),
  file_count: z.int(),
  size_bytes: z.int().describe("Of all files together"),
  key: z.string().nullable().describe("What makes two requests for it one"),
  created_at: time,
  finalized_at: time.nullable(),
  failed_at: time.nullable(),
  fail_reason: z.string().nullable(),
  deleted_at: time.nullable(),
};

export const packageRecord: z.ZodType<PackageRecord> = z.object(packageFields).openapi("Package");

export const listedPackage: z.ZodType<ListedPackage> = z
  .object({
    ...packageFields,
    release: z
      .object({ release_id: z.string(), version: z.string(), build: z.string() })
      .nullable()
      .describe("The release that it is, if it is one"),
    kept_by: z.object({
      holds: z.int(),
      expires_at: time.nullable().describe("By class and extensions; null for never, and for neither"),
      channels: z.array(z.string()).describe("Those that point at it, if it is a release"),
    }),
    due_at: time.nullable().describe("When its period ended; null while something keeps it"),
  })
  .openapi("ListedPackage");

export const createdPackage: z.ZodType<CreatedPackage> = z
  .object({ ...packageFields, created: z.boolean().describe("False when it was there under its key") })
  .openapi("CreatedPackage");

export const packageFile: z.ZodType<PackageFileRecord> = z
  .object({
    path: z.string(),
    sha256: digest,
    blake3: z.string(),
    size_bytes: z.int(),
    media_type: z.string(),
  })
  .openapi("PackageFile");

/** The manifest's JSON form; `docs/formats/manifest.md` is the format. */
export const manifest = z
  .object({
    schema: z.literal("dist.manifest.v1"),
    package_id: z.string(),
    kind: z.string(),
    created_at: time,
    finalized_at: time,
    producer: z.string().nullable(),
    subject: z.string().nullable(),
    metadata: jsonObject,
    retention_class: z.string().nullable(),
    files: z.array(
      z.object({
        path: z.string(),
        size: z.int(),
        media_type: z.string(),
        digests: z.object({ sha256: digest, blake3: z.string() }),
      }),
    ),
  })
  .openapi("Manifest");

export const packageReport: z.ZodType<PackageVerifyReport> = z
  .object({
    ...outcome,
    package_id: z.string().nullable(),
    manifest_sha256: digest.nullable(),
    checked: z.object({ files: z.int(), bytes: z.int() }),
  })
  .openapi("PackageReport");

export const retentionClass: z.ZodType<RetentionClassRecord> = z
  .object({
    name: z.string(),
    default_duration: z.string().nullable().describe("Such as `180d`; null for a class that never ends"),
    is_default: z.boolean().describe("Packages get it that name no class"),
  })
  .openapi("RetentionClass");

export const hold: z.ZodType<HoldRecord> = z
  .object({
    id: z.string(),
    package_id: z.string(),
    reason: z.string(),
    case: z.string().nullable(),
    actor: z.string(),
    applied_at: time,
    released_at: time.nullable(),
    released_by: z.string().nullable(),
    release_reason: z.string().nullable(),
  })
  .openapi("Hold");

const extension: z.ZodType<ExtensionRecord> = z
  .object({
    new_expires_at: time,
    previous_expires_at: time.nullable().describe("Null for a release without a class"),
    reason: z.string(),
    actor: z.string(),
    at: time,
  })
  .openapi("RetentionExtension");

export const retentionState: z.ZodType<RetentionRecord> = z
  .object({
    package_id: z.string(),
    retention_class: z.string().nullable(),
    current_expires_at: time.nullable().describe("Null for never, and for a release without a class"),
    holds: z.array(hold).describe("Active ones, oldest first"),
    extensions: z.array(extension).describe("Oldest first"),
    eligible_for_deletion: z.boolean().describe("As of this moment, whatever was recorded"),
    marked_at: time.nullable().describe("When a sweep recorded that it may go"),
    lock: z
      .enum(["pending", "applied"])
      .nullable()
      .describe("Whether the object store itself refuses to delete the bytes; null where it locks nothing"),
    locked_until: time.nullable().describe("Until when it does at least, for every byte of the package"),
    reasons: z.array(reason).describe("What keeps it; or by which rule it may go, and since when"),
  })
  .openapi("Retention");

export const retentionEvent: z.ZodType<RetentionHistoryRecord> = z
  .object({
    seq: z.int(),
    type: z.string().describe("As `docs/reference/tables.md` lists them"),
    at: time,
    actor: z.string(),
    subject: z.string(),
    data: jsonObject,
  })
  .openapi("RetentionEvent");

export const sweepReport: z.ZodType<SweepReport> = z
  .object({
    ok: z.literal(true),
    at: time.describe("The moment that it judged by"),
    marked: z.array(z.string()).describe("Packages that may go now"),
    unmarked: z.array(z.string()).describe("Packages that are needed again"),
  })
  .openapi("SweepReport");
