import { randomBytes } from "node:crypto";
import { readdir, readlink, truncate } from "node:fs/promises";
import { join } from "node:path";

import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { sha256Hex } from "../../src/base/digest.ts";
import { publishTar } from "../support/test-store.ts";
import { type PackageServer, refusalOf, startPackageServer } from "./package-server.ts";
import { rawConnection } from "./transfer-server.ts";

let test: PackageServer;
beforeAll(async () => {
  test = await startPackageServer({}, { blobs: "directory" });
});
afterAll(() => test.close());

const files = { "a.txt": Buffer.from("first"), "b/über.bin": randomBytes(300_000) };

/** How many of the store's objects this process holds open. */
async function objectsOpen(): Promise<number> {
  const names = await readdir("/proc/self/fd");
  const paths = await Promise.all(names.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
  return paths.filter((path) => path.startsWith(join(test.directory, "objects"))).length;
}

const head = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${test.writer}\r\n\r\n`;

describe("GET of a package's archive", () => {
  it("streams a tar, or a zip where that is asked for", async () => {
    const id = await test.package(files);
    const tar = await test.ask("GET", `/packages/${id}/archive`);
    expect(tar.headers).toMatchObject({
      "content-type": "application/x-tar",
      "content-disposition": `attachment; filename="${id}.tar"`,
      "cache-control": "private, no-cache",
      "transfer-encoding": "chunked",
      "x-content-type-options": "nosniff",
    });
    expect(tar.body.subarray(257, 262).toString()).toBe("ustar");
    expect(tar.body.includes(files["b/über.bin"])).toBe(true);
    expect(await test.ask("GET", `/packages/${id}/archive?format=tar`)).toMatchObject({ body: tar.body });
    const zip = await test.ask("GET", `/api/packages/${id}/archive?format=zip`);
    expect(zip.headers["content-type"]).toBe("application/zip");
    const entries = Object.entries(unzipSync(zip.body)).map(([path, bytes]) => [path, sha256Hex(bytes)]);
    expect(Object.fromEntries(entries)).toEqual(
      Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, sha256Hex(bytes)])),
    );
  });

  it("has a tag by its manifest, and the same head", async () => {
    const id = await test.package(files);
    const path = `/packages/${id}/archive?format=zip`;
    const { manifest_sha256: manifest } = await test.registry.getPackage(id);
    const headed = await test.ask("HEAD", path);
    expect([headed.status, headed.body.length]).toEqual([200, 0]);
    expect(headed.headers).toMatchObject({ etag: `W/"${manifest}-zip"`, "content-type": "application/zip" });
    const again = await test.ask("GET", path, { headers: { "If-None-Match": headed.headers.etag! } });
    expect(again.status).toBe(304);
    expect(await objectsOpen()).toBe(0);
    const open = await test.package(files, { open: true });
    expect((await test.ask("GET", `/packages/${open}/archive`)).headers.etag).toBeUndefined();
  });

  it("is refused for what is not there, for another format, and for a revoked release", async () => {
    expect(refusalOf(await test.ask("GET", "/packages/pkg_x/archive"))).toBe("404 package.not_found");
    const id = await test.package(files);
    expect(refusalOf(await test.ask("GET", `/packages/${id}/archive?format=rar`))).toBe(
      "400 request.invalid_parameter",
    );
    const { release } = await publishTar(test.registry, { version: "1" });
    const headers = { Authorization: `Bearer ${await test.token(["package.read", "read"])}` };
    const path = `/packages/${release.package_id}/archive`;
    expect((await test.ask("GET", path, { headers })).status).toBe(200);
    await test.registry.revokeRelease("acme", { release: "1" });
    expect(refusalOf(await test.ask("GET", path, { headers }))).toBe("410 release.revoked");
  });

  // Catches an archive that looks whole and is not.
  it("breaks off where bytes are not what they were", async () => {
    const id = await test.package({ "a.bin": randomBytes(5_000_000), "b.bin": randomBytes(5_000_000) });
    const { items } = await test.registry.listPackageFiles(id);
    const damaged = items[1]!.sha256;
    await truncate(join(test.directory, "objects", damaged.slice(0, 2), damaged), 4_000_000);
    for (const format of ["tar", "zip"]) {
      await expect(test.ask("GET", `/packages/${id}/archive?format=${format}`)).rejects.toThrow("aborted");
    }
    expect(test.log.filter(({ msg }) => msg === "archive cut short")).toHaveLength(2);
    expect(await objectsOpen()).toBe(0);
  });

  it("is made no further when the client goes away, nor faster than it reads", async () => {
    // More than the sockets' buffers hold.
    const large = Object.fromEntries([1, 2, 3, 4].map((n) => [`${n}.bin`, randomBytes(10_000_000)]));
    const id = await test.package(large);
    const raw = rawConnection(test.server.port);
    raw.send(head(`/packages/${id}/archive`));
    await raw.until("\r\n\r\n");
    raw.socket.pause();
    await expect.poll(objectsOpen).toBe(1);
    raw.socket.destroy();
    await expect.poll(objectsOpen).toBe(0);
    const lines = test.log.filter(({ path }) => path === `/packages/${id}/archive`);
    expect(lines).toMatchObject([{ status: 200, complete: false }]);
  });

  it("takes no memory by the size of what it holds", async () => {
    const bytes = randomBytes(64_000_000);
    const names = Array.from({ length: 8 }, (_, index) => `${index}.bin`);
    const id = await test.package(Object.fromEntries(names.map((name) => [name, bytes])));
    const before = process.memoryUsage();
    let [largest, received] = [0, 0];
    const response = await fetch(`${test.server.url}/packages/${id}/archive?format=zip`, {
      headers: { Authorization: `Bearer ${test.writer}` },
    });
    for await (const chunk of response.body!) {
      received += chunk.length;
      const { external, heapUsed } = process.memoryUsage();
      largest = Math.max(largest, external + heapUsed - before.external - before.heapUsed);
    }
    expect(received).toBeGreaterThan(8 * bytes.length);
    expect(largest).toBeLessThan(200_000_000);
  });
});
