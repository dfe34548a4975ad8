import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { sha256Hex } from "../../src/base/digest.ts";
import { connect } from "../../src/client/connect.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { startPackageServer, type PackageServer } from "../server/package-server.ts";
import { outcomeOf, sourceOf } from "../support/test-store.ts";
import { client, fakeServer, fast, refused } from "./fake-server.ts";

let test: PackageServer;
let remote: ReturnType<typeof connect>;
/** The same caller on the store's own machine. */
let local: Registry;
beforeAll(async () => {
  test = await startPackageServer();
  const secret = await test.token(["package.write", "retention"]);
  remote = connect({ server: test.server.url, token: secret, timing: fast });
  local = test.store.as(await test.store.authenticate(secret));
});
afterAll(async () => {
  await remote.close();
  await test.close();
});

async function bytesOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Uint8Array>));
}

const awkward = "reports/a b+ü%2F?#.xml";

/** Through the client: a package of these files, open. */
async function packageOf(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const { id } = await remote.createPackage({ kind: "run", metadata: { run: "r1" } });
  for (const [path, bytes] of Object.entries(files)) {
    const { sha256 } = await remote.uploadObject(sourceOf(bytes));
    await remote.addPackageFiles(id, [{ path, sha256 }]);
  }
  return id;
}

// Catches a client whose packages are not what the same calls make of them on this machine.
describe("a package over HTTP", () => {
  it("is the same record as here at every step", async () => {
    const made = await remote.createPackage({ kind: "run", key: "same", metadata: { run: "same" } });
    const { created, ...record } = made;
    expect(created).toBe(true);
    expect(record).toEqual(await local.getPackage(made.id));
    expect(await remote.createPackage({ kind: "run", key: "same", metadata: { run: "same" } })).toEqual({
      ...record,
      created: false,
    });
    const { sha256 } = await remote.uploadObject(sourceOf(Buffer.from("a log")));
    const added = await remote.addPackageFiles(made.id, [
      { path: awkward, sha256 },
      { path: "b", sha256, media_type: "text/plain" },
    ]);
    expect(added).toEqual((await local.listPackageFiles(made.id)).items.toReversed());
    expect(await remote.listPackageFiles(made.id)).toEqual(await local.listPackageFiles(made.id));
    await remote.removePackageFile(made.id, awkward);
    const final = await remote.finalizePackage(made.id);
    expect(final).toEqual(await local.getPackage(made.id));
    expect(await remote.getPackage(made.id)).toEqual(final);
    expect(await remote.listPackages({ metadata: { run: "same" } })).toEqual(
      await local.listPackages({ metadata: { run: "same" } }),
    );
    const manifest = await remote.packageManifest(made.id);
    expect(sha256Hex(manifest)).toBe(final.manifest_sha256);
    expect(Buffer.from(manifest).equals(await local.packageManifest(made.id))).toBe(true);
    expect(await remote.verifyPackage(made.id)).toEqual(await local.verifyPackage(made.id));
  });

  it("replaces what is there when it is said", async () => {
    const id = await packageOf({ a: Buffer.from("1") });
    const { sha256 } = await remote.uploadObject(sourceOf(Buffer.from("2")));
    expect(await outcomeOf(remote.addPackageFiles(id, [{ path: "a", sha256 }]))).toBe(
      "package.duplicate_path",
    );
    const [file] = await remote.addPackageFiles(id, [{ path: "a", sha256 }], { replace: true });
    expect(file!.sha256).toBe(sha256);
  });

  it("has the same retention", async () => {
    const id = await packageOf({ a: Buffer.from("kept") });
    const same = async (of: (registry: Registry) => Promise<unknown>) =>
      expect(await of(remote)).toEqual(await of(local));
    await same((registry) => registry.retentionClasses());
    const extended = await remote.extendRetention(id, {
      new_expires_at: "2090-01-01T00:00:00Z",
      reason: "why",
    });
    expect(extended).toEqual(await local.getRetention(id));
    const hold = await remote.holdPackage(id, { reason: "why", case: "C-1" });
    await same((registry) => registry.getRetention(id));
    expect(await remote.releaseHold(id, hold.id, { reason: "over" })).toMatchObject({
      ...hold,
      released_at: expect.any(String),
      released_by: expect.any(String),
      release_reason: "over",
    });
    await same((registry) => registry.retentionHistory(id));
    expect(await remote.sweepRetention()).toMatchObject({ ok: true, marked: [] });
  });

  it("refuses what is refused here, with the same code", async () => {
    const id = await packageOf({ a: Buffer.from("refused") });
    const none = "pkg_00000000000000000000000000";
    const calls: ((registry: Registry) => Promise<unknown>)[] = [
      (registry) => registry.createPackage({ kind: "release" }),
      (registry) => registry.getPackage(none),
      (registry) => registry.listPackages({ status: "lost" }),
      (registry) => registry.listPackageFiles(none),
      (registry) => registry.addPackageFiles(id, [{ path: "a", sha256: "0".repeat(64) }]),
      (registry) => registry.addPackageFiles(id, [{ path: "b", sha256: "0".repeat(64) }]),
      (registry) => registry.removePackageFile(id, "b"),
      (registry) => registry.finalizePackage(none),
      (registry) => registry.failPackage(id, { reason: "" }),
      (registry) => registry.openPackageFile(id, "b"),
      (registry) => registry.openPackageArchive(none, "tar"),
      (registry) => registry.packageManifest(id),
      (registry) => registry.verifyPackage(none),
      (registry) => registry.getRetention(none),
      (registry) => registry.extendRetention(id, { new_expires_at: "2020-01-01T00:00:00Z", reason: "why" }),
      (registry) => registry.holdPackage(id, { reason: "" }),
      (registry) => registry.releaseHold(id, "hold_x", { reason: "why" }),
    ];
    const outcomes = async (registry: Registry) => {
      const codes: string[] = [];
      for (const call of calls) codes.push(await outcomeOf(call(registry)));
      return codes;
    };
    const here = await outcomes(local);
    expect(here).not.toContain("ok");
    expect(await outcomes(remote)).toEqual(here);
  });
});

describe("openPackageFile", () => {
  it("tells what a download says, and reads ranges", async () => {
    const bytes = randomBytes(200_000);
    const id = await packageOf({ [awkward]: bytes });
    const there = await remote.openPackageFile(id, awkward);
    const here = await local.openPackageFile(id, awkward);
    for (const name of ["sha256", "blake3", "size_bytes", "content_type", "filename", "is_public"] as const) {
      expect(there[name], name).toBe(here[name]);
    }
    expect((await bytesOf(await there.read())).equals(bytes)).toBe(true);
    expect((await bytesOf(await there.read({ start: 7, end: 9 }))).equals(bytes.subarray(7, 10))).toBe(true);
  });

  // Catches a resumed download that is put together from two files.
  it("goes on with the bytes that it opened when others take their place", async () => {
    const id = await packageOf({ a: Buffer.from("before") });
    const kept = await packageOf({ other: Buffer.from("before") });
    const opened = await remote.openPackageFile(id, "a");
    const { sha256 } = await remote.uploadObject(sourceOf(Buffer.from("after!")));
    await remote.addPackageFiles(id, [{ path: "a", sha256 }], { replace: true });
    expect((await bytesOf(await opened.read())).toString()).toBe("before");
    expect((await remote.getPackage(kept)).file_count).toBe(1);
  });
});

describe("openPackageArchive", () => {
  it("streams the archive as it is here", async () => {
    const id = await packageOf({ "a.bin": randomBytes(300_000), [awkward]: Buffer.from("b") });
    await remote.finalizePackage(id);
    for (const format of ["tar", "zip"] as const) {
      const there = await remote.openPackageArchive(id, format);
      const here = await local.openPackageArchive(id, format);
      expect([there.filename, there.content_type]).toEqual([here.filename, here.content_type]);
      expect((await bytesOf(there.stream)).equals(await bytesOf(here.stream))).toBe(true);
    }
  });

  it("client.unavailable: fails where it is cut, and does not look whole", async () => {
    const server = await fakeServer([
      (request, response) => {
        response.writeHead(200, { "content-type": "application/x-tar" });
        response.write("half", () => request.socket.destroy());
      },
    ]);
    const { filename, stream } = await client(server.url).openPackageArchive("pkg_1", "tar");
    expect(filename).toBe("pkg_1.tar");
    await expect(bytesOf(stream)).rejects.toMatchObject({ code: "client.unavailable" });
    expect(server.seen[0]).toMatchObject({ method: "GET", url: "/packages/pkg_1/archive?format=tar" });
  });

  it("lets the connection go when nobody reads it", async () => {
    const closed = Promise.withResolvers<void>();
    const server = await fakeServer([
      (request, response) => {
        request.socket.once("close", () => closed.resolve());
        response.writeHead(200, { "content-type": "application/x-tar" });
        response.write("begun");
      },
    ]);
    const { stream } = await client(server.url).openPackageArchive("pkg_1", "tar");
    stream.destroy();
    await closed.promise;
  });
});

describe("requests that are sent again", () => {
  it("carry one key, where a second run would do something twice", async () => {
    const hold = { id: "hold_1" };
    const server = await fakeServer(["cut", { json: hold }]);
    expect(await client(server.url).holdPackage("pkg_1", { reason: "why" })).toEqual(hold);
    const keys = server.seen.map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toEqual([keys[0], keys[0]]);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("add files in the order in which they were asked for", async () => {
    const items = [{ path: "b" }, { path: "a" }];
    const server = await fakeServer(["cut", { json: { items } }]);
    const files = items.map(({ path }) => ({ path, sha256: "ab".repeat(32) }));
    expect(await client(server.url).addPackageFiles("pkg_1", files, { replace: true })).toEqual(items);
    expect(server.seen[1]).toMatchObject({ method: "POST", url: "/packages/pkg_1/files?replace=true" });
    expect(JSON.parse(server.seen[1]!.body.toString())).toEqual({ files });
  });

  it("ask for the manifest as the bytes that its digest names", async () => {
    const server = await fakeServer([{ status: 503 }, { text: "\u0001bytes" }]);
    expect(Buffer.from(await client(server.url).packageManifest("pkg_1")).toString()).toBe("\u0001bytes");
    expect(server.seen[1]!.headers.accept).toBe("application/cbor");
    const refusing = await fakeServer([refused(409, "package.not_finalized")]);
    await expect(client(refusing.url).packageManifest("pkg_1")).rejects.toMatchObject({
      code: "package.not_finalized",
      kind: "conflict",
    });
  });
});
