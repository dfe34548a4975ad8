import { z } from "@hono/zod-openapi";

import { archiveFormats, type PackageFileRequest } from "../../../registry/records/packages.ts";
import { httpErrors } from "../../http-errors.ts";
import { receivePackageFile } from "../../transfer/receive-package-file.ts";
import { sendArchive } from "../../transfer/send-archive.ts";
import { sendObject } from "../../transfer/send-object.ts";
import { flag, nothing, pageQuery, sha256 } from "../input-schemas.ts";
import { packageFile } from "../package-schemas.ts";
import { pageOf } from "../record-schemas.ts";
import { route, SentAnswer } from "../route.ts";
import { packageParams, readsPackages, writesPackages } from "./packages.ts";

const fileParams = packageParams.extend({ path: z.string().describe("The file's path, slashes and all") });
const replaceQuery = z.strictObject({
  replace: flag.describe("Other bytes take the place of those there").optional(),
});
const fileRequest = {
  path: z.string(),
  sha256: sha256.describe("SHA-256 of uploaded bytes, or of bytes you may read"),
  media_type: z.string().describe("By the name's extension when absent"),
};
const addErrors = [
  "package.not_found",
  "package.not_open",
  "package.invalid_path",
  "package.invalid_field",
  "package.duplicate_path",
  "package.too_many_files",
  "object.missing",
];
const bytesOfRelease = ["release.revoked"];

export const packageFileRoutes = [
  route({
    method: "GET",
    path: "/packages/{id}/files",
    access: readsPackages,
    summary: "Lists the files in the bytewise order of their paths; those of a deleted package, too.",
    params: packageParams,
    query: pageQuery,
    response: pageOf("PackageFile", packageFile),
    form: "canonical",
    errors: ["package.not_found", "page.invalid_limit", "page.invalid_cursor"],
    handle: ({ registry, params: { id }, query }) => registry.listPackageFiles(id, query),
  }),
  route({
    method: "POST",
    path: "/packages/{id}/files",
    access: writesPackages,
    summary:
      "Adds files of objects that are uploaded: one, or up to 1,000 as `files`, all of them or none. A file that is there with the same bytes stays as it is.",
    params: packageParams,
    query: replaceQuery,
    body: z.strictObject({
      path: fileRequest.path.describe("Of a single file").optional(),
      sha256: fileRequest.sha256.optional(),
      media_type: fileRequest.media_type.optional(),
      files: z
        .array(z.strictObject({ ...fileRequest, media_type: fileRequest.media_type.optional() }))
        .describe("In place of a single file")
        .optional(),
    }),
    response: z.union([packageFile, z.object({ items: z.array(packageFile) }).openapi("PackageFiles")]),
    form: "canonical",
    statuses: [201],
    errors: addErrors,
    handle: async ({ registry, params: { id }, query, body: { files, ...one } }) => {
      if (files === undefined) {
        const [added] = await registry.addPackageFiles(id, [requireFile(one)], query);
        return added!;
      }
      const extra = Object.keys(one)[0];
      if (extra !== undefined) throw invalidBody(extra, "It stands in the entries of `files`.");
      return { items: [...(await registry.addPackageFiles(id, files, query))] };
    },
  }),
  route({
    method: "GET",
    path: "/packages/{id}/files/{path}",
    access: readsPackages,
    summary:
      "Answers a file's bytes, with ranges, `ETag`, `X-Checksum-SHA256`, `X-Checksum-BLAKE3` and `Repr-Digest`, as `/download/{sha256}` does.",
    params: fileParams,
    response: z.unknown(),
    form: "bytes",
    statuses: [200, 206, 302],
    errors: [
      "package.not_found",
      "package.invalid_path",
      "package.file_not_found",
      "package.deleted",
      "object.not_found",
      ...bytesOfRelease,
      "request.range_not_satisfiable",
    ],
    handle: async ({ registry, params: { id, path } }) => {
      const object = await registry.openPackageFile(id, path);
      return new SentAnswer((c, server) => sendObject(c, object, server));
    },
  }),
  route({
    method: "PUT",
    path: "/packages/{id}/files/{path}",
    access: writesPackages,
    summary:
      "Uploads a file in one piece, as `POST /api/upload` does, and adds it under its path; `Content-Type` becomes its media type. 200 when it was there with the same bytes.",
    params: fileParams,
    query: replaceQuery,
    takesBytes: true,
    response: packageFile,
    statuses: [201, 200],
    errors: [...addErrors, "validation.digest_mismatch", "request.precondition_failed"],
    handle: async ({ params, query }) =>
      new SentAnswer((c, server) => receivePackageFile(c, server, { ...params, ...query })),
  }),
  route({
    method: "DELETE",
    path: "/packages/{id}/files/{path}",
    access: writesPackages,
    summary: "Takes a file out of an open package. Answers what it was.",
    params: fileParams,
    body: nothing,
    response: packageFile,
    form: "canonical",
    errors: ["package.not_found", "package.not_open", "package.invalid_path", "package.file_not_found"],
    handle: ({ registry, params: { id, path } }) => registry.removePackageFile(id, path),
  }),
  route({
    method: "GET",
    path: "/packages/{id}/archive",
    access: readsPackages,
    summary:
      "Streams all files as one archive, under their paths. It breaks off where bytes are not what they were.",
    params: packageParams,
    query: z.strictObject({ format: z.enum(archiveFormats).describe("`tar` when absent").optional() }),
    response: z.unknown(),
    form: "bytes",
    errors: ["package.not_found", "package.deleted", "object.not_found", ...bytesOfRelease],
    handle: async ({ registry, params: { id }, query: { format = "tar" } }) =>
      new SentAnswer((c, server) => sendArchive(c, server, { registry, id, format })),
  }),
];

function requireFile(file: Partial<PackageFileRequest>): PackageFileRequest {
  const { path, sha256: digest, media_type: mediaType } = file;
  if (path === undefined) throw invalidBody("path", "It is missing.");
  if (digest === undefined) throw invalidBody("sha256", "It is missing.");
  return { path, sha256: digest, ...(mediaType !== undefined && { media_type: mediaType }) };
}

function invalidBody(path: string, why: string) {
  return httpErrors.error("request.invalid_body", `${path}: ${why}`, { details: { path } });
}
