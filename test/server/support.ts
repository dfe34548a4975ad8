import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { pino } from "pino";

import type { Registry } from "../../src/registry/registry.ts";
import { mountApi } from "../../src/server/api/mount-api.ts";
import { createApp } from "../../src/server/app.ts";
import { startServer } from "../../src/server/serve.ts";
import type { ServerDeps, ServerEnv } from "../../src/server/server-context.ts";
import { openTestStore, type TestStore } from "../support/test-store.ts";

export const BASE_URL = "https://dist.example.org";

/** What a test sends. */
export interface Call {
  /** A token's secret. */
  readonly token?: string | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, when there is no `json`. */
  readonly body?: string | Uint8Array | ReadableStream;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: any;
  /** The error's code, when the body is an error. */
  readonly code: string | undefined;
}

export interface TestApi extends TestStore {
  readonly app: Hono<ServerEnv>;
  /** Sends a request in process. */
  send(method: string, path: string, call?: Call): Promise<Answer>;
  /** A new token with these scopes and limits: its secret, and the store as it sees it. */
  token(
    scopes: readonly string[],
    limits?: { app?: string; channel?: string },
  ): Promise<{ id: string; secret: string; registry: Registry }>;
}

/** The routes of the API on a fresh store: in process, or on a port, which those that take and answer bytes need. */
export async function openTestApi({ listening = false } = {}): Promise<TestApi> {
  const test = await openTestStore();
  const deps = depsOf(test);
  const app = createApp(deps, [mountApi]);
  const server = listening ? await startServer(deps, app) : undefined;
  let made = 0;
  return {
    ...test,
    app: app.hono,
    close: async () => {
      await server?.close();
      await test.close();
    },
    send: async (method, path, call = {}) => {
      const headers = new Headers(call.headers);
      if (call.token !== undefined) headers.set("Authorization", `Bearer ${call.token}`);
      if (call.json !== undefined) headers.set("Content-Type", "application/json");
      const body = call.json === undefined ? call.body : JSON.stringify(call.json);
      const init = { method, headers, ...(body !== undefined && { body, duplex: "half" }) };
      const request = new Request(`${server?.url ?? BASE_URL}${path}`, init as RequestInit);
      const response = await (server === undefined
        ? app.hono.fetch(request, {} as HttpBindings)
        : fetch(request));
      const text = await response.text();
      const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
      const json: any = isJson && text !== "" ? JSON.parse(text) : undefined;
      return { status: response.status, headers: response.headers, text, json, code: json?.error?.code };
    },
    token: async (scopes, limits = {}) => {
      made += 1;
      const { id, secret } = await test.registry.createToken({ name: `t${made}`, scopes, ...limits });
      return { id, secret, registry: test.store.as(await test.store.authenticate(secret)) };
    },
  };
}

function depsOf(test: TestStore): ServerDeps {
  const settings = {
    host: "127.0.0.1",
    port: 0,
    publicUrl: BASE_URL,
    trustedProxies: [],
    maxUploadBytes: 1024 ** 2,
    workers: 1,
    sendFile: "off",
    oidc: null,
  } as const;
  return { store: test.store, settings, log: pino({ enabled: false }), clock: test.clock };
}
