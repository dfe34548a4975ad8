import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

import { clientErrors } from "./errors.ts";
import { connectionFailure } from "./failures.ts";
import type { ServerAddress } from "./server-address.ts";

/** From this size on, bytes are sent only after the server has agreed to take them. */
const expectContinueBytes = 1024 * 1024;
/** How long that agreement is waited for: proxies that do not know the header never answer it (RFC 9110 section 10.1.1). */
const continueWaitMs = 1000;

/** A request as it stands on the wire. */
export interface WireRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | StreamedBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The longest silence; undefined for no limit. */
  readonly idleMs: number | undefined;
}

export interface StreamedBody {
  readonly sizeBytes: number;
  /** A chunk is good only until the next one is asked for. What it raises is raised by the exchange as it is. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly onSent: (bytes: number) => void;
}

/**
 * One request, one answer, whatever its status; the body is the caller's to read or destroy. Raises what `connectionFailure` says, and
 * what the body raised.
 */
export function exchange(address: ServerAddress, wire: WireRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { method, url, body, signal, idleMs } = wire;
  const streamed = typeof body === "object" ? body : undefined;
  const expects = streamed !== undefined && streamed.sizeBytes >= expectContinueBytes;
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
    method,
    headers: { ...wire.headers, ...(expects && { expect: "100-continue" }) },
    agent: address.agent(url.protocol),
    ...(signal && { signal }),
    ...(idleMs !== undefined && { timeout: idleMs }),
  });
  request.on("response", resolve);
  request.on("error", (error) => reject(connectionFailure(error, url.origin)));
  request.on("timeout", () =>
    request.destroy(
      clientErrors.error(
        "client.unavailable",
        `${url.origin} was silent for ${(idleMs ?? 0) / 1000} seconds.`,
      ),
    ),
  );
  if (streamed === undefined) {
    request.end(body);
  } else {
    sendBody(request, streamed, expects).catch((error: unknown) => {
      reject(error);
      request.destroy();
    });
  }
  return promise;
}

/** Sends the chunks one after the other, each when the one before has left; stops when the answer or the end comes first. */
async function sendBody(request: ClientRequest, body: StreamedBody, expects: boolean): Promise<void> {
  let over = false;
  let wake = (): void => {};
  const finish = (): void => {
    over = true;
    wake();
  };
  request.once("response", (response: IncomingMessage) => {
    // The rest of the body is not sent, so the connection cannot serve another request.
    if (!request.writableEnded) response.once("close", () => request.destroy());
    finish();
  });
  request.once("close", finish);
  if (expects)
    await new Promise<void>((agreed) => {
      wake = agreed;
      request.once("continue", agreed);
      setTimeout(agreed, continueWaitMs).unref();
      request.flushHeaders();
    });
  let sentBytes = 0;
  if (over) return;
  for await (const chunk of body.chunks) {
    // Waiting for the callback is what lets the source reuse its buffer, and what keeps a fast source from filling memory.
    await new Promise<void>((sent) => {
      wake = sent;
      if (over) return sent();
      request.write(chunk, () => sent());
    });
    if (over) return;
    body.onSent((sentBytes += chunk.byteLength));
  }
  request.end();
}
