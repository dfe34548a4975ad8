import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { decodeCanonical, encodeCanonical } from "../../src/base/cbor.ts";
import { sha256Hex } from "../../src/base/digest.ts";
import { canonicalJson } from "../../src/base/jcs.ts";
import { apiRoutes } from "../../src/server/api/routes/all-routes.ts";
import { actionsOf, eventsOf, publishTar, sourceOf } from "../support/test-store.ts";
import { type Answer, openTestApi, type TestApi } from "./support.ts";

const DAY_MS = 24 * 3_600_000;

let api: TestApi;
let writer: string;
let keeper: string;
let digest: string;
beforeAll(async () => {
  api = await openTestApi();
  writer = (await api.token(["package.write"])).secret;
  keeper = (await api.token(["retention"])).secret;
  digest = (await api.registry.uploadObject(sourceOf(Buffer.from("a log")))).sha256;
  const { id } = await api.registry.createPackage({ kind: "fixture" });
  await api.registry.addPackageFiles(id, [{ path: "a", sha256: digest }]);
});
afterAll(() => api.close());

const CBOR = { Accept: "application/cbor" };

interface Sent {
  readonly token?: string;
  readonly json?: unknown;
  readonly headers?: Record<string, string>;
}

/** A request that is answered as its route's schema says, whole, and in the canonical form. */
async function ok(method: string, path: string, sent: Sent = {}): Promise<any> {
  const answer = await api.send(method, path, { token: writer, ...sent });
  expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300);
  const plain = path
    .replace(/^\/api/, "")
    .split("?")[0]!
    .split("/");
  const route = apiRoutes.find((candidate) => {
    const parts = candidate.path.split("/");
    const fits = (part: string, index: number) => part.startsWith("{") || part === plain[index];
    return candidate.method === method && parts.length === plain.length && parts.every(fits);
  });
  expect(route!.response.parse(answer.json)).toEqual(answer.json);
  expect(answer.text).toBe(canonicalJson(answer.json));
  return answer.json;
}

const post = (path: string, json: unknown = {}, sent: Sent = {}) => ok("POST", path, { json, ...sent });
const get = (path: string, sent: Sent = {}) => ok("GET", path, sent);

/** A package with these files, each of the same bytes. */
async function newPackage(paths: readonly string[] = ["a.txt"], more: object = {}): Promise<string> {
  const { id } = await post("/packages", { kind: "run", ...more });
  const files = paths.map((path) => ({ path, sha256: digest }));
  await post(`/packages/${id}/files`, { files });
  return id;
}

const expectRefused = (answer: Answer, status: number, code: string) =>
  expect({ status: answer.status, code: answer.code }).toEqual({ status, code });

describe("a package over HTTP", () => {
  it("goes from nothing to a manifest that names its bytes", async () => {
    const made = await post("/packages", {
      kind: "guide-board",
      producer: "ci",
      subject: "acme-gateway",
      retention_class: "release-evidence",
      metadata: { "run-id": "r1", score: 0.5, Überblick: true },
    });
    expect(made).toMatchObject({
      status: "created",
      created: true,
      metadata: { "run-id": "r1", score: 0.5, Überblick: true },
      created_at: "2026-11-20T15:00:00.000Z",
    });
    const { id } = made;
    const one = await post(`/api/packages/${id}/files`, {
      path: "b/report.xml",
      sha256: digest.toUpperCase(),
    });
    expect(one).toMatchObject({ path: "b/report.xml", sha256: digest, size_bytes: 5 });
    const two = await post(`/packages/${id}/files`, {
      files: [
        { path: "a.log", sha256: digest, media_type: "text/x-log" },
        { path: "b/report.xml", sha256: digest },
      ],
    });
    expect(two.items.map(({ path, media_type }: any) => [path, media_type])).toEqual([
      ["a.log", "text/x-log"],
      ["b/report.xml", one.media_type],
    ]);
    expect((await get(`/packages/${id}`)).status).toBe("uploading");
    expect(await ok("DELETE", `/packages/${id}/files/a.log`)).toEqual(two.items[0]);
    const final = await post(`/packages/${id}/finalize`);
    expect(final).toMatchObject({ status: "finalized", file_count: 1, size_bytes: 5 });
    expect(await post(`/packages/${id}/finalize`)).toEqual(final);

    const manifest = await get(`/packages/${id}/manifest`);
    expect(manifest).toMatchObject({
      schema: "dist.manifest.v1",
      package_id: id,
      files: [{ path: "b/report.xml", size: 5, digests: { sha256: digest } }],
    });
    expect(await post(`/packages/${id}/verify`)).toEqual({
      ok: true,
      problems: [],
      package_id: id,
      manifest_sha256: final.manifest_sha256,
      checked: { files: 1, bytes: 5 },
    });
  });

  it("answers the package that is there under the same key, and refuses another meaning of it", async () => {
    const json = { kind: "run", key: "ci:1", metadata: { a: 1 } };
    const first = await api.send("POST", "/packages", { token: writer, json });
    const again = await api.send("POST", "/api/packages", { token: writer, json });
    expect([first.status, first.json.created, again.status, again.json.created]).toEqual([
      201,
      true,
      200,
      false,
    ]);
    expect(again.json.id).toBe(first.json.id);
    const other = { ...json, metadata: { a: 2 } };
    expectRefused(
      await api.send("POST", "/packages", { token: writer, json: other }),
      409,
      "transaction.integrity",
    );
  });

  it("is made once for an Idempotency-Key", async () => {
    const headers = { "Idempotency-Key": "lost-answer" };
    const first = await post("/packages", { kind: "run" }, { headers });
    expect(await post("/packages", { kind: "run" }, { headers })).toEqual(first);
    const other = await api.send("POST", "/packages", { token: writer, json: { kind: "other" }, headers });
    expectRefused(other, 409, "request.idempotency_mismatch");
  });

  it("fails for a reason, and is then as it was", async () => {
    const id = await newPackage();
    expect(await post(`/packages/${id}/fail`, { reason: "the runner died" })).toMatchObject({
      status: "failed",
      fail_reason: "the runner died",
    });
    expectRefused(
      await api.send("POST", `/packages/${id}/finalize`, { token: writer }),
      409,
      "package.not_open",
    );
  });

  it("replaces other bytes only when it is said, by bytes that the caller may know", async () => {
    const id = await newPackage(["a"]);
    const other = (await api.registry.uploadObject(sourceOf(Buffer.from("other")))).sha256;
    const admin = (await api.token(["admin"])).secret;
    const send = (query: string, token = writer) =>
      api.send("POST", `/packages/${id}/files${query}`, { token, json: { path: "a", sha256: other } });
    expectRefused(await send(""), 409, "package.duplicate_path");
    expectRefused(await send("?replace=false"), 409, "package.duplicate_path");
    // A digest is not a permission: another holds the lease on these.
    const unknown = await send("?replace=true");
    expectRefused(unknown, 409, "object.missing");
    expect(unknown.json.error.details).toEqual({ missing: [other] });
    await api.registry.addPackageFiles(id, [{ path: "b", sha256: other }]);
    expect((await send("?replace=true", admin)).json).toMatchObject({ path: "a", sha256: other });
  });
});

describe("a release's package", () => {
  it("is read by those who may read the app, and changed by nobody here", async () => {
    const { release } = await publishTar(api.registry, { version: "1", channel: "beta" });
    const both = (await api.token(["package.write", "read"])).secret;
    const path = `/packages/${release.package_id}`;
    expect(await get(path, { token: both })).toMatchObject({
      kind: "release",
      app: "acme",
      status: "finalized",
    });
    expect((await get(`${path}/manifest`, { token: both })).kind).toBe("release");
    expect((await get(`${path}/files`, { token: both })).items).toHaveLength(1);
    expectRefused(await api.send("GET", path, { token: writer }), 404, "package.not_found");
    const json = { path: "a", sha256: digest };
    expectRefused(await api.send("POST", `${path}/files`, { token: both, json }), 409, "package.not_open");
    expect((await get("/packages?kind=release", { token: both })).items).toHaveLength(1);
    expect((await get("/packages?kind=release")).items).toEqual([]);
  });
});

describe("lists of packages", () => {
  let ids: string[];
  beforeAll(async () => {
    ids = [];
    for (const n of [1, 2, 3]) {
      api.clock.advance(1000);
      const metadata = { n, team: "qa", "odd key&": "a=b" };
      ids.push(await newPackage(["x"], { kind: "listed", producer: `p${n}`, subject: "s", metadata }));
    }
    await post(`/packages/${ids[0]!}/finalize`);
  });

  const listed = async (query: string) =>
    (await get(`/packages?kind=listed&${query}`)).items.map(({ id }: any) => id);

  it("are filtered by everything at once", async () => {
    expect(await listed("")).toEqual(ids.toReversed());
    expect(await listed("status=finalized")).toEqual([ids[0]]);
    expect(await listed("producer=p2&subject=s")).toEqual([ids[1]]);
    expect(await listed("retention_class=raw-evidence&limit=1")).toEqual([ids[2]]);
    expect(await listed("metadata=n%3D3&metadata=team%3Dqa")).toEqual([ids[2]]);
    expect(await listed("metadata=odd+key%26%3Da%3Db&metadata=n%3D1")).toEqual([ids[0]]);
    expect(await listed("metadata=team%3Dother")).toEqual([]);
    const [, second] = (await get("/packages?kind=listed")).items;
    expect(await listed(`since=${second.created_at}`)).toEqual([ids[2], ids[1]]);
    expect(await listed(`until=${second.created_at}`)).toEqual([ids[0]]);
    expect(await listed("eligible=true")).toEqual([]);
    expect(await listed("eligible=false")).toHaveLength(3);
  });

  it("page without a gap or a repeat, and so do files", async () => {
    const pages = async (path: string) => {
      const seen: any[] = [];
      let after: string | null = "";
      while (after !== null) {
        const page: any = await get(`${path}limit=2${after === "" ? "" : `&after=${after}`}`);
        seen.push(...page.items);
        after = page.next;
      }
      return seen;
    };
    expect((await pages("/packages?kind=listed&")).map(({ id }) => id)).toEqual(ids.toReversed());
    const paths = ["b", "a/b", "a.b", "Ä", "z/z/z"];
    const id = await newPackage(paths);
    expect((await pages(`/packages/${id}/files?`)).map(({ path }) => path)).toEqual([
      "a.b",
      "a/b",
      "b",
      "z/z/z",
      "Ä",
    ]);
  });

  it.each([
    ["metadata=n", "request.invalid_parameter"],
    ["metadata=n%3D1&metadata=n%3D2", "request.invalid_parameter"],
    ["kind=a&kind=b", "request.invalid_parameter"],
    ["eligible=yes", "request.invalid_parameter"],
    ["metadata.n=1", "request.invalid_parameter"],
    ["status=lost", "package.invalid_filter"],
    ["retention_class=forever", "retention.unknown_class"],
    ["since=yesterday", "request.invalid_time"],
    ["limit=1001", "page.invalid_limit"],
    ["after=x", "page.invalid_cursor"],
  ])("refuse ?%s with %s", async (query, code) => {
    expectRefused(await api.send("GET", `/packages?${query}`, { token: writer }), 400, code);
  });
});

describe("representations", () => {
  it("are JSON, or the same value in canonical CBOR, with tags of their own", async () => {
    const id = await newPackage();
    await post(`/packages/${id}/finalize`);
    for (const path of [`/packages/${id}`, `/packages/${id}/manifest`, `/packages/${id}/retention/history`]) {
      const json = await api.send("GET", path, { token: writer });
      const response = await api.app.fetch(
        new Request(`https://dist.example.org${path}`, {
          headers: { ...CBOR, Authorization: `Bearer ${writer}` },
        }),
        {} as never,
      );
      const bytes = new Uint8Array(await response.arrayBuffer());
      expect(response.headers.get("Content-Type")).toBe("application/cbor");
      const value = decodeCanonical(bytes);
      expect(canonicalJson(value)).toBe(json.text);
      expect(Buffer.from(encodeCanonical(value)).equals(bytes)).toBe(true);
      const tags = [json.headers.get("ETag"), response.headers.get("ETag")];
      expect(new Set(tags).size).toBe(2);
      for (const headers of [json.headers, response.headers]) {
        expect(headers.get("ETag")).toMatch(/^"[\w-]{43}"$/);
        expect(headers.get("Vary")).toBe("Accept, Authorization");
        expect(headers.get("Cache-Control")).toBe("private, no-cache");
      }
      for (const [tag, sent] of [
        [tags[0]!, {}],
        [tags[1]!, CBOR],
      ] as const) {
        const headers = { "If-None-Match": tag, ...sent };
        expect((await api.send("GET", path, { token: writer, headers })).status).toBe(304);
      }
      const crossed = { "If-None-Match": tags[0]!, ...CBOR };
      expect((await api.send("GET", path, { token: writer, headers: crossed })).status).toBe(200);
    }
  });

  it("of the manifest are the bytes that its digest names", async () => {
    const id = await newPackage();
    const { manifest_sha256: name, manifest_size_bytes: size } = await post(`/packages/${id}/finalize`);
    const response = await api.app.fetch(
      new Request(`https://dist.example.org/packages/${id}/manifest`, {
        headers: { ...CBOR, Authorization: `Bearer ${writer}` },
      }),
      {} as never,
    );
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect([sha256Hex(bytes), bytes.length]).toEqual([name, size]);
  });

  it.each([
    ["application/json", "json"],
    ["*/*", "json"],
    ["application/cbor", "cbor"],
    ["Application/CBOR; q=1", "cbor"],
    ["application/cbor, application/json", "json"],
    ["application/cbor, application/json;q=0.9", "cbor"],
    ["application/cbor;q=0.5, application/*;q=0.4", "cbor"],
    ["application/cbor;q=0, */*", "json"],
    ["text/html", "json"],
  ])("for Accept: %s are %s", async (accept, type) => {
    const id = await newPackage();
    const answer = await api.send("GET", `/packages/${id}`, { token: writer, headers: { Accept: accept } });
    expect(answer.headers.get("Content-Type")).toBe(`application/${type}`);
  });

  it("have the head that a GET has", async () => {
    const id = await newPackage();
    const got = await api.send("GET", `/packages/${id}`, { token: writer });
    const head = await api.send("HEAD", `/packages/${id}`, { token: writer });
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const name of ["ETag", "Content-Length", "Content-Type"]) {
      expect(head.headers.get(name)).toBe(got.headers.get(name));
    }
  });
});

describe("retention over HTTP", () => {
  it("extends, holds, lets time pass, releases, and marks once", async () => {
    const id = await newPackage(["a"], { retention_class: "transient" });
    const path = `/packages/${id}/retention`;
    const as = { token: keeper };
    const begun = await get(path);
    expect(begun).toMatchObject({ retention_class: "transient", eligible_for_deletion: false, holds: [] });
    const until = new Date(Date.parse(begun.current_expires_at) + DAY_MS).toISOString();
    const extended = await post(`${path}/extensions`, { new_expires_at: until, reason: "audit" }, as);
    expect(extended).toMatchObject({ current_expires_at: until, extensions: [{ reason: "audit" }] });
    const held = await api.send("POST", `${path}/holds`, {
      token: keeper,
      json: { reason: "dispute", case: "C-1" },
    });
    expect([held.status, held.json.case, held.json.released_at]).toEqual([201, "C-1", null]);
    api.clock.advance(30 * DAY_MS);
    const waiting = await get(path);
    expect([waiting.eligible_for_deletion, waiting.holds.length]).toEqual([false, 1]);
    const released = await post(`${path}/holds/${held.json.id}/release`, { reason: "settled" }, as);
    expect(released).toMatchObject({ id: held.json.id, release_reason: "settled" });
    const free = await get(path);
    expect(free).toMatchObject({ eligible_for_deletion: true, marked_at: null, holds: [] });
    expect((await post("/retention/sweep", {}, as)).marked).toContain(id);
    expect((await post("/api/retention/sweep", {}, as)).marked).not.toContain(id);
    expect((await get(path)).marked_at).not.toBeNull();
    expect((await get("/packages?eligible=true")).items.map((item: any) => item.id)).toContain(id);
    const history = await get(`${path}/history?limit=1000`);
    expect(history.items.map(({ type }: any) => type)).toEqual([
      "v1.retention.default_applied",
      "v1.retention.extended",
      "v1.retention.hold_applied",
      "v1.retention.hold_released",
      "v1.retention.deletion_eligible",
    ]);
    expect((await get(`${path}/history?limit=1`)).next).not.toBeNull();
  });

  it("tells the classes", async () => {
    const { items } = await get("/retention/classes");
    expect(items.map(({ name }: any) => name)).toEqual([
      "transient",
      "raw-evidence",
      "summary-evidence",
      "release-evidence",
      "permanent-record",
    ]);
    expect(items.filter((item: any) => item.is_default)).toHaveLength(1);
  });

  it("extends and holds once for an Idempotency-Key", async () => {
    const id = await newPackage();
    const hold = { json: { reason: "why" }, token: keeper, headers: { "Idempotency-Key": "hold-1" } };
    const first = await ok("POST", `/packages/${id}/retention/holds`, hold);
    expect(await ok("POST", `/packages/${id}/retention/holds`, hold)).toEqual(first);
    expect((await get(`/packages/${id}/retention`)).holds).toHaveLength(1);
    const extension = {
      json: { new_expires_at: "2090-01-01T00:00:00Z", reason: "why" },
      token: keeper,
      headers: { "Idempotency-Key": "extend-1" },
    };
    const extended = await ok("POST", `/packages/${id}/retention/extensions`, extension);
    expect(await ok("POST", `/packages/${id}/retention/extensions`, extension)).toEqual(extended);
  });
});

describe("refusals", () => {
  const sent = async (method: string, path: string, json?: unknown) => {
    const both = (await api.token(["package.write", "retention"])).secret;
    return api.send(method, path, { token: both, json });
  };

  it.each([
    ["kind", { kind: "release" }, "package.invalid_kind"],
    ["producer", { kind: "a", producer: "a\n" }, "package.invalid_field"],
    ["metadata", { kind: "a", metadata: { a: "x".repeat(20_000) } }, "package.invalid_metadata"],
    ["key", { kind: "a", key: "no spaces" }, "package.invalid_key"],
    ["class", { kind: "a", retention_class: "forever" }, "retention.unknown_class"],
    ["nothing", {}, "request.invalid_body"],
    ["an unknown field", { kind: "a", name: "b" }, "request.invalid_body"],
  ])("of a package's %s", async (_, json, code) => {
    expectRefused(await sent("POST", "/packages", json), 400, code);
  });

  it.each([
    [{ path: "../a" }, 400, "package.invalid_path"],
    [{ path: "/a" }, 400, "package.invalid_path"],
    [{ path: "a\\b" }, 400, "package.invalid_path"],
    [{ path: "A.TXT" }, 409, "package.duplicate_path"],
    [{ path: "a.txt/b" }, 409, "package.duplicate_path"],
    [{ path: "b", sha256: "0".repeat(64) }, 409, "object.missing"],
    [{ path: "b", media_type: "none" }, 400, "package.invalid_field"],
    [{ path: "b", media_type: "text/plain; name=ü" }, 400, "package.invalid_field"],
    [{ path: "b", sha256: "abc" }, 400, "request.invalid_body"],
  ])("of a file %j", async (file, status, code) => {
    const id = await newPackage();
    expectRefused(await sent("POST", `/packages/${id}/files`, { sha256: digest, ...file }), status, code);
    const before = await eventsOf(api.registry, { target: id });
    const files = [
      { path: "fine", sha256: digest },
      { sha256: digest, ...file },
    ];
    expectRefused(await sent("POST", `/packages/${id}/files`, { files }), status, code);
    expect(await eventsOf(api.registry, { target: id })).toEqual(before);
  });

  it.each([
    [{ path: "a" }, "sha256"],
    [{ sha256: "ab".repeat(32) }, "path"],
    [{ files: [], path: "a" }, "path"],
    [{ files: [{ path: "a" }] }, "files[0].sha256"],
    [{ files: [{ path: "a", sha256: "ab".repeat(32), size: 1 }] }, "files[0].size"],
  ])("of %j, which is no list of files", async (json, path) => {
    const id = await newPackage();
    const answer = await sent("POST", `/packages/${id}/files`, json);
    expectRefused(answer, 400, "request.invalid_body");
    expect(answer.json.error.details.path).toBe(path);
  });

  it("of more than 1,000 files at once", async () => {
    const id = await newPackage();
    const files = Array.from({ length: 1001 }, (_, index) => ({ path: `f${index}`, sha256: digest }));
    expectRefused(await sent("POST", `/packages/${id}/files`, { files }), 400, "package.too_many_files");
    expect(await post(`/packages/${id}/files`, { files: files.slice(1) })).toMatchObject({
      items: { length: 1000 },
    });
  });

  it("of what is not there", async () => {
    const id = await newPackage();
    const none = "pkg_00000000000000000000000000";
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/files"],
      ["GET", "/manifest"],
      ["GET", "/retention"],
      ["GET", "/retention/history"],
      ["POST", "/finalize"],
      ["POST", "/verify"],
      ["DELETE", "/files/a"],
    ] as const) {
      expectRefused(await sent(method, `/packages/${none}${path}`), 404, "package.not_found");
    }
    expectRefused(await sent("DELETE", `/packages/${id}/files/b`), 404, "package.file_not_found");
    expectRefused(await sent("GET", `/packages/${id}/manifest`), 409, "package.not_finalized");
    expectRefused(
      await sent("POST", `/packages/${id}/retention/holds/hold_x/release`, { reason: "why" }),
      404,
      "hold.not_found",
    );
  });

  it("of finalizing what is empty, and of changing what is final", async () => {
    const { id: empty } = await post("/packages", { kind: "run" });
    expectRefused(await sent("POST", `/packages/${empty}/finalize`), 409, "package.empty");
    const id = await newPackage();
    await post(`/packages/${id}/finalize`);
    expectRefused(await sent("DELETE", `/packages/${id}/files/a.txt`), 409, "package.not_open");
    expectRefused(await sent("POST", `/packages/${id}/fail`, { reason: "why" }), 409, "package.not_open");
    const json = { path: "late", sha256: digest };
    expectRefused(await sent("POST", `/packages/${id}/files`, json), 409, "package.not_open");
  });

  it.each([
    ["fail", {}],
    ["fail", { reason: null }],
    ["retention/holds", { reason: " " }],
    ["retention/extensions", { new_expires_at: "2090-01-01T00:00:00Z" }],
  ])("of %s %j, without a reason", async (what, json) => {
    const id = await newPackage();
    const before = actionsOf(await eventsOf(api.registry, { target: id }));
    expectRefused(await sent("POST", `/packages/${id}/${what}`, json), 400, "retention.reason_required");
    expect(actionsOf(await eventsOf(api.registry, { target: id }))).toEqual(before);
  });

  it("of extensions and releases that make no sense", async () => {
    const id = await newPackage();
    const extend = (of: string, until: string) =>
      sent("POST", `/packages/${of}/retention/extensions`, { new_expires_at: until, reason: "why" });
    expectRefused(await extend(id, "2026-11-21T00:00:00Z"), 400, "retention.not_later");
    expectRefused(await extend(id, "tomorrow"), 400, "request.invalid_time");
    const kept = await newPackage(["a"], { retention_class: "permanent-record" });
    expectRefused(await extend(kept, "2090-01-01T00:00:00Z"), 400, "retention.permanent");
    const { id: hold } = await api.registry.holdPackage(id, { reason: "why" });
    const release = () => sent("POST", `/packages/${id}/retention/holds/${hold}/release`, { reason: "why" });
    expect((await release()).status).toBe(200);
    expectRefused(await release(), 409, "hold.already_released");
  });

  it("of methods and addresses that are none", async () => {
    const id = await newPackage();
    for (const [method, path, allow] of [
      ["DELETE", "/packages", "GET, HEAD, POST"],
      ["PUT", `/packages/${id}`, "GET, HEAD"],
      ["POST", `/api/packages/${id}/files/a`, "GET, HEAD, PUT, DELETE"],
      ["GET", "/retention/sweep", "POST"],
    ] as const) {
      const answer = await sent(method, path);
      expectRefused(answer, 405, "request.method_not_allowed");
      expect(answer.headers.get("Allow")).toBe(allow);
    }
    for (const path of [
      "/packages/",
      `/packages/${id}/`,
      `/packages/${id}/files/`,
      "/retention",
      "/api/retention/x",
    ]) {
      expectRefused(await sent("GET", path), 404, "request.not_found");
    }
  });
});

describe("a deleted package", () => {
  it("keeps its record, files' names, manifest and history, and says that its bytes are gone", async () => {
    const own = (await api.registry.uploadObject(sourceOf(Buffer.from("of one package only")))).sha256;
    const { id } = await api.registry.createPackage({ kind: "run", retention_class: "transient" });
    await api.registry.addPackageFiles(id, [{ path: "a", sha256: own }]);
    await api.registry.finalizePackage(id);
    api.clock.advance(8 * DAY_MS);
    await api.registry.sweepRetention();
    await api.registry.cleanupStore({ apply: true });
    expect((await get(`/packages/${id}`)).status).toBe("deleted");
    expect((await get(`/packages/${id}/files`)).items).toHaveLength(1);
    expect((await get(`/packages/${id}/manifest`)).package_id).toBe(id);
    expect((await get(`/packages/${id}/retention/history`)).items.length).toBeGreaterThan(1);
    const refused = async (method: string, path: string, json?: unknown) => {
      const both = (await api.token(["package.write", "retention"])).secret;
      expectRefused(
        await api.send(method, `/packages/${id}${path}`, { token: both, json }),
        410,
        "package.deleted",
      );
    };
    await refused("POST", "/verify");
    await refused("GET", "/files/a");
    await refused("GET", "/archive");
    await refused("POST", "/retention/holds", { reason: "why" });
    await refused("POST", "/retention/extensions", { new_expires_at: "2090-01-01T00:00:00Z", reason: "why" });
  });
});

describe("the sweep", () => {
  it("clock.skew: judges nothing by a clock that stands before the last event", async () => {
    await newPackage();
    api.clock.advance(-3_600_000);
    try {
      expectRefused(await api.send("POST", "/retention/sweep", { token: keeper }), 503, "clock.skew");
    } finally {
      api.clock.advance(3_600_000);
    }
  });
});
