import { z } from "@hono/zod-openapi";

import { objectErrors } from "../../../registry/errors.ts";
import { nothing, sha256 } from "../input-schemas.ts";
import { uploadedObject } from "../record-schemas.ts";
import { type Access, RawAnswer, route } from "../route.ts";

/** Bytes belong to no app yet, so limits do not matter. */
const uploaders: Access = { who: ["publish", "package.write"], limits: "none" };
const objectParams = z.strictObject({ sha256 });

export const objectRoutes = [
  route({
    method: "HEAD",
    path: "/api/objects/{sha256}",
    access: uploaders,
    summary:
      "Says whether the object is here and known to the caller, with its size in `X-Object-Size`. A digest is not a permission: 404 says nothing about whether it is.",
    params: objectParams,
    response: z.null(),
    errors: ["object.not_found"],
    handle: async ({ registry, params }) => {
      const object = await registry.lookupObject(params.sha256);
      if (object === null)
        throw objectErrors.error("object.not_found", `There is no object ${params.sha256}.`);
      return new RawAnswer(200, {
        "X-Checksum-SHA256": object.sha256,
        "X-Checksum-BLAKE3": object.blake3,
        "X-Object-Size": String(object.size_bytes),
      });
    },
  }),
  route({
    method: "POST",
    path: "/api/objects/{sha256}/lease",
    access: uploaders,
    summary: "Leases a known object anew, so that it stays until it is published.",
    params: objectParams,
    body: nothing,
    response: uploadedObject,
    errors: ["object.not_found"],
    handle: ({ registry, params }) => registry.leaseObject(params.sha256),
  }),
];
