import type { IncomingMessage } from "node:http";

import type { HttpBindings } from "@hono/node-server";

import type { DistError } from "../../base/errors.ts";
import { httpErrors } from "../http-errors.ts";
import type { Metrics } from "../metrics.ts";

/** A body of which no byte arrives for this long is given up: a silent client would hold a staging file for ever. */
const IDLE_MS = 60_000;

/** The body of a request, as a source of bytes. */
export interface RequestBody {
  /** Aborted when nothing comes for too long. */
  readonly signal: AbortSignal;
  /** The bytes; with the first one asked for goes `100 Continue`, where the client waits for it. */
  read(): AsyncGenerator<Uint8Array>;
}

/** Opens a request's body without reading any of it. `read` and the signal raise `request.timeout`. */
export function openBody(
  { incoming, outgoing }: HttpBindings,
  metrics: Pick<Metrics, "uploaded">,
  idleMs = IDLE_MS,
): RequestBody {
  const idle = new AbortController();
  async function* read(): AsyncGenerator<Uint8Array> {
    if (incoming.headers.expect !== undefined) outgoing.writeContinue();
    for await (const chunk of chunksOf(incoming, idleMs, idle)) {
      metrics.uploaded(chunk.byteLength);
      yield chunk;
    }
  }
  return { signal: idle.signal, read };
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
