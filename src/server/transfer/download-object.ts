import type { Handler } from "hono";

import { isSha256Hex } from "../../base/digest.ts";
import { httpErrors } from "../http-errors.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import { sendObject } from "./send-object.ts";

/**
 * GET, HEAD /download/{sha256}: the bytes of an object that something readable names; `?artifact=` picks whose file name and type
 * are said, and `&channel=` by which channel the visitor came. Raises `request.not_found`, `request.range_not_satisfiable`, and what `openObject` raises.
 */
export function downloadObject(deps: PartDeps): Handler<ServerEnv> {
  return async (c) => {
    const sha256 = c.req.param("sha256") ?? "";
    if (!isSha256Hex(sha256)) throw httpErrors.error("request.not_found", "This is no SHA-256.");
    const { artifact, channel } = c.req.query();
    const object = await c.var.registry.openObject(sha256, { artifact, channel });
    return sendObject(c, object, deps, () => {
      if (object.counted !== null) deps.store.downloads.count(object.counted);
    });
  };
}
