import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Scope, scopes } from "../../src/registry/records/tokens.ts";
import type { ApiRoute } from "../../src/server/api/route.ts";
import { apiRoutes } from "../../src/server/api/routes/all-routes.ts";
import { publishTar, sourceOf, tarArtifact } from "../support/test-store.ts";
import { openTestApi, type TestApi } from "./support.ts";

/** What carries a scope besides itself and `admin`. */
const carriers: { readonly [scope in Scope]?: readonly Scope[] } = {
  read: ["publish", "promote"],
  "package.read": ["package.write", "retention"],
};

let api: TestApi;
let digest: string;
let draft: string;
let artifact: string;
let openPackage: string;
let closedPackage: string;
let evidence: string;
let counter = 0;

beforeAll(async () => {
  api = await openTestApi({ listening: true });
  const first = await publishTar(api.registry, { version: "1", channel: "beta" });
  digest = first.artifacts[0]!.sha256;
  artifact = first.artifacts[0]!.id;
  await publishTar(api.registry, { version: "revoked", channel: "beta" });
  await api.registry.revokeRelease("acme", { release: "revoked" });
  for (const version of ["2", "3", "4"]) await publishTar(api.registry, { version, channel: "nightly" });
  draft = (await api.registry.draftRelease({ app: "acme", version: "draft", channel: "beta" })).id;
  await api.registry.attachArtifact("acme", { release: draft }, tarArtifact(digest));
  evidence = (await api.registry.uploadObject(sourceOf(Buffer.from("evidence")))).sha256;
  openPackage = await newPackage();
  closedPackage = await newPackage();
  await api.registry.finalizePackage(closedPackage);
});
afterAll(() => api.close());

/** A package of one file, `a`. */
async function newPackage(): Promise<string> {
  const { id } = await api.registry.createPackage({ kind: "run" });
  await api.registry.addPackageFiles(id, [{ path: "a", sha256: evidence }]);
  return id;
}

interface Example {
  readonly path: string;
  readonly json?: unknown;
  readonly body?: string;
}

const app = "/api/apps/acme";
const beta = `${app}/channels/beta`;

/** A request for every route that somebody who may gets a 2xx for; `n` makes a name fresh. */
const examples: Readonly<Record<string, (n: number) => Example | Promise<Example>>> = {
  "GET /api/apps": () => ({ path: "/api/apps" }),
  "POST /api/apps": (n) => ({ path: "/api/apps", json: { slug: `app-${n}` } }),
  "GET /api/apps/{slug}": () => ({ path: app }),
  "PATCH /api/apps/{slug}": (n) => ({ path: app, json: { owner: `o${n}` } }),
  "GET /api/apps/{slug}/releases": () => ({ path: `${app}/releases` }),
  "POST /api/apps/{slug}/releases": (n) => ({
    path: `${app}/releases`,
    json: { version: `p${n}`, channel: "ci", artifacts: [tarArtifact(digest)] },
  }),
  "GET /api/apps/{slug}/releases/{id}": () => ({ path: `${app}/releases/1` }),
  "GET /api/apps/{slug}/releases/{id}/comparison": () => ({ path: `${app}/releases/1/comparison?with=1` }),
  "POST /api/apps/{slug}/releases/{id}/artifacts": () => ({
    path: `${app}/releases/${draft}/artifacts`,
    json: tarArtifact(digest),
  }),
  "POST /api/apps/{slug}/releases/{id}/artifacts/{artifact}/link": () => ({
    path: `${app}/releases/1/artifacts/${artifact}/link`,
  }),
  "POST /api/apps/{slug}/releases/{id}/publish": () => ({ path: `${app}/releases/1/publish` }),
  "POST /api/apps/{slug}/releases/{id}/revoke": () => ({ path: `${app}/releases/revoked/revoke` }),
  "GET /api/apps/{slug}/channels": () => ({ path: `${app}/channels` }),
  "GET /api/apps/{slug}/channels/{name}": () => ({ path: beta }),
  "PUT /api/apps/{slug}/channels/{name}": () => ({ path: beta, json: {} }),
  "POST /api/apps/{slug}/channels/{name}/promote": () => ({
    path: `${beta}/promote`,
    json: { release: "1" },
  }),
  "GET /api/apps/{slug}/channels/{name}/promotion": () => ({ path: `${beta}/promotion?release=1` }),
  "POST /api/apps/{slug}/channels/{name}/rollback": () => ({ path: `${app}/channels/nightly/rollback` }),
  "GET /api/apps/{slug}/channels/{name}/history": () => ({ path: `${beta}/history` }),
  "GET /api/apps/{slug}/channels/{name}/current/{platform}": () => ({ path: `${beta}/current/linux` }),
  "HEAD /api/objects/{sha256}": () => ({ path: `/api/objects/${digest}` }),
  "POST /api/objects/{sha256}/lease": () => ({ path: `/api/objects/${digest}/lease` }),
  "GET /api/apps/{slug}/shares": () => ({ path: "/api/apps/acme/shares" }),
  "POST /api/apps/{slug}/shares": () => ({ path: "/api/apps/acme/shares", json: { channel: "beta" } }),
  "DELETE /api/apps/{slug}/shares/{id}": async () => {
    const { id } = await api.registry.createShare("acme", { channel: "beta" });
    return { path: `/api/apps/acme/shares/${id}` };
  },
  "GET /packages": () => ({ path: "/packages" }),
  "POST /packages": () => ({ path: "/packages", json: { kind: "run" } }),
  "GET /packages/{id}": () => ({ path: `/packages/${closedPackage}` }),
  "POST /packages/{id}/finalize": () => ({ path: `/packages/${closedPackage}/finalize` }),
  "POST /packages/{id}/fail": async () => ({
    path: `/packages/${await newPackage()}/fail`,
    json: { reason: "why" },
  }),
  "POST /packages/{id}/verify": () => ({ path: `/packages/${closedPackage}/verify` }),
  "GET /packages/{id}/manifest": () => ({ path: `/packages/${closedPackage}/manifest` }),
  "GET /packages/{id}/files": () => ({ path: `/packages/${openPackage}/files` }),
  "POST /packages/{id}/files": (n) => ({
    path: `/packages/${openPackage}/files`,
    json: { path: `f${n}`, sha256: evidence },
  }),
  "GET /packages/{id}/files/{path}": () => ({ path: `/packages/${closedPackage}/files/a` }),
  "PUT /packages/{id}/files/{path}": (n) => ({
    path: `/packages/${openPackage}/files/put/${n}`,
    body: "evidence",
  }),
  "DELETE /packages/{id}/files/{path}": async () => ({ path: `/packages/${await newPackage()}/files/a` }),
  "GET /packages/{id}/archive": () => ({ path: `/packages/${closedPackage}/archive` }),
  "GET /packages/{id}/retention": () => ({ path: `/packages/${openPackage}/retention` }),
  "GET /packages/{id}/retention/history": () => ({ path: `/packages/${openPackage}/retention/history` }),
  "POST /packages/{id}/retention/extensions": (n) => ({
    path: `/packages/${openPackage}/retention/extensions`,
    json: { new_expires_at: new Date(Date.UTC(2040, 0, n)).toISOString(), reason: "why" },
  }),
  "POST /packages/{id}/retention/holds": () => ({
    path: `/packages/${openPackage}/retention/holds`,
    json: { reason: "why" },
  }),
  "POST /packages/{id}/retention/holds/{hold}/release": async () => {
    const { id } = await api.registry.holdPackage(openPackage, { reason: "why" });
    return { path: `/packages/${openPackage}/retention/holds/${id}/release`, json: { reason: "why" } };
  },
  "GET /retention/classes": () => ({ path: "/retention/classes" }),
  "POST /retention/sweep": () => ({ path: "/retention/sweep" }),
  "GET /api/tokens": () => ({ path: "/api/tokens" }),
  "POST /api/tokens": (n) => ({
    path: "/api/tokens",
    json: { name: `n${n}`, scopes: ["token"], app: "acme", channel: "beta" },
  }),
  "POST /api/tokens/{id}/revoke": async () => {
    const { id } = await api.token(["read"], { app: "acme", channel: "beta" });
    return { path: `/api/tokens/${id}/revoke` };
  },
  "GET /api/sessions": () => ({ path: "/api/sessions" }),
  "POST /api/sessions/{id}/end": () => ({ path: "/api/sessions/ses_none/end" }),
  "GET /api/audit": () => ({ path: "/api/audit?app=acme" }),
  "GET /api/apps/{slug}/statistics": () => ({ path: "/api/apps/acme/statistics?days=7&channel=beta" }),
  "GET /api/statistics": () => ({ path: "/api/statistics?days=7" }),
  "GET /api/status": () => ({ path: "/api/status" }),
  "GET /api/search": () => ({ path: "/api/search?q=acme" }),
  "GET /api/storage": () => ({ path: "/api/storage" }),
  "GET /api/store/status": () => ({ path: "/api/store/status" }),
  "POST /api/store/verify": () => ({ path: "/api/store/verify" }),
  "POST /api/store/rebuild": () => ({ path: "/api/store/rebuild" }),
  "POST /api/store/cleanup": () => ({ path: "/api/store/cleanup" }),
  "GET /api/store/export": () => ({ path: "/api/store/export" }),
};

const keyOf = ({ method, path }: ApiRoute) => `${method} ${path}`;
const allowed = "2xx";
/** What whoever may ask is told. Whose session it is decides, and these callers have none. */
const granted = (route: ApiRoute) =>
  keyOf(route) === "POST /api/sessions/{id}/end" ? "404 session.not_found" : allowed;

/** What a token limited to another app gets: what it sees only its own app's of is empty, or not there. */
function wrongApp(route: ApiRoute): string {
  const { limits } = route.access;
  if (limits === "narrow" || limits === "narrow-app")
    return route.path.includes("{id}") ? "404 package.not_found" : allowed;
  if (limits === "none") return granted(route);
  return keyOf(route) === "POST /api/tokens/{id}/revoke" ? "404 token.not_found" : "403 auth.wrong_app";
}

/** The prefixes under which a route is answered. */
const prefixesOf = ({ path }: ApiRoute) => (path.startsWith("/api/") ? [""] : ["", "/api"]);

async function outcome(route: ApiRoute, prefix: string, token?: string): Promise<string> {
  const { path, ...sent } = await examples[keyOf(route)]!(counter++);
  const { status, code } = await api.send(route.method, prefix + path, { token, ...sent });
  if (status < 300) return allowed;
  // A HEAD has no body that could say why.
  return route.method === "HEAD" ? String(status) : `${status} ${code}`;
}

describe("every route, by every kind of caller", () => {
  it("has an example", () => {
    expect(Object.keys(examples).toSorted()).toEqual(apiRoutes.map(keyOf).toSorted());
  });

  it.each(apiRoutes.map((route) => [keyOf(route), route] as const))("%s", async (_, route) => {
    const { who, limits } = route.access;
    const bare = (text: string) => (route.method === "HEAD" && text !== allowed ? text.slice(0, 3) : text);
    const carries = (scope: Scope) =>
      who === "visibility" ||
      scope === "admin" ||
      who.includes(scope) ||
      who.some((wanted) => carriers[wanted]?.includes(scope) ?? false);
    const actual: Record<string, string> = {};
    const expected: Record<string, string> = {};
    const check = async (name: string, token: string | undefined, result: string) => {
      for (const prefix of prefixesOf(route)) {
        actual[name + prefix] = await outcome(route, prefix, token);
        expected[name + prefix] = bare(result);
      }
    };
    await check("nobody", undefined, who === "visibility" ? allowed : "401 auth.missing_token");
    for (const scope of scopes) {
      const { secret } = await api.token([scope]);
      await check(scope, secret, carries(scope) ? granted(route) : "403 auth.missing_scope");
      if (!carries(scope)) continue;
      const elsewhere = await api.token([scope], { app: "other" });
      await check(`${scope} for another app`, elsewhere.secret, wrongApp(route));
      const otherChannel = await api.token([scope], { channel: "other" });
      const isRefused = ["channel", "narrow-app", "unlimited"].includes(limits);
      const refused = isRefused ? "403 auth.wrong_channel" : granted(route);
      await check(`${scope} for another channel`, otherChannel.secret, refused);
    }
    expect(actual).toEqual(expected);
  });
});

describe("credentials", () => {
  it("that are malformed or unknown are 401, dead ones 403, on a route open to everybody too", async () => {
    const dead = await api.token(["read"]);
    await api.registry.revokeToken(dead.id);
    const code = async (token: string) => {
      const { status, code: found } = await api.send("GET", "/api/apps", { token });
      return `${status} ${found}`;
    };
    expect(await code("dist_1")).toBe("401 auth.malformed_token");
    expect(await code(`dist_${"0".repeat(64)}`)).toBe("401 auth.unknown_token");
    expect(await code(dead.secret)).toBe("403 auth.revoked");
  });

  // Whoever may do nothing must not make the server read and parse what they send.
  it("are asked for before the body is read", async () => {
    const body = "x".repeat(2 * 1024 * 1024);
    expect((await api.send("POST", "/api/apps", { body })).code).toBe("auth.missing_token");
    const { secret: token } = await api.token(["read"]);
    expect((await api.send("POST", "/api/apps", { body, token })).code).toBe("auth.missing_scope");
  });
});

describe("a private app", () => {
  beforeAll(async () => {
    await publishTar(api.registry, { app: "hidden", version: "1", channel: "beta" });
    await api.registry.updateApp("hidden", { visibility: "private" });
  });

  it.each([
    "/api/apps/hidden",
    "/api/apps/hidden/releases",
    "/api/apps/hidden/releases/1",
    "/api/apps/hidden/channels",
    "/api/apps/hidden/channels/beta",
    "/api/apps/hidden/channels/beta/current/linux",
  ])("%s is for those with read; to others it is not there", async (path) => {
    const codes: (string | undefined)[] = [];
    for (const limits of [{ app: "acme" }, { app: "hidden" }]) {
      const { secret: token } = await api.token(["read"], limits);
      codes.push((await api.send("GET", path, { token })).code);
    }
    codes.push((await api.send("GET", path)).code);
    expect(codes).toEqual(["app.not_found", undefined, "app.not_found"]);
  });
});
