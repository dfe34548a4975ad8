import { z } from "@hono/zod-openapi";

import { httpErrors } from "../../http-errors.ts";
import { flag, nothing, pageQuery } from "../input-schemas.ts";
import { createdPackage, listedPackage, manifest, packageRecord, packageReport } from "../package-schemas.ts";
import { jsonObject, pageOf } from "../record-schemas.ts";
import { type Access, EncodedAnswer, needs, route } from "../route.ts";

/** Evidence belongs to no app; a release's package is its app's. */
export const readsPackages: Access = needs("package.read", "narrow");
export const writesPackages: Access = needs("package.write", "unlimited");
export const packageParams = z.strictObject({ id: z.string() });

const pageErrors = ["page.invalid_limit", "page.invalid_cursor"];

export const packageRoutes = [
  route({
    method: "GET",
    path: "/packages",
    access: readsPackages,
    summary:
      "Lists packages, newest first; the eligible ones by when they became so. A release's are among them for a token that holds `read` as well.",
    query: pageQuery.extend({
      status: z.string().optional(),
      kind: z.string().optional(),
      producer: z.string().optional(),
      subject: z.string().optional(),
      retention_class: z.string().optional(),
      eligible: flag.describe("Those that may go now, and no others").optional(),
      since: z.string().describe("Created at or after, RFC 3339").optional(),
      until: z.string().describe("Created before, RFC 3339").optional(),
      metadata: z
        .array(z.string())
        .describe(
          "`KEY=VALUE`, once for each key, which ends at the first `=`; a top-level scalar, compared as text",
        )
        .optional(),
    }),
    response: pageOf("ListedPackage", listedPackage),
    form: "canonical",
    errors: [...pageErrors, "package.invalid_filter", "retention.unknown_class", "request.invalid_time"],
    handle: ({ registry, query: { metadata, ...filter } }) =>
      registry.listPackages({ ...filter, ...(metadata && { metadata: metadataFilter(metadata) }) }),
  }),
  route({
    method: "POST",
    path: "/packages",
    access: writesPackages,
    summary: "Creates a package. 200 when one was there under the same `key`.",
    body: z.strictObject({
      kind: z.string(),
      producer: z.string().nullable().optional(),
      subject: z.string().nullable().optional(),
      retention_class: z.string().describe("The store's default when absent").optional(),
      metadata: jsonObject.optional(),
      key: z
        .string()
        .nullable()
        .describe("Makes two requests one, until that package fails or is deleted")
        .optional(),
    }),
    response: createdPackage,
    form: "canonical",
    statuses: [201, 200],
    status: ({ created }) => (created ? 201 : 200),
    errors: [
      "package.invalid_kind",
      "package.invalid_field",
      "package.invalid_metadata",
      "package.invalid_key",
      "retention.unknown_class",
      "transaction.integrity",
    ],
    handle: ({ registry, body }) => registry.createPackage(body),
  }),
  route({
    method: "GET",
    path: "/packages/{id}",
    access: readsPackages,
    summary: "Shows a package. A release's needs `read` as well, here and below.",
    params: packageParams,
    response: packageRecord,
    form: "canonical",
    errors: ["package.not_found"],
    handle: ({ registry, params: { id } }) => registry.getPackage(id),
  }),
  route({
    method: "POST",
    path: "/packages/{id}/finalize",
    access: writesPackages,
    summary:
      "Closes a package: its manifest is made and its files do not change any more. Again it changes nothing.",
    params: packageParams,
    body: nothing,
    response: packageRecord,
    form: "canonical",
    errors: ["package.not_found", "package.not_open", "package.empty", "package.changed", "object.missing"],
    handle: ({ registry, params: { id } }) => registry.finalizePackage(id),
  }),
  route({
    method: "POST",
    path: "/packages/{id}/fail",
    access: writesPackages,
    summary: "Gives an open package up.",
    params: packageParams,
    body: z.strictObject({ reason: z.string().nullable().describe("Required").optional() }),
    response: packageRecord,
    form: "canonical",
    errors: ["package.not_found", "package.not_open", "retention.reason_required", "request.invalid_reason"],
    handle: ({ registry, params: { id }, body: { reason } }) =>
      registry.failPackage(id, { reason: reason ?? "" }),
  }),
  route({
    method: "POST",
    path: "/packages/{id}/verify",
    access: readsPackages,
    summary:
      "Reads every byte that is stored of a package; `ok` is false when any is not what its manifest says.",
    params: packageParams,
    body: nothing,
    response: packageReport,
    form: "canonical",
    errors: ["package.not_found", "package.deleted"],
    handle: ({ registry, params: { id }, signal }) => registry.verifyPackage(id, { signal }),
  }),
  route({
    method: "GET",
    path: "/packages/{id}/manifest",
    access: readsPackages,
    summary: "Answers the manifest. Its canonical CBOR is the object that `manifest_sha256` names.",
    params: packageParams,
    response: manifest,
    form: "canonical",
    errors: ["package.not_found", "package.not_finalized"],
    handle: async ({ registry, params: { id } }) => new EncodedAnswer(await registry.packageManifest(id)),
  }),
];

/** The key is what stands before the first `=`. Raises `request.invalid_parameter`. */
function metadataFilter(pairs: readonly string[]): { readonly [key: string]: string } {
  const filter = new Map<string, string>();
  for (const pair of pairs) {
    const [, key, value] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
    if (key === undefined || value === undefined) throw invalidFilter("It is KEY=VALUE.");
    if (filter.has(key)) throw invalidFilter(`${key} stands twice.`);
    filter.set(key, value);
  }
  return Object.fromEntries(filter);
}

function invalidFilter(why: string) {
  return httpErrors.error("request.invalid_parameter", `metadata: ${why}`, {
    details: { parameter: "metadata" },
  });
}
