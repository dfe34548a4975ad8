import { z } from "@hono/zod-openapi";

import type { PromotionCheck } from "../../registry/status-records.ts";
import { channel } from "./record-schemas.ts";

/** What needs a decision and what a decision would do, as schemas: the types in `status-records.ts` say the same. */

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
