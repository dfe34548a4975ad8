import type { IncomingMessage } from "node:http";
import { setImmediate } from "node:timers/promises";

import type { MiddlewareHandler } from "hono";

import type { ServerEnv } from "../server-context.ts";
import { alreadySent, setHead } from "./already-sent.ts";

/** How long a client has to see why its body is not read before the connection is closed. */
const LINGER_MS = 2_000;

/**
 * How much of such a body is thrown away meanwhile, for clients that read only once they have sent everything. Past it
 * nothing is read, so that a refused upload costs no bandwidth.
 */
const LINGER_BYTES = 16 * 1024 * 1024;

/**
 * For routes that take large bodies: when the answer is ready and the body has not arrived, answers with
 * `Connection: close` and keeps the connection open for a moment. Closing at once, with bytes unread, makes the kernel send a reset
 * that can overtake the answer (RFC 9112, 9.6: "the client's TCP stack will send a reset packet ... which might erase
 * the client's unacknowledged input buffers").
 */
export const closeUnread: MiddlewareHandler<ServerEnv> = async (c, next) => {
  await next();
  const { incoming, outgoing } = c.env;
  // A short body that came in one packet with the head may be parsed only after the head's callback has returned.
  if (!incoming.complete) await setImmediate();
  if (incoming.complete || outgoing.headersSent) return;
  c.header("Connection", "close");
  // The client still waits for `100 Continue`: it has sent nothing that could be lost.
  if (incoming.headers.expect !== undefined && !incoming.readableDidRead) return;

  const body = Buffer.from(await c.res.arrayBuffer());
  setHead(outgoing, c.res);
  outgoing.setHeader("Content-Length", body.byteLength);
  outgoing.flushHeaders();
  if (body.byteLength > 0) outgoing.write(body);
  await discard(incoming);
  outgoing.end();
  // Without this the two responses' headers would be merged into one that is sent again.
  c.res = undefined;
  c.res = alreadySent;
};

/** Throws the rest of a body away, until it ends, its sender goes, or the limits are reached. Raises nothing. */
async function discard(incoming: IncomingMessage): Promise<void> {
  if (incoming.destroyed) return;
  let discardedBytes = 0;
  const take = (chunk: Buffer): void => {
    discardedBytes += chunk.byteLength;
    if (discardedBytes > LINGER_BYTES) incoming.pause();
  };
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LINGER_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    incoming.once("end", done).once("close", done).on("error", done).on("data", take).resume();
  });
}
