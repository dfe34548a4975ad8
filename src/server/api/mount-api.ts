import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";

import type { CanonicalValue } from "../../base/cbor.ts";
import { sha256Hex } from "../../base/digest.ts";
import { hasScope, requireScope } from "../../registry/access.ts";
import { distManifestSchema } from "../../registry/manifest/dist-manifest.ts";
import type { Principal } from "../../registry/principal.ts";
import type { Store } from "../../registry/open-store.ts";
import type { Registry } from "../../registry/registry.ts";
import { finish, type Finished, readAnswer, requireMatch } from "../conditional.ts";
import { httpErrors } from "../http-errors.ts";
import { KeptAnswers } from "../kept-answers.ts";
import type { PartDeps, ServerEnv } from "../server-context.ts";
import { closeUnread } from "../transfer/close-unread.ts";
import type { ApiServer } from "./api-server.ts";
import { canonicalBody } from "./canonical-body.ts";
import { openApiDocument } from "./openapi.ts";
import { withPublicLinks } from "./public-links.ts";
import { checkBody, checkParameters, readJson, readQuery } from "./read-json.ts";
import { restOfPath } from "./rest-of-path.ts";
import {
  type Access,
  type ApiRoute,
  type EncodedAnswer,
  RawAnswer,
  type RouteInput,
  SentAnswer,
} from "./route.ts";
import { apiRoutes } from "./routes/all-routes.ts";
import { textStream } from "./text-stream.ts";
import { Turns } from "./turns.ts";

const noParameters = z.strictObject({});

/** Caches ask each time, and tell callers apart. */
const caching = { Vary: "Accept, Authorization", "Cache-Control": "private, no-cache" };
const readHeaders = { caching, content: { "Content-Type": "application/json" } };

/**
 * Answers the JSON routes, `/openapi.json` and `/schema/dist.json`. Who asks and the store as they see it stand in the
 * context; errors are thrown for the application's handler.
 */
export function mountApi(app: Hono<ServerEnv>, deps: PartDeps): void {
  const server = { ...deps, turns: new Turns(), kept: new KeptAnswers() };
  for (const [path, routes] of Map.groupBy(apiRoutes, (route) => route.path)) {
    for (const address of addressesOf(path)) {
      for (const { method, takesBytes } of routes) if (takesBytes) app.on(method, address, closeUnread);
      app.all(address, (c) => answer(c, routes, server));
    }
  }
  const documents = {
    "/openapi.json": () => JSON.stringify(openApiDocument(deps.settings.publicUrl)),
    "/schema/dist.json": () => JSON.stringify(distManifestSchema(), null, 2),
  };
  for (const [path, text] of Object.entries(documents)) {
    // Made when the first asks for it: a server is not to start slower for it.
    let finished: Finished | undefined;
    app.all(path, (c) => {
      if (c.req.method !== "GET" && c.req.method !== "HEAD") throw methodNotAllowed(c, ["GET"]);
      return readAnswer(c.req.raw, (finished ??= finish(text())), readHeaders);
    });
  }
}

/** Where a route is answered, as patterns of Hono's. */
function addressesOf(path: string): string[] {
  const pattern = path.replace("{path}", ":path{[^]+}").replaceAll(/\{(\w+)\}/g, ":$1");
  return path.startsWith("/api/") ? [pattern] : [pattern, `/api${pattern}`];
}

async function answer(
  c: Context<ServerEnv>,
  routes: readonly ApiRoute[],
  server: ApiServer,
): Promise<Response> {
  const route = routeFor(c.req.method, routes);
  if (route === undefined) {
    throw methodNotAllowed(
      c,
      routes.map(({ method }) => method),
    );
  }
  const { access, body = noParameters, kept } = route;
  requireAnyOf(c.var.principal, access.who);
  if (kept !== undefined) return keptAnswer(c, route, kept, server);
  const hasNoJson = route.method === "GET" || route.method === "HEAD" || route.takesBytes === true;
  const sent = hasNoJson ? undefined : await readJson(c.req.raw);
  const input = {
    ...inputOf(c, route),
    body: hasNoJson ? undefined : checkBody(body, sent),
    ...onceOnly(c, server.store, sent),
  };
  const handle = async () => respond(c, route, await route.handle(input), server);
  if (!isChecked(route)) return handle();
  // The look at what is there and the change are one step for those who change it through this process.
  return server.turns.take(c.req.path, async () => {
    await requireMatch(c.req.raw, () => currentBody(c, routes));
    return handle();
  });
}

/** Whether `If-Match` is looked at here: a route that takes bytes does so itself, for it must not keep others waiting for them. */
function isChecked({ method, takesBytes }: ApiRoute): boolean {
  return (method === "PATCH" || method === "PUT") && takesBytes !== true;
}

/** The answer to a GET, the one that is kept where it still holds. */
async function keptAnswer(
  c: Context<ServerEnv>,
  route: ApiRoute,
  until: NonNullable<ApiRoute["kept"]>,
  server: ApiServer,
): Promise<Response> {
  const { principal, baseUrl } = c.var;
  const version = await server.store.appVersion(principal, until.app(paramsOf(c, route)));
  const finished = await server.kept.answer(version, `${baseUrl} ${c.req.url}`, async () => {
    const result = await route.handle(inputOf(c, route));
    return { body: jsonOf(c, result), mayKeep: until.mayKeep(result) };
  });
  return readAnswer(c.req.raw, finished, readHeaders);
}

/** A POST with an `Idempotency-Key` is done once: the store keeps its answer for the repetitions. */
function onceOnly(c: Context<ServerEnv>, store: Store, sent: unknown): { registry?: Registry } {
  const key = c.req.header("idempotency-key");
  if (key === undefined || c.req.method !== "POST") return {};
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw httpErrors.error(
      "request.invalid_parameter",
      "An Idempotency-Key is 1 to 255 visible ASCII characters.",
    );
  }
  const idempotency = {
    route: `POST ${c.req.path}`,
    key,
    bodySha256: sha256Hex(Buffer.from(JSON.stringify(sent))),
  };
  return { registry: store.as(c.var.principal, { idempotency }) };
}

/** "The server SHOULD send the same header fields in response to a HEAD request as [for] GET" (RFC 9110, 9.3.2). */
function routeFor(method: string, routes: readonly ApiRoute[]): ApiRoute | undefined {
  const own = routes.find((route) => route.method === method);
  return own ?? (method === "HEAD" ? routes.find((route) => route.method === "GET") : undefined);
}

function inputOf(
  c: Context<ServerEnv>,
  route: ApiRoute,
  url = c.req.url,
): RouteInput<unknown, unknown, unknown> {
  const { query = noParameters } = route;
  return {
    registry: c.var.registry,
    params: paramsOf(c, route),
    query: checkParameters(query, readQuery(url, query)),
    body: undefined,
    signal: c.req.raw.signal,
  };
}

function paramsOf(c: Context<ServerEnv>, { path, params = noParameters }: ApiRoute): unknown {
  const values = c.req.param() as Record<string, string>;
  if (!path.endsWith("{path}")) return checkParameters(params, values);
  // As it was sent: by now dots are taken out. Requests made in process have no connection.
  const { incoming } = c.env as Partial<ServerEnv["Bindings"]>;
  return checkParameters(params, { ...values, path: restOfPath(incoming?.url ?? c.req.url, path) });
}

/** What a GET of the same address, without a query, would answer now. */
async function currentBody(c: Context<ServerEnv>, routes: readonly ApiRoute[]): Promise<string> {
  const route = routeFor("GET", routes)!;
  const { origin, pathname } = new URL(c.req.url);
  return jsonOf(c, await route.handle(inputOf(c, route, origin + pathname)));
}

/**
 * Refuses those who hold none of the scopes before their body is read. Whether a token's limits allow it, and every other
 * question of access, is for the registry.
 */
function requireAnyOf(principal: Principal, who: Access["who"]): void {
  if (who === "visibility") return;
  const held = who.find((scope) => hasScope(principal, scope));
  requireScope(principal, held ?? who[0], { app: principal.app, channel: principal.channel });
}

async function respond(
  c: Context<ServerEnv>,
  route: ApiRoute,
  result: unknown,
  server: ApiServer,
): Promise<Response> {
  if (result instanceof RawAnswer) return rawResponse(c, result);
  if (result instanceof SentAnswer) return result.send(c, server);
  const { body, content } = bodyOf(c, route, result);
  if (route.method === "GET") return readAnswer(c.req.raw, finish(body), { caching, content });
  return new Response(body, {
    status: route.status?.(result) ?? route.statuses?.[0] ?? 200,
    headers: { ...content, "Cache-Control": "no-store" },
  });
}

function bodyOf(c: Context<ServerEnv>, { form }: ApiRoute, result: unknown) {
  if (form === "canonical")
    return canonicalBody(c.req.header("Accept"), result as CanonicalValue | EncodedAnswer);
  return { body: jsonOf(c, result), content: readHeaders.content };
}

function jsonOf(c: Context<ServerEnv>, result: unknown): string {
  return JSON.stringify(withPublicLinks(result, c.var.baseUrl));
}

async function rawResponse(c: Context<ServerEnv>, { status, headers, body }: RawAnswer): Promise<Response> {
  const all = { "Cache-Control": "no-store", ...headers };
  if (body === null) return new Response(null, { status, headers: all });
  // The first piece is awaited, so that a refusal still has its status.
  const pieces = body[Symbol.asyncIterator]();
  const first = await pieces.next();
  if (c.req.method === "HEAD") {
    await pieces.return?.();
    return new Response(null, { status, headers: all });
  }
  return new Response(textStream(first, pieces), { status, headers: all });
}

/** RFC 9110, 15.5.6: "The origin server MUST generate an Allow header field in a 405 response". */
function methodNotAllowed(c: Context<ServerEnv>, methods: readonly string[]): Error {
  const allow = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  c.header("Allow", allow.join(", "));
  return httpErrors.error("request.method_not_allowed", `This address does not take ${c.req.method}.`, {
    details: { method: c.req.method, allow },
  });
}
