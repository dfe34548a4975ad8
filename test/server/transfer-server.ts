import { EventEmitter, once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { request } from "node:http";
import { request as requestByTls, type RequestOptions } from "node:https";
import { type AddressInfo, connect } from "node:net";

import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { pino } from "pino";

import { DistError } from "../../src/base/errors.ts";
import type { ServerSettings } from "../../src/config/server-settings.ts";
import type { Principal } from "../../src/registry/principal.ts";
import { type Scope, scopes } from "../../src/registry/records/tokens.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { statusOf } from "../../src/server/http-errors.ts";
import { createMetrics } from "../../src/server/metrics.ts";
import type { PartDeps, ServerEnv } from "../../src/server/server-context.ts";
import { mountTransfer } from "../../src/server/transfer/mount-transfer.ts";
import type { TestStore } from "../support/test-store.ts";

export interface TransferServer {
  readonly url: string;
  readonly port: number;
  /** What was logged as an error, a line each. */
  readonly logged: readonly string[];
  close(): Promise<void>;
}

/**
 * The routes of bytes alone, on a real socket. `Authorization: Bearer read,publish` asks with these scopes; without it a
 * request is anonymous. `wrap` puts something between the routes and the store.
 */
export async function startTransferServer(
  test: TestStore,
  options: {
    settings?: Partial<ServerSettings>;
    mount?: (app: Hono<ServerEnv>, deps: PartDeps) => void;
    wrap?: (registry: Registry) => Registry;
    /** Called when a request's connection is closed. */
    onClose?: () => void;
  } = {},
): Promise<TransferServer> {
  const logged: string[] = [];
  const deps: PartDeps = {
    store: test.store,
    clock: test.clock,
    metrics: createMetrics(test.store),
    log: pino({ level: "error" }, { write: (line) => void logged.push(line) }),
    settings: {
      host: "127.0.0.1",
      port: 0,
      publicUrl: null,
      trustedProxies: [],
      maxUploadBytes: 64 * 1024 * 1024,
      workers: 1,
      sendFile: "off",
      oidc: null,
      ...options.settings,
    },
  };
  const app = new Hono<ServerEnv>();
  app.use(async (c, next) => {
    c.set("principal", principalOf(c.req.header("Authorization")));
    c.set("registry", (options.wrap ?? ((registry) => registry))(test.store.as(c.var.principal)));
    c.set("baseUrl", new URL(c.req.url).origin);
    c.header("X-Request-Id", "req-1");
    c.env.outgoing.on("close", () => options.onClose?.());
    await next();
  });
  app.onError((error, c) => {
    if (error instanceof DistError) return c.json(error.toJSON(), statusOf(error));
    return c.text(String(error.stack), 500);
  });
  (options.mount ?? mountTransfer)(app, deps);
  return listening(app, logged);
}

function listening(app: Hono<ServerEnv>, logged: readonly string[]): Promise<TransferServer> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }: AddressInfo) =>
      resolve({
        url: `http://127.0.0.1:${port}`,
        port,
        logged,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            (server as Server).closeAllConnections();
          }),
      }),
    );
    server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) =>
      server.emit("request", incoming, outgoing),
    );
  });
}

function principalOf(authorization: string | undefined): Principal {
  const named = authorization?.replace("Bearer ", "").split(",") ?? [];
  return {
    actor: authorization === undefined ? "anonymous" : "token:test",
    actorId: authorization === undefined ? null : "tok_test",
    scopes: new Set<Scope>(scopes.filter((scope) => named.includes(scope))),
    app: null,
    channel: null,
    expiresAt: null,
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** One request as Node makes it; unlike fetch it changes no header. Rejects when the answer ends early. */
export function ask(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: Uint8Array;
    /** Whom to trust, and which of this machine's addresses to come from. */
    connection?: Pick<RequestOptions, "ca" | "localAddress">;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = (url.startsWith("https:") ? requestByTls : request)(url, {
      ...options.connection,
      method: options.method ?? "GET",
      headers: options.headers,
      agent: false,
    });
    outgoing.on("error", reject).on("response", (incoming) => {
      const chunks: Buffer[] = [];
      incoming
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("error", reject)
        .on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
          }),
        );
    });
    outgoing.end(options.body);
  });
}

/** A connection on which a test writes what no HTTP client would, and reads what comes back as text. */
export function rawConnection(port: number) {
  const socket = connect(port, "127.0.0.1");
  const state = { received: "", isClosed: false };
  const changes = new EventEmitter();
  socket
    .on("data", (chunk) => {
      state.received += chunk.toString("latin1");
      changes.emit("change");
    })
    .on("error", () => {})
    .on("close", () => {
      state.isClosed = true;
      changes.emit("change");
    });
  const receivedWhen = async (isEnough: () => boolean): Promise<string> => {
    while (!state.isClosed && !isEnough()) await once(changes, "change");
    return state.received;
  };
  return {
    socket,
    send: (text: string | Uint8Array) => void socket.write(text),
    /** Everything received so far, once it holds `text` or the connection is closed. */
    until: (text: string) => receivedWhen(() => state.received.includes(text)),
    /** Everything received, once the server has closed the connection. */
    untilClosed: () => receivedWhen(() => false),
  };
}
