import { z } from "@hono/zod-openapi";

import { decisionKinds, type PromotionCheck, type StoreDecisions } from "../../registry/records/status.ts";
import { channel, time } from "./record-schemas.ts";

/** What needs a decision and what a decision would do, as schemas: the types in `records/status.ts` say the same. */

const releaseName = z.object({ release_id: z.string(), version: z.string(), build: z.string() });

export const promotionCheck: z.ZodType<PromotionCheck> = z
  .object({
    channel,
    from: releaseName.nullable().describe("What the channel points at now"),
    to: releaseName,
    rules: z
      .array(
        z.object({
          rule: z.enum(["published", "manual", "require_validation", "from", "min_time", "permission"]),
          passed: z.boolean(),
          fact: z.string().describe("What it was decided by, in words"),
          code: z.string().nullable().describe("Of the refusal"),
          message: z.string().nullable(),
        }),
      )
      .describe("Those that the channel has, in the order in which they refuse"),
    allowed: z.boolean(),
    event_seq: z
      .int()
      .nullable()
      .describe("The event that made the channel point where it does; another one has moved it"),
  })
  .openapi("PromotionCheck");

const text = z.string().nullable();
const count = z.int();

export const storeDecisions: z.ZodType<StoreDecisions> = z
  .object({
    log_head: count,
    at: time,
    decisions: z
      .array(
        z.object({
          kind: z.enum(decisionKinds),
          severity: z.enum(["act", "warn", "info"]),
          app: text,
          channel: text,
          release_id: text,
          version: text,
          build: text,
          token_id: text,
          count: count.nullable().describe("Of artifacts, or packages"),
          size_bytes: count.nullable(),
          since: time.nullable(),
          due_at: time.nullable().describe("When it can be done, or ends"),
          message: z.string(),
          command: z.string().describe("The command for it"),
        }),
      )
      .describe("Latest first, at most 25 of a kind"),
    more: z.array(z.enum(decisionKinds)).describe("Kinds of which there are more"),
    health: z
      .object({
        database: z.object({
          engine: z.string(),
          schema_version: count,
          size_bytes: count,
          answer_ms: z.number().describe("How long a read took"),
        }),
        storage: z.object({
          backend: z.string(),
          problems: z.array(z.string()),
          free_bytes: count.nullable().describe("Null where objects are elsewhere"),
          total_bytes: count.nullable(),
        }),
        nodes: z.array(z.object({ name: z.string(), seen_at: time, live: z.boolean() })),
        jobs: z.array(
          z.object({
            name: z.string(),
            running: z.boolean(),
            started_at: time.nullable(),
            finished_at: time.nullable(),
          }),
        ),
      })
      .nullable()
      .describe("Null for tokens without `audit` for the whole store"),
  })
  .openapi("Status");
