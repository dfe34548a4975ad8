import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";

import { sha256Hex } from "../../base/digest.ts";
import { hasScope, requireScope } from "../../registry/access.ts";
import { distManifestSchema } from "../../registry/manifest/dist-manifest.ts";
import type { Principal } from "../../registry/principal.ts";
import type { Store } from "../../registry/open-store.ts";
import type { Registry } from "../../registry/registry.ts";
import { finish, type Finished, readAnswer, requireMatch } from "../conditional.ts";
import { httpErrors } from "../http-errors.ts";
import { KeptAnswers } from "../kept-answers.ts";
import type { ServerDeps, ServerEnv } from "../server-context.ts";
import { openApiDocument } from "./openapi.ts";
import { withPublicLinks } from "./public-links.ts";
import { checkBody, checkParameters, readJson, readQuery } from "./read-json.ts";
import { type Access, type ApiRoute, RawAnswer, type RouteInput } from "./route.ts";
import { apiRoutes } from "./routes/all-routes.ts";
import { textStream } from "./text-stream.ts";
import { Turns } from "./turns.ts";

const noParameters = z.strictObject({});

/** Caches ask each time, and tell callers apart. */
const readHeaders = {
  caching: { Vary: "Accept, Authorization", "Cache-Control": "private, no-cache" },
  content: { "Content-Type": "application/json" },
};

/**
 * Answers the JSON routes, `/openapi.json` and `/schema/dist.json`. Who asks and the store as they see it stand in the
 * context; errors are thrown for the application's handler.
 */
export function mountApi(app: Hono<ServerEnv>, deps: ServerDeps): void {
  const server = { store: deps.store, turns: new Turns(), kept: new KeptAnswers() };
  for (const [path, routes] of Map.groupBy(apiRoutes, (route) => route.path)) {
    app.all(path.replaceAll(/\{(\w+)\}/g, ":$1"), (c) => answer(c, routes, server));
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

/** What the routes of one server share. */
interface ApiServer {
  readonly store: Store;
  readonly turns: Turns;
  readonly kept: KeptAnswers;
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
  const reading = route.method === "GET" || route.method === "HEAD";
  const sent = reading ? undefined : await readJson(c.req.raw);
  const input = {
    ...inputOf(c, route, readQuery(c.req.url)),
    body: reading ? undefined : checkBody(body, sent),
    ...onceOnly(c, server.store, sent),
  };
  if (route.method !== "PATCH" && route.method !== "PUT") return respond(c, route, await route.handle(input));
  // The look at what is there and the change are one step for those who change it through this process.
  return server.turns.take(c.req.path, async () => {
    await requireMatch(c.req.raw, () => currentBody(c, routes));
    return respond(c, route, await route.handle(input));
  });
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
    const result = await route.handle(inputOf(c, route, readQuery(c.req.url)));
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
  asked: Readonly<Record<string, string>>,
): RouteInput<unknown, unknown, unknown> {
  return {
    registry: c.var.registry,
    params: paramsOf(c, route),
    query: checkParameters(route.query ?? noParameters, asked),
    body: undefined,
    signal: c.req.raw.signal,
  };
}

function paramsOf(c: Context<ServerEnv>, { params = noParameters }: ApiRoute): unknown {
  return checkParameters(params, c.req.param() as Record<string, string>);
}

/** What a GET of the same address, without a query, would answer now. */
async function currentBody(c: Context<ServerEnv>, routes: readonly ApiRoute[]): Promise<string> {
  const route = routeFor("GET", routes)!;
  return jsonOf(c, await route.handle(inputOf(c, route, {})));
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

async function respond(c: Context<ServerEnv>, route: ApiRoute, result: unknown): Promise<Response> {
  if (result instanceof RawAnswer) return rawResponse(c, result);
  const body = jsonOf(c, result);
  if (route.method === "GET") return readAnswer(c.req.raw, finish(body), readHeaders);
  return new Response(body, {
    status: route.status?.(result) ?? route.statuses?.[0] ?? 200,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
  });
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
