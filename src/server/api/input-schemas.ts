import { z } from "@hono/zod-openapi";

import { type Arch, archAliases, arches, formats, platforms } from "../../registry/manifest/vocabulary.ts";
import { jsonObject } from "./record-schemas.ts";

/** What requests are made of. What texts may be (slugs, versions, reasons) is the registry's to say. */

const archOfAlias: Readonly<Record<(typeof archAliases)[number], Arch>> = {
  amd64: "x86_64",
  aarch64: "arm64",
};

export const platform = z.enum(platforms);
export const format = z.enum(formats);
export const arch = z
  .enum([...arches, ...archAliases])
  .transform((name): Arch => archOfAlias[name as keyof typeof archOfAlias] ?? (name as Arch));

export const sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, "must be 64 hexadecimal digits")
  .toLowerCase()
  .describe("SHA-256, 64 hexadecimal digits");

/** A whole number in a query. */
const number = z
  .string()
  .regex(/^-?\d{1,15}$/, "must be a whole number")
  .transform(Number)
  .openapi({ type: "integer" });

/** A yes or no in a query. */
export const flag = z
  .enum(["true", "false"])
  .transform((word) => word === "true")
  .openapi({ type: "boolean" });

export const pageQuery = z.strictObject({
  limit: number.describe("1 to 1,000; 50 when absent").optional(),
  after: z.string().describe("`next` of the page before").optional(),
});

export const daysQuery = z.strictObject({
  days: number.describe("1 to 400, today among them; 30 when absent").optional(),
});

export const buildQuery = z.strictObject({
  build: z.string().describe("Where several builds have the version").optional(),
});

export const appParams = z.strictObject({ slug: z.string() });
export const releaseParams = appParams.extend({ id: z.string().describe("An id, or a version") });
export const channelParams = appParams.extend({ name: z.string() });

export const nothing = z.strictObject({});
export const reason = z.string().nullable().describe("Why, in your words; kept in the history");

const artifactFields = {
  platform,
  arch: arch.optional(),
  format: format.optional(),
  content_type: z.string().optional(),
  size: z.int().nonnegative().describe("Bytes; checked when given").optional(),
  metadata: jsonObject.optional(),
};

/** An artifact by the digest of bytes that are uploaded. */
export const artifactRequest = z.strictObject({ ...artifactFields, filename: z.string(), sha256 });

/** An artifact of a publication; a dry run asks before the digest is known. */
export const listedArtifact = z.strictObject({
  ...artifactFields,
  filename: z.string().describe("Required but for a dry run").optional(),
  sha256: sha256.describe("SHA-256 of uploaded bytes; required but for a dry run").optional(),
});

export const appChanges = z.strictObject({
  display_name: z.string().optional(),
  owner: z.string().nullable().optional(),
  visibility: z.string().optional(),
  allowed_platforms: z.array(z.string()).optional(),
  bundle_ids: z
    .record(z.string(), z.string().nullable())
    .describe("Merged by platform; null removes one")
    .optional(),
  ios_mode: z.string().optional(),
  testflight_url: z.string().nullable().optional(),
  pin: z.record(z.string(), z.array(z.string())).describe("Added to the platform's pins").optional(),
  unpin: z.array(z.string()).describe("Platforms whose pins are all removed").optional(),
  retention_keep: z.number().optional(),
  retention_class: z.string().nullable().optional(),
  signer_pinning: z.string().optional(),
  reason: z.string().describe("Why pins are changed; needed where a platform has some").optional(),
});
