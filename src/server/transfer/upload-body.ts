import type { IncomingMessage } from "node:http";

import type { Handler } from "hono";

import type { DistError } from "../../base/errors.ts";
import { httpErrors } from "../http-errors.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import { parseContentDigest } from "./content-digest.ts";

/** A body of which no byte arrives for this long is given up: a silent client would hold a staging file for ever. */
const IDLE_MS = 60_000;

/**
 * POST /api/upload: the body's bytes, as they are, into the store. Whoever may not upload is refused before a byte is
 * read, and before `100 Continue` asks for one. Raises `auth.*`, `request.length_required`, `request.body_too_large`,
 * `request.timeout`, `request.invalid_parameter`, `validation.digest_mismatch`.
 */
export function uploadBody({ settings, metrics }: PartDeps, idleMs = IDLE_MS): Handler<ServerEnv> {
  return async (c) => {
    const { incoming, outgoing } = c.env;
    const expected = parseContentDigest(c.req.header("Content-Digest"));
    const idle = new AbortController();
    // The registry opens the source once it knows that the caller may upload, and reads once the bytes have a place.
    async function* read(): AsyncGenerator<Uint8Array> {
      if (incoming.headers.expect !== undefined) outgoing.writeContinue();
      for await (const chunk of chunksOf(incoming, idleMs, idle)) {
        metrics.uploaded(chunk.byteLength);
        yield chunk;
      }
    }
    const uploaded = await c.var.registry.uploadObject(
      {
        open: () => {
          requireLength(incoming, settings.maxUploadBytes);
          return read();
        },
      },
      { expected, signal: idle.signal },
    );
    return c.json(uploaded, uploaded.existed ? 200 : 201);
  };
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

/**
 * The body's chunks. Leaves the connection open when its reader stops early, so that an answer can still be sent. Raises
 * `request.timeout` when the body ends before its Content-Length, and aborts with it when no byte comes for `idleMs`.
 */
async function* chunksOf(
  incoming: IncomingMessage,
  idleMs: number,
  idle: AbortController,
): AsyncGenerator<Uint8Array> {
  const chunks = incoming.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const timer = setTimeout(() => idle.abort(notInTime(`No byte came for ${idleMs} ms.`)), idleMs);
      const step = await chunks
        .next()
        .catch((cause: unknown) => {
          throw notInTime("The connection ended before the body did.", cause);
        })
        .finally(() => clearTimeout(timer));
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    await chunks.return?.();
  }
}

function notInTime(message: string, cause?: unknown): DistError {
  return httpErrors.error("request.timeout", message, { cause });
}
