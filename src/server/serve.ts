import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import { isIPv6 } from "node:net";
import type { Duplex } from "node:stream";

import { getRequestListener } from "@hono/node-server";
import { type DistError, errnoOf } from "../base/errors.ts";
import { type App, createApp } from "./app.ts";
import { httpErrors, statusOf } from "./http-errors.ts";
import { securityHeaders } from "./observe.ts";
import { serverErrors } from "./server-errors.ts";
import type { ServerDeps } from "./server-context.ts";

/** Headers are held in memory before anyone is known. */
const MAX_HEADER_BYTES = 8 * 1024;
/** What a server lets its connections cost. */
export interface ConnectionLimits {
  /** Headers that trickle in hold a connection open (slowloris), and so does a client that sends nothing. */
  readonly headersMs: number;
  /** How long an answered connection may wait for its next request. */
  readonly keepAliveMs: number;
  /** Open at once: each holds a file descriptor, and without any left the store cannot open its files. */
  readonly maxConnections: number;
}

const connectionLimits: ConnectionLimits = {
  headersMs: 20_000,
  // Longer than the idle time of common proxies, which would otherwise meet connections that close under them.
  keepAliveMs: 75_000,
  maxConnections: 10_000,
};

/** How long answers and uploads under way may take once the server is told to stop. */
export const SHUTDOWN_MS = 30_000;

/** A server that takes requests. */
export interface RunningServer {
  /** Where it listens, for this machine: `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests and lets those under way finish, for 30 s at most. The store stays open. */
  close(): Promise<void>;
}

/** Listens. Raises `server.cannot_listen`. */
export async function startServer(
  deps: ServerDeps,
  app: App = createApp(deps),
  limits: ConnectionLimits = connectionLimits,
): Promise<RunningServer> {
  const open = new Set<ServerResponse>();
  let closing: Promise<void> | undefined;
  const answer = getRequestListener(app.hono.fetch, { errorHandler: () => errorResponse(unreadable()) });
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    open.add(outgoing);
    if (closing !== undefined) outgoing.shouldKeepAlive = false;
    outgoing.once("close", () => {
      open.delete(outgoing);
      // The connection turns idle only after this event.
      if (closing !== undefined) setImmediate(() => server.closeIdleConnections());
    });
    if (hasOneHost(incoming)) void answer(incoming, outgoing);
    else refuseHost(outgoing);
  };
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersMs,
      // Node looks for late headers this often; by default that is later than they are late.
      connectionsCheckingInterval: limits.headersMs / 4,
      keepAliveTimeout: limits.keepAliveMs,
      // An upload of many gigabytes takes as long as it takes; one that stands still is ended by its route.
      requestTimeout: 0,
      // Node would refuse without saying why.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxConnections = limits.maxConnections;
  // Without a listener of ours Node sends `100 Continue` before the route has looked at the credentials.
  server.on("checkContinue", listener);
  // RFC 9110, 10.1.1: a server "MAY respond with a 417" to an expectation that it does not know. It need not.
  server.on("checkExpectation", listener);
  server.on("clientError", (error, socket) => {
    const isAnswering = [...open].some((outgoing) => outgoing.socket === socket && outgoing.headersSent);
    refuseConnection(error, socket, isAnswering);
  });
  const port = await listen(server, deps);
  const { host } = deps.settings;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    port,
    close: () => {
      app.stop();
      return (closing ??= shutDown(server, open));
    },
  };
}

function listen(server: Server, { settings: { host, port }, log }: ServerDeps): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      const reason = errnoOf(cause) === "EADDRINUSE" ? "something else does already" : errnoOf(cause);
      const message = `The server cannot listen on ${host}, port ${port} (${reason}).`;
      reject(
        serverErrors.error("server.cannot_listen", message, {
          cause,
          details: { host, port, errno: errnoOf(cause) ?? null },
          hint: "Choose another with --host or --port.",
        }),
      );
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      server.on("error", (error) => log.error({ err: error }, "server error"));
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

async function shutDown(server: Server, open: ReadonlySet<ServerResponse>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const outgoing of open) if (!outgoing.headersSent) outgoing.shouldKeepAlive = false;
  const deadline = setTimeout(() => server.closeAllConnections(), SHUTDOWN_MS);
  await closed;
  clearTimeout(deadline);
}

/**
 * RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a
 * Host header field and to any request message that contains more than one". Two hosts mean that a proxy in front may
 * have decided by the other one.
 */
function hasOneHost({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === "host").length === 1;
}

function refuseHost(outgoing: ServerResponse): void {
  const refusal = httpErrors.error("request.invalid_parameter", "The request needs one header Host.");
  const headers = { ...securityHeaders, "Content-Type": "application/json", Connection: "close" };
  outgoing.writeHead(statusOf(refusal), headers).end(JSON.stringify(refusal));
}

/** Answers what Node could not read as HTTP, by hand: there is no response object for it. */
function refuseConnection(error: Error, socket: Duplex, isAnswering: boolean): void {
  // In the middle of an answer these bytes would be taken for a part of it.
  if (!socket.writable || errnoOf(error) === "ECONNRESET" || isAnswering) {
    socket.destroy();
    return;
  }
  const refusal = refusalOf(errnoOf(error));
  const status = statusOf(refusal);
  const body = JSON.stringify(refusal);
  const headers = {
    ...securityHeaders,
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    Connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`, () =>
    socket.destroy(),
  );
}

function refusalOf(code: string | undefined): DistError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return httpErrors.error("request.headers_too_large", "The headers are larger than 8 KiB.", {
        details: { max_bytes: MAX_HEADER_BYTES },
      });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return httpErrors.error("request.timeout", "The request did not arrive in time.");
    default:
      return unreadable();
  }
}

function unreadable(): DistError {
  return httpErrors.error(
    "request.invalid_parameter",
    "The request is not HTTP, or its address cannot be read.",
  );
}

function errorResponse(error: DistError): Response {
  return Response.json(error, { status: statusOf(error), headers: securityHeaders });
}
