import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, get } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";

import { type ServerType, serve } from "@hono/node-server";
import { Hono } from "hono";
import { pino } from "pino";

import { DistError } from "../../src/base/errors.ts";
import { anonymousPrincipal } from "../../src/registry/principal.ts";
import { statusOf } from "../../src/server/http-errors.ts";
import type { ServerEnv } from "../../src/server/server-context.ts";
import type { ServerSettings } from "../../src/config/server-settings.ts";
import { mountStream, type StreamLimits } from "../../src/server/stream/mount-stream.ts";
import type { TestStore } from "../support/test-store.ts";

const settings: ServerSettings = {
  host: "127.0.0.1",
  port: 0,
  publicUrl: null,
  trustedProxies: [],
  maxUploadBytes: 1,
  workers: 1,
  sendFile: "off",
  oidc: null,
};

export interface StreamServer {
  readonly url: string;
  closeStreams(): void;
  /** How many clients are connected. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

/** A server on a port that knows tokens and event streams, and nothing else. */
export async function startStreamServer(test: TestStore, limits?: StreamLimits): Promise<StreamServer> {
  const { store, clock } = test;
  const app = new Hono<ServerEnv>();
  app.use(async (c, next) => {
    const secret = c.req.header("Authorization")?.replace("Bearer ", "");
    c.set("principal", secret === undefined ? anonymousPrincipal : await store.authenticate(secret));
    c.set("registry", store.as(c.var.principal));
    await next();
  });
  app.onError((error, c) => {
    if (!(error instanceof DistError)) throw error;
    return c.json(error.toJSON(), statusOf(error));
  });
  const streams = mountStream(app, { store, clock, settings, log: pino({ enabled: false }) }, limits);
  const server: ServerType = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/events`,
    closeStreams: () => streams.close(),
    connections: async () => promisify(server.getConnections.bind(server))(),
    close: async () => {
      streams.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export interface Message {
  readonly id: number | undefined;
  readonly event: string;
  readonly data: { readonly [key: string]: unknown };
}

/** A Server-Sent Events client that keeps what it was sent. */
export class StreamReader {
  readonly messages: Message[] = [];
  comments = 0;
  hasEnded = false;
  readonly response: IncomingMessage;
  readonly #request: ClientRequest;
  #rest = "";
  #wake: () => void = () => {};

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.response = response;
    response.setEncoding("utf8");
    response.on("data", (text: string) => this.#take(text));
    response.on("close", () => this.#end());
    response.on("error", () => this.#end());
  }

  static async open(url: string, token: string, lastEventId?: string): Promise<StreamReader> {
    const headers: Record<string, string> = {
      Accept: "text/event-stream",
      Authorization: `Bearer ${token}`,
      ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
    };
    const request = get(url, { headers, agent: false });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`The stream was answered ${response.statusCode}.`);
    return new StreamReader(request, response);
  }

  /** Resolves when what was received so far satisfies this, or the stream ended. */
  async until(enough: (reader: StreamReader) => boolean): Promise<void> {
    while (!this.hasEnded && !enough(this)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Reads to the end of the stream; answers its last message. */
  async last(): Promise<Message | undefined> {
    await this.until(() => false);
    return this.messages.at(-1);
  }

  ids(): number[] {
    return this.messages.flatMap(({ id }) => (id === undefined ? [] : [id]));
  }

  close(): void {
    this.#request.destroy();
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split("\n\n");
    this.#rest = parts.pop()!;
    for (const part of parts) {
      if (part.startsWith(":")) this.comments += 1;
      else this.messages.push(messageOf(part));
    }
    this.#wake();
  }

  #end(): void {
    this.hasEnded = true;
    this.#wake();
  }
}

function messageOf(text: string): Message {
  const fields = new Map(
    text.split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
  );
  const id = fields.get("id");
  return {
    id: id === undefined ? undefined : Number(id),
    event: fields.get("event")!,
    data: JSON.parse(fields.get("data")!) as Message["data"],
  };
}
