import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";

import type { Scope } from "../../registry/records/tokens.ts";
import type { Registry } from "../../registry/registry.ts";
import type { ServerEnv } from "../server-context.ts";
import type { ApiServer } from "./api-server.ts";

/** Who may use a route. The registry decides; this is what it decides by, for the reference and the tests. */
export interface Access {
  /** Whoever may see the app, or a token with one of these scopes. */
  readonly who: "visibility" | readonly [Scope, ...Scope[]];
  /**
   * Which of a token's limits must be where the route acts; `channel` means both. `narrow`: for a token that is limited to an app there is
   * nothing but what belongs to it. `narrow-app`: the same, and none that is limited to a channel may. `unlimited`: what the
   * route changes belongs to no app, so no token with a limit may.
   */
  readonly limits: "none" | "app" | "channel" | "narrow" | "narrow-app" | "unlimited";
}

export const byVisibility: Access = { who: "visibility", limits: "none" };

/** Tokens with the scope, whose limits, if they have any, are where the route acts. */
export function needs(scope: Scope, limits: Access["limits"] = "channel"): Access {
  return { who: [scope], limits };
}

export type Method = "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";

/** What a checked value is for the registry: a key that may be absent is never there as `undefined`. */
type Given<T> = T extends readonly (infer Item)[]
  ? readonly Given<Item>[]
  : T extends object
    ? { [Key in keyof T]: Given<Exclude<T[Key], undefined>> }
    : T;

export interface RouteInput<Params, Query, Body> {
  /** As whoever asks. */
  readonly registry: Registry;
  readonly params: Given<Params>;
  readonly query: Given<Query>;
  readonly body: Given<Body>;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** One method of one path: what the reference, the OpenAPI document, the access tests and the server are made from. */
export interface Route<Params, Query, Body, Result> {
  readonly method: Method;
  /**
   * With parameters as `{name}`; `{path}` takes all that is left, with its slashes. A path that is not below `/api` is answered
   * there as well.
   */
  readonly path: string;
  readonly access: Access;
  /** One sentence. */
  readonly summary: string;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  /** An empty body is read as `{}`. */
  readonly body?: z.ZodType<Body>;
  /** The body is bytes, which the answer reads itself. */
  readonly takesBytes?: true;
  readonly response: z.ZodType<Result>;
  /**
   * `canonical`: the answer is RFC 8785 JSON, or canonical CBOR where that is rather accepted. `bytes`: it is no JSON. Any other is JSON
   * as it comes.
   */
  readonly form?: "canonical" | "bytes";
  /** 200 when absent. The first is the usual one. */
  readonly statuses?: readonly [number, ...number[]];
  /** Which of `statuses` an answer has; the first when absent. */
  status?(result: Result): number;
  /** For a GET whose answer may be kept until something happens to the app. */
  readonly kept?: KeptUntilChanged<Params, Result>;
  /** The codes that belong to this route, besides those that any route may answer. */
  readonly errors: readonly string[];
  handle(input: RouteInput<Params, Query, Body>): Promise<Result | RawAnswer | SentAnswer | EncodedAnswer>;
}

/** An answer that depends on one app, on who asks and on nothing else. */
export interface KeptUntilChanged<Params, Result> {
  /** The app's slug. */
  app(params: Given<Params>): string;
  /** False for an answer that may change without an event of the app. */
  mayKeep(result: Result): boolean;
}

export type ApiRoute = Route<unknown, unknown, unknown, unknown>;

/** An answer that is not a JSON value in one piece. */
export class RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<string> | null;

  constructor(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: AsyncIterable<string> | null = null,
  ) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** An answer of bytes: written to the connection itself, at its pace. */
export class SentAnswer {
  readonly send: (c: Context<ServerEnv>, server: ApiServer) => Promise<Response>;

  constructor(send: SentAnswer["send"]) {
    this.send = send;
  }
}

/** A canonical answer that is there as canonical CBOR. */
export class EncodedAnswer {
  readonly cbor: Uint8Array;

  constructor(cbor: Uint8Array) {
    this.cbor = cbor;
  }
}

/** Declares a route: its handler gets what its schemas let through. */
export function route<Params = unknown, Query = unknown, Body = undefined, Result = unknown>(
  spec: Route<Params, Query, Body, Result>,
): ApiRoute {
  return spec;
}
