import type { IncomingMessage } from "node:http";

import type { Context, Handler } from "hono";

import type { UploadedObject } from "../../registry/records/objects.ts";
import { httpErrors } from "../http-errors.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import { openBody } from "./body-chunks.ts";
import { parseContentDigest } from "./content-digest.ts";

/** POST /api/upload: the body's bytes, as they are, into the store. Raises what `uploadFrom` raises. */
export function uploadBody(deps: PartDeps, idleMs?: number): Handler<ServerEnv> {
  return async (c) => {
    const uploaded = await uploadFrom(c, deps, idleMs);
    return c.json(uploaded, uploaded.existed ? 200 : 201);
  };
}

/**
 * Stores the body of a request. Whoever may not upload is refused before a byte is read, and before `100 Continue` asks for
 * one. Raises `auth.*`, `request.length_required`, `request.body_too_large`, `request.timeout`,
 * `request.invalid_parameter`, `validation.digest_mismatch`.
 */
export async function uploadFrom(
  c: Context<ServerEnv>,
  { settings, metrics }: Pick<PartDeps, "settings" | "metrics">,
  idleMs?: number,
): Promise<UploadedObject> {
  const expected = parseContentDigest(c.req.header("Content-Digest"));
  const body = openBody(c.env, metrics, idleMs);
  return c.var.registry.uploadObject(
    {
      // Asked for once it is known that the caller may upload.
      open: () => {
        requireLength(c.env.incoming, settings.maxUploadBytes);
        return body.read();
      },
    },
    { expected, signal: body.signal },
  );
}

function requireLength(incoming: IncomingMessage, maxUploadBytes: number): void {
  const length = incoming.headers["content-length"];
  if (length === undefined) {
    throw httpErrors.error("request.length_required", "An upload in one piece needs a Content-Length.", {
      hint: "Send the length, or use a resumable upload.",
    });
  }
  if (Number(length) > maxUploadBytes) {
    throw httpErrors.error("request.body_too_large", `An upload has at most ${maxUploadBytes} bytes.`, {
      details: { max_bytes: maxUploadBytes },
    });
  }
}
