import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { pino } from "pino";

import type { Registry } from "../../src/registry/registry.ts";
import { mountApi } from "../../src/server/api/mount-api.ts";
import { createApp } from "../../src/server/app.ts";
import type { ServerEnv } from "../../src/server/server-context.ts";
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

/** The JSON routes on a fresh store, in process. */
export async function openTestApi(): Promise<TestApi> {
  const test = await openTestStore();
  const app = apiApp(test);
  let made = 0;
  return {
    ...test,
    app,
    send: async (method, path, call = {}) => {
      const headers = new Headers(call.headers);
      if (call.token !== undefined) headers.set("Authorization", `Bearer ${call.token}`);
      if (call.json !== undefined) headers.set("Content-Type", "application/json");
      const body = call.json === undefined ? call.body : JSON.stringify(call.json);
      const init = { method, headers, ...(body !== undefined && { body, duplex: "half" }) };
      const response = await app.fetch(
        new Request(`${BASE_URL}${path}`, init as RequestInit),
        {} as HttpBindings,
      );
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

function apiApp(test: TestStore): Hono<ServerEnv> {
  const settings = {
    host: "127.0.0.1",
    port: 0,
    publicUrl: BASE_URL,
    trustedProxies: [],
    maxUploadBytes: 1024 ** 2,
    workers: 1,
    sendFile: "off",
  } as const;
  const deps = { store: test.store, settings, log: pino({ enabled: false }), clock: test.clock };
  return createApp(deps, [mountApi]).hono;
}
