import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";

import { afterEach } from "vitest";

import { connect, type ConnectOptions } from "../../src/client/connect.ts";

/** A request as it arrived. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** One scripted answer; a function does as it likes with a request whose body has not been read. */
export type Answer =
  | {
      readonly status?: number;
      readonly headers?: Record<string, string>;
      readonly json?: unknown;
      readonly text?: string;
    }
  | "cut"
  | ((request: IncomingMessage, response: ServerResponse) => void | Promise<void>);

export interface FakeServer {
  readonly url: string;
  readonly seen: Seen[];
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Waits short enough for tests; the rules are the same. */
export const fast = { firstWaitMs: 1, totalWaitMs: 3000, idleMs: 5000 };

/** A server that gives the answers in turn, and the last one for ever. */
export async function fakeServer(
  answers: readonly Answer[],
  { tls, onExpect }: { tls?: ServerOptions; onExpect?: RequestListener } = {},
): Promise<FakeServer> {
  const seen: Seen[] = [];
  let next = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const answer = answers[Math.min(next++, answers.length - 1)] ?? "cut";
    const { method = "", url = "", headers } = request;
    if (typeof answer === "function") {
      seen.push({ method, url, headers, body: Buffer.alloc(0) });
      return answer(request, response);
    }
    const body = await bodyOf(request);
    seen.push({ method, url, headers, body });
    if (answer === "cut") return void request.socket.destroy();
    const { status = 200, json, text = json === undefined ? "" : JSON.stringify(json) } = answer;
    response.writeHead(status, { "content-type": "application/json", ...answer.headers });
    response.end(text);
  };
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void handle(request, response).catch(() => request.socket.destroy());
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  if (onExpect !== undefined) server.on("checkContinue", onExpect);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`, seen };
}

/** A client of that server, closed after the test. */
export function client(url: string, options: Partial<ConnectOptions> = {}): ReturnType<typeof connect> {
  const connected = connect({ server: url, token: "dist_secret", timing: fast, ...options });
  closing.push(() => connected.close());
  return connected;
}

export async function bodyOf(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An error body, as the server answers it. */
export function refused(status: number, code: string, more: object = {}): Answer {
  return { status, json: { error: { code, message: "Refused.", details: {}, ...more } } };
}
