import { describe, expect, it } from "vitest";

import type { Registry } from "../../src/registry/registry.ts";
import { client, fakeServer } from "./fake-server.ts";

type Call = (registry: Registry) => Promise<unknown>;

const release = { release: "1.0 β/?", build: "7" };
const at = "/api/apps/acme/releases/1.0%20%CE%B2%2F%3F";
const head = { app: "acme", version: "1.0", build: "7", channel: null, notes: "n", metadata: { a: 1 } };
const sha256 = "ab".repeat(32);
const artifact = { platform: "linux", arch: "arm64", filename: "a b", sha256, size: 3 } as const;

/** Method, path and body by registry method. A body that is absent is sent as none. */
const routes: readonly [keyof Registry, Call, string, unknown?][] = [
  ["createApp", (r) => r.createApp("acme", { owner: null }), "POST /api/apps", { slug: "acme", owner: null }],
  ["updateApp", (r) => r.updateApp("acme", { owner: "x" }), "PATCH /api/apps/acme", { owner: "x" }],
  ["getApp", (r) => r.getApp("acme"), "GET /api/apps/acme"],
  ["listApps", (r) => r.listApps({ limit: 2, after: "c/+=" }), "GET /api/apps?limit=2&after=c%2F%2B%3D"],
  ["listApps", (r) => r.listApps(), "GET /api/apps"],
  ["leaseObject", (r) => r.leaseObject(sha256), `POST /api/objects/${sha256}/lease`],
  [
    "signDownload",
    (r) => r.signDownload("acme", release, "art_1", { expires_in: "2h" }),
    `POST ${at}/artifacts/art_1/link?build=7`,
    { expires_in: "2h" },
  ],
  [
    "currentArtifact",
    (r) => r.currentArtifact("acme", "beta", { platform: "linux", arch: "arm64", format: "deb" }),
    "GET /api/apps/acme/channels/beta/current/linux?arch=arm64&format=deb",
  ],
  [
    "checkPublish",
    (r) => r.checkPublish({ ...head, artifacts: [artifact] }),
    "POST /api/apps/acme/releases",
    { ...head, artifacts: [{ platform: "linux" }], dry_run: true },
  ],
  [
    "publish",
    (r) => r.publish({ ...head, if_exists: "skip", artifacts: [artifact] }),
    "POST /api/apps/acme/releases",
    { ...head, if_exists: "skip", artifacts: [artifact] },
  ],
  ["draftRelease", (r) => r.draftRelease(head), "POST /api/apps/acme/releases", { ...head, draft: true }],
  [
    "attachArtifact",
    (r) => r.attachArtifact("acme", release, artifact, { replace: true }),
    `POST ${at}/artifacts?build=7`,
    { ...artifact, replace: true },
  ],
  [
    "publishDraft",
    (r) => r.publishDraft("acme", { release: "rel_1" }, { channel: "beta" }),
    "POST /api/apps/acme/releases/rel_1/publish",
    { channel: "beta" },
  ],
  [
    "appStatistics",
    (r) => r.appStatistics("acme", { days: 7, channel: "beta" }),
    "GET /api/apps/acme/statistics?days=7&channel=beta",
  ],
  ["appStatistics", (r) => r.appStatistics("acme"), "GET /api/apps/acme/statistics"],
  [
    "checkPromotion",
    (r) => r.checkPromotion("acme", "beta", release),
    "GET /api/apps/acme/channels/beta/promotion?release=1.0+%CE%B2%2F%3F&build=7",
  ],
  ["storeDecisions", (r) => r.storeDecisions(), "GET /api/status"],
  ["search", (r) => r.search("1.0 β"), "GET /api/search?q=1.0+%CE%B2"],
  ["storageUsage", (r) => r.storageUsage(), "GET /api/storage"],
  ["storeStatistics", (r) => r.storeStatistics({ days: 7 }), "GET /api/statistics?days=7"],
  ["getRelease", (r) => r.getRelease("acme", release), `GET ${at}?build=7`],
  [
    "compareReleases",
    (r) => r.compareReleases("acme", { release: "1.0" }, release),
    `GET ${at}/comparison?build=7&with=1.0`,
  ],
  [
    "listReleases",
    (r) => r.listReleases("acme", { channel: "beta", limit: 1 }),
    "GET /api/apps/acme/releases?channel=beta&limit=1",
  ],
  [
    "revokeRelease",
    (r) => r.revokeRelease("acme", release, { reason: "bad" }),
    `POST ${at}/revoke?build=7`,
    { reason: "bad" },
  ],
  ["listChannels", (r) => r.listChannels("acme"), "GET /api/apps/acme/channels"],
  ["getChannel", (r) => r.getChannel("acme", "beta"), "GET /api/apps/acme/channels/beta"],
  [
    "setChannel",
    (r) => r.setChannel("acme", "beta", { rollout_percent: 5 }),
    "PUT /api/apps/acme/channels/beta",
    { rollout_percent: 5 },
  ],
  [
    "promote",
    (r) => r.promote("acme", "beta", { ...release, expect: "rel_2" }),
    "POST /api/apps/acme/channels/beta/promote",
    { ...release, expect: "rel_2" },
  ],
  [
    "rollback",
    (r) => r.rollback("acme", "beta", { reason: "bad" }),
    "POST /api/apps/acme/channels/beta/rollback",
    { reason: "bad" },
  ],
  ["rollback", (r) => r.rollback("acme", "beta"), "POST /api/apps/acme/channels/beta/rollback", {}],
  [
    "channelHistory",
    (r) => r.channelHistory("acme", "beta", { after: "x" }),
    "GET /api/apps/acme/channels/beta/history?after=x",
  ],
  [
    "createPackage",
    (r) => r.createPackage({ kind: "run", metadata: { a: 1 }, key: null }),
    "POST /packages",
    { kind: "run", metadata: { a: 1 }, key: null },
  ],
  ["getPackage", (r) => r.getPackage("pkg_1"), "GET /packages/pkg_1"],
  ["listPackages", (r) => r.listPackages(), "GET /packages"],
  [
    "listPackages",
    (r) => r.listPackages({ kind: "run", eligible: true, metadata: { a: "1=2", "ü&": "" }, limit: 5 }),
    "GET /packages?kind=run&eligible=true&limit=5&metadata=a%3D1%3D2&metadata=%C3%BC%26%3D",
  ],
  [
    "listPackageFiles",
    (r) => r.listPackageFiles("pkg_1", { after: "x" }),
    "GET /packages/pkg_1/files?after=x",
  ],
  [
    "removePackageFile",
    (r) => r.removePackageFile("pkg_1", "a b/ü%2F?.txt"),
    "DELETE /packages/pkg_1/files/a%20b/%C3%BC%252F%3F.txt",
  ],
  ["finalizePackage", (r) => r.finalizePackage("pkg_1"), "POST /packages/pkg_1/finalize", {}],
  [
    "failPackage",
    (r) => r.failPackage("pkg_1", { reason: "bad" }),
    "POST /packages/pkg_1/fail",
    { reason: "bad" },
  ],
  ["verifyPackage", (r) => r.verifyPackage("pkg_1"), "POST /packages/pkg_1/verify", {}],
  ["retentionClasses", (r) => r.retentionClasses(), "GET /retention/classes"],
  ["getRetention", (r) => r.getRetention("pkg_1"), "GET /packages/pkg_1/retention"],
  [
    "extendRetention",
    (r) => r.extendRetention("pkg_1", { new_expires_at: "2030-01-01T00:00:00Z", reason: "why" }),
    "POST /packages/pkg_1/retention/extensions",
    { new_expires_at: "2030-01-01T00:00:00Z", reason: "why" },
  ],
  [
    "holdPackage",
    (r) => r.holdPackage("pkg_1", { reason: "why", case: "C-1" }),
    "POST /packages/pkg_1/retention/holds",
    { reason: "why", case: "C-1" },
  ],
  [
    "releaseHold",
    (r) => r.releaseHold("pkg_1", "hold_1", { reason: "why" }),
    "POST /packages/pkg_1/retention/holds/hold_1/release",
    { reason: "why" },
  ],
  [
    "retentionHistory",
    (r) => r.retentionHistory("pkg_1", { limit: 2 }),
    "GET /packages/pkg_1/retention/history?limit=2",
  ],
  ["sweepRetention", (r) => r.sweepRetention(), "POST /retention/sweep", {}],
  [
    "createShare",
    (r) => r.createShare("acme", { channel: "beta" }),
    "POST /api/apps/acme/shares",
    { channel: "beta" },
  ],
  ["listShares", (r) => r.listShares("acme", { limit: 3 }), "GET /api/apps/acme/shares?limit=3"],
  ["revokeShare", (r) => r.revokeShare("acme", "shr_1"), "DELETE /api/apps/acme/shares/shr_1"],
  [
    "createToken",
    (r) => r.createToken({ name: "ci", scopes: ["publish"] }),
    "POST /api/tokens",
    { name: "ci", scopes: ["publish"] },
  ],
  ["listTokens", (r) => r.listTokens({ limit: 3 }), "GET /api/tokens?limit=3"],
  ["listSessions", (r) => r.listSessions({ actor: "user:a" }), "GET /api/sessions?actor=user%3Aa"],
  ["endSession", (r) => r.endSession("ses_1"), "POST /api/sessions/ses_1/end", {}],
  ["revokeToken", (r) => r.revokeToken("tok_1"), "POST /api/tokens/tok_1/revoke", {}],
  [
    "listAudit",
    (r) => r.listAudit({ action: "release.published", since: "2026-11-20T15:00:00Z", order: "ascending" }),
    "GET /api/audit?action=release.published&since=2026-11-20T15%3A00%3A00Z&order=ascending",
  ],
  ["readEvents", (r) => r.readEvents({ after: 0, log_id: "l" }), "GET /api/events?after=0&log_id=l"],
  ["storeStatus", (r) => r.storeStatus(), "GET /api/store/status"],
  ["verifyStore", (r) => r.verifyStore(), "POST /api/store/verify", {}],
  ["rebuildStore", (r) => r.rebuildStore(), "POST /api/store/rebuild", {}],
  ["cleanupStore", (r) => r.cleanupStore({ apply: true }), "POST /api/store/cleanup", { apply: true }],
  ["cleanupStore", (r) => r.cleanupStore(), "POST /api/store/cleanup", { apply: false }],
];

/** Methods that stream or look at headers; their tests are in the other files. */
const elsewhere = [
  "uploadObject",
  "uploadObjects",
  "createUpload",
  "getUpload",
  "appendUpload",
  "endUpload",
  "lookupObject",
  "openObject",
  "addPackageFiles",
  "openPackageFile",
  "openPackageArchive",
  "packageManifest",
  "exportStore",
  "importStore",
  "close",
];

describe("what each method asks for", () => {
  it.each(routes)("%s", async (method, call, line, body) => {
    const json = { id: "x", app: { slug: "acme" } };
    const server = await fakeServer([{ json }]);
    const answer = await call(client(server.url));
    if (method === "checkPublish") expect(answer).toBeUndefined();
    else expect(answer).toEqual(method === "getApp" ? json.app : json);
    expect(server.seen).toHaveLength(1);
    const [seen] = server.seen;
    expect(`${seen!.method} ${seen!.url}`).toBe(line);
    expect(seen!.headers.authorization).toBe("Bearer dist_secret");
    expect(seen!.body.length === 0 ? undefined : JSON.parse(seen!.body.toString())).toEqual(body);
    if (body !== undefined) expect(seen!.headers["content-type"]).toBe("application/json");
  });

  // A method that is added to the registry and forgotten here would otherwise be asked for by nobody.
  it("is all in the table", async () => {
    const listed = new Set([...routes.map(([method]) => method), ...elsewhere]);
    expect(Object.keys(client("http://127.0.0.1:9")).filter((name) => !listed.has(name))).toEqual([]);
  });

  it("keeps the path of a server behind a prefix, and sends no token when there is none", async () => {
    const server = await fakeServer([{ json: {} }]);
    await client(`${server.url}/dist/`, { token: undefined }).listTokens();
    expect(server.seen[0]!.url).toBe("/dist/api/tokens");
    expect(server.seen[0]!.headers.authorization).toBeUndefined();
  });

  // `..` would make the request one for another resource: POST …/releases/../revoke.
  it.each(["", ".", "..", "\ud800"])("client.invalid_name: %j is not sent", async (name) => {
    const server = await fakeServer([{ json: {} }]);
    const revoked = async () => client(server.url).revokeToken(name);
    await expect(revoked()).rejects.toMatchObject({ code: "client.invalid_name", kind: "invalid" });
    expect(server.seen).toEqual([]);
  });

  it.each(["", "a/../b", "/a", "a//b"])("client.invalid_name: the path %j is not sent", async (name) => {
    const server = await fakeServer([{ json: {} }]);
    const removed = async () => client(server.url).removePackageFile("pkg_1", name);
    await expect(removed()).rejects.toMatchObject({ code: "client.invalid_name" });
    expect(server.seen).toEqual([]);
  });

  // The server would take what stands behind the first equals sign for the value, and answer other packages.
  it("client.invalid_name: a filter by a key with an equals sign is not sent", async () => {
    const server = await fakeServer([{ json: {} }]);
    const listed = async () => client(server.url).listPackages({ metadata: { "a=b": "c" } });
    await expect(listed()).rejects.toMatchObject({ code: "client.invalid_name" });
    expect(server.seen).toEqual([]);
  });

  it("streams an export in pieces, whole characters only", async () => {
    const server = await fakeServer([
      (_, response) => {
        const bytes = Buffer.from("é\n");
        response.write(bytes.subarray(0, 1));
        setTimeout(() => response.end(bytes.subarray(1)), 20);
      },
    ]);
    expect((await Array.fromAsync(client(server.url).exportStore())).join("")).toBe("é\n");
    expect(server.seen[0]).toMatchObject({ method: "GET", url: "/api/store/export" });
  });

  it("raises an export that is cut, instead of ending it early", async () => {
    const server = await fakeServer([
      (request, response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => request.socket.destroy());
      },
    ]);
    await expect(Array.fromAsync(client(server.url).exportStore())).rejects.toMatchObject({
      code: "client.unavailable",
    });
  });

  it("client.not_remote: an import is refused before anything is read or sent", async () => {
    const server = await fakeServer([{ json: {} }]);
    const imported = client(server.url).importStore((async function* () {})());
    await expect(imported).rejects.toMatchObject({ code: "client.not_remote" });
    expect(server.seen).toEqual([]);
  });
});
