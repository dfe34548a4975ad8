import { z } from "@hono/zod-openapi";

import type { AppStatistics, StorageUsage, StoreStatistics } from "../../registry/records/statistics.ts";

/** What was counted over time, as schemas: the types in `records/statistics.ts` say the same. */

const count = z.int();
const day = z.string().describe("A UTC day, `2026-11-20`");
const period = { from: day, to: day };

export const appStatistics: z.ZodType<AppStatistics> = z
  .object({
    app: z.string(),
    ...period,
    downloads: z
      .array(
        z.object({
          day,
          channel: z.string().nullable().describe("By which visitors came; null when that is not known"),
          release_id: z.string().nullable(),
          version: z.string().nullable(),
          build: z.string().nullable(),
          platform: z.string().nullable(),
          downloads: count,
        }),
      )
      .describe("Latest day first, then most downloaded; the rest of a day has null for all but its sum"),
    published: z.array(z.object({ day, releases: count })),
  })
  .openapi("AppStatistics");

export const storeStatistics: z.ZodType<StoreStatistics> = z
  .object({
    ...period,
    downloads: z.array(
      z.object({
        day,
        app: z.string().nullable().describe("Null for all others together"),
        downloads: count,
      }),
    ),
    published: z.array(z.object({ day, app: z.string().nullable(), releases: count })),
    events: z.object({
      hours: z.array(z.object({ hour: z.string().describe("When it begins"), events: count })),
      days: z.array(z.object({ day, events: count })),
    }),
  })
  .openapi("StoreStatistics");

const sum = { packages: count, size_bytes: count };
const packages = z.object(sum);

export const storageUsage: z.ZodType<StorageUsage> = z
  .object({
    ...sum,
    objects: z
      .object({ objects: count, size_bytes: count })
      .describe("What is stored: identical bytes once, and all that is no package's file besides"),
    by_class: z.array(z.object({ retention_class: z.string().nullable(), ...sum })),
    by_state: z
      .object({ held: packages, eligible: packages, permanent: packages, kept: packages })
      .describe("Each package is in one; `eligible` as of the last sweep"),
    by_app: z.array(z.object({ app: z.string(), ...sum })).describe("Most bytes first, 50 at most"),
    other_apps: packages,
    evidence: packages.describe("Packages of no app"),
    by_month: z.array(z.object({ month: z.string().describe("Of creation, `2026-11`"), ...sum })),
  })
  .openapi("StorageUsage");
