import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { distManifestSchema } from "../../src/registry/manifest/dist-manifest.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { apiReference } from "../../src/server/api/reference.ts";
import { apiRoutes, routesByResource } from "../../src/server/api/routes/all-routes.ts";
import { publishTar, tarArtifact, tarGzBytes, uploadTar } from "../support/test-store.ts";
import { type Answer, BASE_URL, openTestApi, type TestApi } from "./support.ts";

let api: TestApi;
let admin: string;
let publisher: { secret: string; registry: Registry };
beforeAll(async () => {
  api = await openTestApi();
  admin = (await api.token(["admin"])).secret;
  publisher = await api.token(["publish"]);
  await publishTar(api.registry, { version: "0", channel: "beta" });
});
afterAll(() => api.close());

const app = "/api/apps/acme";

/** As the administrator, answering a JSON body that is as the route's schema says, whole. */
async function ok(method: string, path: string, json?: unknown): Promise<any> {
  const answer = await api.send(method, path, { token: admin, json });
  expect(answer.json, `${method} ${path}: ${answer.text}`).toBeDefined();
  expect(answer.status, answer.text).toBeLessThan(300);
  const plain = path.split("?")[0]!.split("/");
  const route = apiRoutes.find((candidate) => {
    const parts = candidate.path.split("/");
    const fits = (part: string, index: number) => part.startsWith("{") || part === plain[index];
    return candidate.method === method && parts.length === plain.length && parts.every(fits);
  });
  // Parsing leaves out what the schema does not have, and refuses what it has and is not there.
  expect(route!.response.parse(answer.json)).toEqual(answer.json);
  return answer.json;
}

const expectRefused = (answer: Answer, status: number, code: string) =>
  expect({ status: answer.status, code: answer.code }).toEqual({ status, code });

describe("a publication over HTTP", () => {
  it("goes from digests to a release, a channel and links, without a path of this machine", async () => {
    const sha256 = await uploadTar(publisher.registry, "first");
    const artifacts = [
      tarArtifact(sha256, { arch: "arm64", metadata: { url: "file:///mine", sha256: "x" } }),
    ];
    const json = { $schema: "x", app: "acme", version: "1.0", build: "7", channel: "beta", artifacts };
    const dryRun = await api.send("POST", `${app}/releases`, {
      token: publisher.secret,
      json: { ...json, artifacts: [{ platform: "linux" }], dry_run: true },
    });
    expect(dryRun.json).toEqual({ status: "ok" });

    const published = await api.send("POST", `${app}/releases`, { token: publisher.secret, json });
    expect(published.status).toBe(201);
    expect(published.json).toMatchObject({
      status: "published",
      release: { version: "1.0", url: `${BASE_URL}/download/${published.json.release.manifest_sha256}` },
      artifacts: [{ arch: "arm64", url: `${BASE_URL}/download/${sha256}` }],
      channel: { name: "beta", current_release_id: published.json.release.id },
    });
    const again = await api.send("POST", `${app}/releases`, {
      token: publisher.secret,
      json: { ...json, if_exists: "skip" },
    });
    expect([again.status, again.json.status]).toEqual([200, "unchanged"]);
    expectRefused(
      await api.send("POST", `${app}/releases`, { token: publisher.secret, json }),
      409,
      "transaction.integrity",
    );

    const release = await ok("GET", `${app}/releases/1.0?build=7`);
    // The publisher's own words stay as they are, whatever they look like.
    expect(release.artifacts[0].metadata).toMatchObject({ url: "file:///mine", sha256: "x" });
    const whole = await ok("GET", app);
    const current = await ok("GET", `${app}/channels/beta/current/linux?arch=aarch64&format=tar`);
    expect(current.sha256).toBe(sha256);
    const list = await ok("GET", `${app}/releases?channel=beta`);
    for (const answer of [published.json, whole, current, list, release]) {
      expect(JSON.stringify(answer).replaceAll("file:///mine", "")).not.toMatch(/file:|\/tmp/);
    }
  });

  it("names digests that the caller may not know", async () => {
    const sha256 = await uploadTar(api.registry, "somebody else's");
    const json = { version: "1.1", artifacts: [tarArtifact(sha256)] };
    const answer = await api.send("POST", `${app}/releases`, { token: publisher.secret, json });
    expectRefused(answer, 409, "object.missing");
    expect(answer.json.error.details).toEqual({ missing: [sha256] });
  });

  it("drafts, attaches, publishes and revokes", async () => {
    const one = await uploadTar(publisher.registry, "one");
    const two = await uploadTar(publisher.registry, "two");
    const send = (path: string, json?: unknown) =>
      api.send("POST", `${app}/releases${path}`, { token: publisher.secret, json });
    const draft = await send("", { version: "2.0", draft: true, artifacts: [tarArtifact(one)] });
    expect([draft.status, draft.json.status, draft.json.artifacts.length]).toEqual([201, "draft", 1]);
    const attach = `/${draft.json.id}/artifacts`;
    expectRefused(await send(attach, tarArtifact(two)), 409, "package.duplicate_path");
    const attached = await send(attach, { ...tarArtifact(two), replace: true });
    expect(attached.json.artifacts.map((artifact: { sha256: string }) => artifact.sha256)).toEqual([two]);
    const published = await send(`/${draft.json.id}/publish`, { channel: "beta" });
    expect([published.status, published.json.status]).toEqual([200, "published"]);
    const revoked = await ok("POST", `${app}/releases/2.0/revoke`, { reason: "bad" });
    expect(revoked.status).toBe("revoked");
    expectRefused(
      await api.send("POST", `${app}/channels/beta/promote`, { token: admin, json: { release: "2.0" } }),
      410,
      "release.revoked",
    );
  });

  it.each([
    [{ version: "3", artifacts: [{ platform: "linux", filename: "a" }] }, "artifacts[0].sha256"],
    [{ version: "3", artifacts: [{ platform: "linux", sha256: "0".repeat(64) }] }, "artifacts[0].filename"],
    [{ version: "3", artifacts: [{ platform: "linux", path: "a" }] }, "artifacts[0].path"],
    [{ version: "3", app: "other", artifacts: [] }, "app"],
    [{ artifacts: [] }, "version"],
  ])("refuses %j", async (json, path) => {
    const answer = await api.send("POST", `${app}/releases`, { token: publisher.secret, json });
    expectRefused(answer, 400, "request.invalid_body");
    expect(answer.json.error.details.path).toBe(path);
  });
});

describe("the other routes", () => {
  it("answer what their schemas say", async () => {
    const created = await ok("POST", "/api/apps", { slug: "second", visibility: "public" });
    expect(created.display_name).toBe("second");
    expect((await ok("PATCH", "/api/apps/second", { owner: "me" })).owner).toBe("me");
    expect((await api.send("GET", "/api/apps")).json.items.map((item: any) => item.slug)).toEqual(["second"]);
    const policy = { promote: "manual" };
    expect((await ok("PUT", `${app}/channels/stable`, { policy })).policy.promote).toBe("manual");
    await publishTar(api.registry, { version: "5", channel: "stable" });
    expectRefused(
      await api.send("POST", `${app}/channels/stable/promote`, {
        token: admin,
        json: { release: "5", expect: "rel_other" },
      }),
      409,
      "channel.moved",
    );
    expectRefused(
      await api.send("POST", `${app}/channels/stable/rollback`, { token: admin }),
      409,
      "channel.no_previous_release",
    );
    await ok("GET", `${app}/channels/stable`);
    await ok("GET", `${app}/channels`);
    await ok("POST", `${app}/channels/beta/promote`, { release: "5", reason: "why", rollout_percent: 10 });
    expect((await ok("POST", `${app}/channels/beta/rollback`, { reason: "back" })).current_version).toBe(
      "1.0",
    );
    const history = await ok("GET", `${app}/channels/beta/history?limit=1000`);
    expect(history.items.at(-1)).toMatchObject({ action: "rolled_back", reason: "back" });
    await ok("GET", "/api/apps?limit=1");
    await ok("GET", "/api/tokens");
    const audit = await ok("GET", "/api/audit?action=channel.promoted&order=ascending&limit=2");
    expect(audit.items.map(({ action }: any) => action)).toEqual(["channel.promoted", "channel.promoted"]);
  });

  it("make a token, show its secret once, and take it back", async () => {
    const made = await ok("POST", "/api/tokens", { name: "ci", scopes: ["publish"], expires_in: "30d" });
    expect(made.secret).toMatch(/^dist_/);
    expect((await api.send("GET", "/api/tokens", { token: admin })).text).not.toContain("secret");
    expect((await ok("POST", `/api/tokens/${made.id}/revoke`)).status).toBe("revoked");
    expectRefused(
      await api.send("POST", `/api/tokens/${made.id}/revoke`, { token: admin }),
      409,
      "token.already_revoked",
    );
  });

  it("tell what is known of an object", async () => {
    const sha256 = await uploadTar(publisher.registry, "looked up");
    const head = await api.send("HEAD", `/api/objects/${sha256.toUpperCase()}`, { token: publisher.secret });
    expect(head.status).toBe(200);
    expect(head.headers.get("X-Checksum-SHA256")).toBe(sha256);
    expect(head.headers.get("X-Object-Size")).toBe(`${tarGzBytes("looked up").length}`);
    // A digest is not a permission.
    const other = (await api.token(["publish"])).secret;
    expect((await api.send("HEAD", `/api/objects/${sha256}`, { token: other })).status).toBe(404);
    expectRefused(
      await api.send("POST", `/api/objects/${sha256}/lease`, { token: other }),
      404,
      "object.not_found",
    );
    expectRefused(
      await api.send("GET", `/api/objects/${sha256}`, { token: other }),
      405,
      "request.method_not_allowed",
    );
    expectRefused(
      await api.send("POST", "/api/objects/abc/lease", { token: other }),
      400,
      "request.invalid_parameter",
    );
  });

  it("care for the store", async () => {
    expect((await ok("GET", "/api/store/status")).ok).toBe(true);
    expect((await ok("POST", "/api/store/verify", {})).problems).toEqual([]);
    expect((await ok("POST", "/api/store/rebuild")).ok).toBe(true);
    expect((await ok("POST", "/api/store/cleanup")).applied).toBe(false);
    expect((await ok("POST", "/api/store/cleanup", { apply: true })).applied).toBe(true);
  });

  it("stream the log", async () => {
    let expected = "";
    for await (const piece of api.registry.exportStore()) expected += piece;
    expect((await api.send("HEAD", "/api/store/export", { token: admin })).status).toBe(200);
    const answer = await api.send("GET", "/api/store/export", { token: admin });
    expect(answer.text).toBe(expected);
  });
});

describe("lists", () => {
  it("page without a gap or a repeat", async () => {
    for (const version of ["p1", "p2", "p3"]) await publishTar(api.registry, { app: "paged", version });
    const seen: string[] = [];
    let after = "";
    do {
      const { json } = await api.send("GET", `/api/apps/paged?limit=1${after}`);
      seen.push(...json.releases.items.map(({ version }: { version: string }) => version));
      after = json.releases.next === null ? "" : `&after=${json.releases.next}`;
    } while (after !== "");
    expect(seen).toEqual(["p3", "p2", "p1"]);
  });

  it.each([
    ["limit=1001", "page.invalid_limit"],
    ["limit=0", "page.invalid_limit"],
    ["limit=ten", "request.invalid_parameter"],
    ["limit=1&limit=2", "request.invalid_parameter"],
    ["after=x", "page.invalid_cursor"],
    ["sort=name", "request.invalid_parameter"],
  ])("refuse ?%s with %s", async (query, code) => {
    expectRefused(await api.send("GET", `/api/apps?${query}`), 400, code);
  });
});

describe("conditional requests", () => {
  it("answer 304 to who has the bytes, and the same headers to HEAD", async () => {
    const first = await api.send("GET", app);
    const etag = first.headers.get("ETag")!;
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    for (const [name, value] of [
      ["Vary", "Accept, Authorization"],
      ["Cache-Control", "private, no-cache"],
    ] as const) {
      expect(first.headers.get(name)).toBe(value);
    }
    const head = await api.send("HEAD", app);
    expect([head.status, head.text, head.headers.get("ETag")]).toEqual([200, "", etag]);
    expect(head.headers.get("Content-Length")).toBe(String(Buffer.byteLength(first.text)));
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await api.send("GET", app, { headers: { "If-None-Match": tag } });
      expect([again.status, again.text, again.headers.get("ETag")]).toEqual([304, "", etag]);
      expect(again.headers.get("Vary")).toBe("Accept, Authorization");
    }
    expect((await api.send("GET", app, { headers: { "If-None-Match": '"x"' } })).status).toBe(200);
    // Others see other bytes.
    expect((await api.send("GET", `${app}/releases/0`)).headers.get("ETag")).not.toBe(
      (await api.send("GET", `${app}/releases/0`, { token: admin })).headers.get("ETag"),
    );
  });

  const conditional = (method: string, path: string, tag: string, json: unknown) =>
    api.send(method, path, { token: admin, json, headers: { "If-Match": tag } });

  it.each([
    ["PATCH", app, { owner: "one" }, { owner: "two" }],
    ["PUT", `${app}/channels/beta`, { rollout_percent: 40 }, { rollout_percent: 50 }],
  ])("let %s through only while the resource is as asked", async (method, path, change, other) => {
    const etag = (await api.send("GET", path, { token: admin })).headers.get("ETag")!;
    // A weak tag does not say that the bytes are the same.
    expectRefused(await conditional(method, path, `W/${etag}`, change), 412, "request.precondition_failed");
    // Two that read the same state: one of them would overwrite what the other did.
    const both = await Promise.all([
      conditional(method, path, etag, change),
      conditional(method, path, etag, other),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    expect((await conditional(method, path, "*", {})).status).toBe(200);
  });

  it("do not create what is asked to be there", async () => {
    expectRefused(
      await conditional("PUT", `${app}/channels/fresh`, "*", {}),
      412,
      "request.precondition_failed",
    );
  });
});

describe("bodies", () => {
  const post = (body: string | Uint8Array | ReadableStream, headers: Record<string, string> = {}) =>
    api.send("POST", "/api/apps", {
      token: admin,
      body,
      headers: { "Content-Type": "application/json", ...headers },
    });

  it.each([
    ["malformed JSON", "{", ""],
    ["half a JSON", '{"slug":', ""],
    ["a list", "[]", ""],
    ["null", "null", ""],
    ["bytes that are not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), ""],
    ["an unknown key", '{"slug":"a","vizibility":"public"}', "vizibility"],
    ["a wrong type", '{"slug":1}', "slug"],
    ["a key that stands twice", '{"slug":"a","slug":"b"}', "slug"],
    ["a key that JavaScript obeys", '{"slug":"a","bundle_ids":{"__proto__":"x"}}', "bundle_ids.__proto__"],
    ["half a surrogate pair", '{"slug":"a","owner":"\\ud800"}', "owner"],
    ["a number that changes silently", '{"slug":"a","retention_keep":9007199254740993}', "retention_keep"],
    ["an empty body where something is needed", "", "slug"],
  ])("with %s are refused", async (_, body, path) => {
    const answer = await post(body);
    expectRefused(answer, 400, "request.invalid_body");
    expect(answer.json.error.details.path).toBe(path);
  });

  it("name the key that was meant", async () => {
    const answer = await post('{"slug":"a","vizibility":"public"}');
    expect(answer.json).toEqual({
      error: {
        code: "request.invalid_body",
        message: expect.any(String),
        details: { path: "vizibility" },
        hint: "Did you mean visibility?",
      },
    });
  });

  // Walking such a value would exhaust the stack.
  it("that are nested without end are refused", async () => {
    const depth = 400_000;
    expectRefused(await post("[".repeat(depth) + "]".repeat(depth)), 400, "request.invalid_body");
    const escapes = JSON.stringify({ slug: '"'.repeat(500_000) });
    expectRefused(await post(escapes), 400, "app.invalid_slug");
  });

  it("beyond 1 MiB are refused, whether they say so or not", async () => {
    const large = `{"slug":"${"a".repeat(1024 * 1024)}"}`;
    expectRefused(
      await post(large, { "Content-Length": String(large.length) }),
      413,
      "request.body_too_large",
    );
    const stream = ReadableStream.from([Buffer.from(large)]) as ReadableStream;
    expectRefused(await post(stream), 413, "request.body_too_large");
  });

  it("of another type are refused", async () => {
    for (const type of ["text/plain", "application/jsonx", "application/x-www-form-urlencoded"]) {
      expectRefused(await post("{}", { "Content-Type": type }), 415, "request.unsupported_media_type");
    }
    const typed = await post('{"slug":"typed"}', { "Content-Type": "Application/JSON; charset=utf-8" });
    expect(typed.status).toBe(201);
  });
});

describe("addresses", () => {
  it("that are known take the methods they list", async () => {
    const answer = await api.send("DELETE", app, { token: admin });
    expectRefused(answer, 405, "request.method_not_allowed");
    expect(answer.headers.get("Allow")).toBe("GET, HEAD, PATCH");
    expectRefused(await api.send("POST", "/openapi.json"), 405, "request.method_not_allowed");
  });

  it("that are unknown are not found", async () => {
    for (const path of ["/api", "/api/nothing", "/api/apps/acme/nothing", "/api/apps/"]) {
      expectRefused(await api.send("GET", path), 404, "request.not_found");
    }
  });

  it("with odd names in them are refused like any other", async () => {
    for (const name of ["..%2f..%2fetc", "%00", "%zz", "__proto__", "constructor", "%F0%9F%92%A9"]) {
      expectRefused(await api.send("GET", `/api/apps/${name}`), 404, "app.not_found");
    }
  });
});

describe("the documents", () => {
  it("describe every route", async () => {
    const { json, headers } = await api.send("GET", "/openapi.json");
    expect(headers.get("ETag")).toMatch(/^"/);
    expect(json.openapi).toBe("3.1.0");
    expect(json.servers).toEqual([{ url: BASE_URL }]);
    const reference = apiReference();
    for (const { method, path, summary } of apiRoutes) {
      const operation = json.paths[path][method.toLowerCase()];
      expect(operation.summary).toBe(summary);
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = (operation.parameters ?? []).filter((item: any) => item.in === "path");
      expect(parameters.map((item: any) => item.name).toSorted()).toEqual(names.toSorted());
      expect(reference).toContain(`### ${method} \`${path}\`\n\n${summary}`);
    }
    for (const resource of Object.keys(routesByResource)) expect(reference).toContain(`## ${resource}\n`);
    const references = [...JSON.stringify(json).matchAll(/"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(20);
    for (const [, name] of references) {
      expect(json.components.schemas).toHaveProperty(name!);
      expect(reference).toContain(`### ${name}\n`);
    }
  });

  it("hold the schema of dist.json", async () => {
    expect((await api.send("GET", "/schema/dist.json")).json).toEqual(distManifestSchema());
    expect((await api.send("HEAD", "/schema/dist.json")).status).toBe(200);
  });
});

describe("Idempotency-Key", () => {
  it("makes a repeated POST one change, and refuses another body under the same key", async () => {
    const headers = { "Idempotency-Key": "retry-1" };
    const send = (json: unknown) => api.send("POST", "/api/apps", { token: admin, json, headers });
    const first = await send({ slug: "repeated" });
    const again = await send({ slug: "repeated" });
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.json).toEqual(first.json);
    const other = await send({ slug: "other" });
    expect([other.status, other.json.error.code]).toEqual([409, "request.idempotency_mismatch"]);
    const bad = { ...headers, "Idempotency-Key": "x".repeat(256) };
    const refused = await api.send("POST", "/api/apps", { token: admin, json: {}, headers: bad });
    expect(refused.status).toBe(400);
  });
});
