import { createHash, randomBytes } from "node:crypto";

import { Upload } from "tus-js-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { leasedDigests, sourceOf, stagedNames } from "../support/test-store.ts";
import { jsonOf, type PackageServer, refusalOf, startPackageServer } from "./package-server.ts";
import { exchange } from "./process-server.ts";
import { rawConnection } from "./transfer-server.ts";

const MAX_BYTES = 8 * 1024 * 1024;

let test: PackageServer;
beforeAll(async () => {
  test = await startPackageServer({ maxUploadBytes: MAX_BYTES });
});
afterAll(() => test.close());

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const openPackage = () => test.package({}, { open: true });
const put = (id: string, path: string, body: Uint8Array, headers: Record<string, string> = {}) =>
  test.ask("PUT", `/packages/${id}/files/${path}`, { body, headers });

describe("PUT of a file", () => {
  it("stores and adds it in one request, with the type that is sent", async () => {
    const id = await openPackage();
    const bytes = randomBytes(1_000_000);
    const answer = await put(id, "logs/run.bin", bytes, { "Content-Type": "application/x-log" });
    expect(answer.status).toBe(201);
    expect(jsonOf(answer)).toEqual({
      path: "logs/run.bin",
      sha256: sha256Of(bytes),
      blake3: expect.stringMatching(/^[0-9a-f]{64}$/),
      size_bytes: bytes.length,
      media_type: "application/x-log",
    });
    // The package keeps the bytes now.
    expect(leasedDigests(test)).not.toContain(sha256Of(bytes));
    expect(await stagedNames(test)).toEqual([]);
    const listed = await test.registry.listPackageFiles(id);
    expect(listed.items).toEqual([jsonOf(answer)]);
  });

  it("says 200 when it was there with the same bytes, and takes the type from the name without one", async () => {
    const id = await openPackage();
    const first = await put(id, "report.json", Buffer.from("{}"));
    expect([first.status, jsonOf(first).media_type]).toEqual([201, "application/json"]);
    const again = await test.ask("PUT", `/api/packages/${id}/files/report.json`, { body: Buffer.from("{}") });
    expect([again.status, jsonOf(again)]).toEqual([200, jsonOf(first)]);
    expect(refusalOf(await put(id, "report.json", Buffer.from("[]")))).toBe("409 package.duplicate_path");
    const replaced = await put(id, "report.json?replace=true", Buffer.from("[]"));
    expect([replaced.status, jsonOf(replaced).sha256]).toEqual([201, sha256Of(Buffer.from("[]"))]);
  });

  it("takes nothing at all", async () => {
    const id = await openPackage();
    expect(jsonOf(await put(id, "empty", Buffer.alloc(0))).size_bytes).toBe(0);
    const got = await test.ask("GET", `/packages/${id}/files/empty`);
    expect([got.status, got.body.length]).toEqual([200, 0]);
  });

  it("compares the bytes with Content-Digest, and keeps nothing of others", async () => {
    const id = await openPackage();
    const digest = (of: string) => ({
      "Content-Digest": `sha-256=:${createHash("sha256").update(of).digest("base64")}:`,
    });
    expect((await put(id, "a", Buffer.from("meant"), digest("meant"))).status).toBe(201);
    const wrong = await put(id, "b", Buffer.from("arrived"), digest("meant"));
    expect(refusalOf(wrong)).toBe("400 validation.digest_mismatch");
    expect((await test.registry.getPackage(id)).file_count).toBe(1);
    expect(await stagedNames(test)).toEqual([]);
  });

  it("honours If-Match", async () => {
    const id = await openPackage();
    const tag = async () => String((await test.ask("HEAD", `/packages/${id}/files/a`)).headers.etag);
    const absent = await put(id, "a", Buffer.from("1"), { "If-Match": "*" });
    expect(refusalOf(absent)).toBe("412 request.precondition_failed");
    await put(id, "a", Buffer.from("1"));
    const before = await tag();
    const both = await Promise.all(
      ["2", "3"].map((text) => put(id, "a?replace=true", Buffer.from(text), { "If-Match": before })),
    );
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 412]);
    expect(await tag()).not.toBe(before);
  });
});

/** The head of a PUT whose body is announced and not sent. */
const head = (path: string, ...lines: readonly string[]) =>
  [
    `PUT ${path} HTTP/1.1`,
    "Host: localhost",
    "Content-Length: 5",
    "Expect: 100-continue",
    ...lines,
    "",
    "",
  ].join("\r\n");

describe("what is refused before a byte of a PUT is read", () => {
  /** How the server answers somebody who waits for `100 Continue`. */
  async function answerTo(path: string, ...lines: readonly string[]): Promise<string> {
    const raw = rawConnection(test.server.port);
    raw.send(head(path, ...lines));
    const text = await raw.until("\r\n\r\n");
    raw.socket.destroy();
    return text.split("\r\n")[0]!;
  }

  it("is who may not, a package that takes nothing, a path that is none", async () => {
    const id = await openPackage();
    const closed = await test.package({ a: Buffer.from("a") });
    const as = (secret: string) => `Authorization: Bearer ${secret}`;
    const writer = as(test.writer);
    const at = (of: string, path = "a") => `/packages/${of}/files/${path}`;
    expect(await answerTo(at(id), writer)).toBe("HTTP/1.1 100 Continue");
    expect(await answerTo(at(id))).toBe("HTTP/1.1 401 Unauthorized");
    expect(await answerTo(at(id), as(await test.token(["package.read", "publish"])))).toBe(
      "HTTP/1.1 403 Forbidden",
    );
    expect(await answerTo(at(closed), writer)).toBe("HTTP/1.1 409 Conflict");
    expect(await answerTo(at("pkg_x"), writer)).toBe("HTTP/1.1 404 Not Found");
    expect(await answerTo(at(id, "a%5Cb"), writer)).toBe("HTTP/1.1 400 Bad Request");
    expect(await answerTo(at(id), writer, "Content-Type: none")).toBe("HTTP/1.1 400 Bad Request");
    expect(await answerTo(at(id), writer, 'If-Match: "x"')).toBe("HTTP/1.1 412 Precondition Failed");
  });

  it("is a body without a length, and one that is too large", async () => {
    const id = await openPackage();
    const chunked = await test.ask("PUT", `/packages/${id}/files/a`, {
      headers: { "Transfer-Encoding": "chunked" },
    });
    expect(refusalOf(chunked)).toBe("411 request.length_required");
    const large = await put(id, "a", Buffer.alloc(MAX_BYTES + 1));
    expect(refusalOf(large)).toBe("413 request.body_too_large");
    expect(await stagedNames(test)).toEqual([]);
  });

  // A server that closes at once resets the connection, and a client that is still writing loses the answer.
  it("is told to a client that reads only after it has sent everything", async () => {
    const closed = await test.package({ a: Buffer.from("a") });
    const size = 4 * 1024 * 1024;
    const raw = rawConnection(test.server.port);
    raw.socket.pause();
    raw.send(
      [
        `PUT /packages/${closed}/files/b HTTP/1.1`,
        "Host: localhost",
        `Content-Length: ${size}`,
        `Authorization: Bearer ${test.writer}`,
        "",
        "",
      ].join("\r\n"),
    );
    await new Promise((sent) => raw.socket.write(Buffer.alloc(size), sent));
    raw.socket.resume();
    expect(await raw.untilClosed()).toContain("package.not_open");
  });
});

describe("a PUT that others are faster than", () => {
  /** A PUT of five bytes of which one has been sent, when the server reads them. */
  async function begun(id: string, ...lines: readonly string[]) {
    const raw = rawConnection(test.server.port);
    raw.send(head(`/packages/${id}/files/late`, `Authorization: Bearer ${test.writer}`, ...lines));
    await raw.until("100 Continue");
    raw.send("1");
    return raw;
  }

  it("is refused when the package was closed meanwhile", async () => {
    const id = await test.package({ a: Buffer.from("a") }, { open: true });
    const raw = await begun(id, "Connection: close");
    await test.registry.finalizePackage(id);
    raw.send("2345");
    expect(await raw.untilClosed()).toMatch(/HTTP\/1\.1 409 [^]*package\.not_open/);
    expect((await test.registry.getPackage(id)).file_count).toBe(1);
    expect(await stagedNames(test)).toEqual([]);
  });

  it("is refused when the path was taken meanwhile", async () => {
    const id = await openPackage();
    const raw = await begun(id, "Connection: close");
    await put(id, "late", Buffer.from("first"));
    raw.send("2345");
    expect(await raw.untilClosed()).toMatch(/HTTP\/1\.1 409 [^]*package\.duplicate_path/);
  });

  it("leaves nothing when its client goes away", async () => {
    const id = await openPackage();
    const raw = await begun(id);
    raw.socket.destroy();
    const lines = () => test.log.filter(({ path }) => path === `/packages/${id}/files/late`);
    await expect.poll(lines).toMatchObject([{ complete: false }]);
    await expect.poll(() => stagedNames(test)).toEqual([]);
    expect((await test.registry.getPackage(id)).status).toBe("created");
  });
});

describe("paths in addresses", () => {
  it.each([
    ["a%20b/c%2Bd.txt", "a b/c+d.txt"],
    ["a+b", "a+b"],
    ["%C3%9Cber/%F0%9F%8E%89", "Über/🎉"],
    // Decoded once: what is encoded twice is a name with a percent sign.
    ["100%2525", "100%25"],
    ["%252e%252e/x", "%2e%2e/x"],
    ["a%3Fb%23c;d=e", "a?b#c;d=e"],
    ["...", "..."],
    ["files/files", "files/files"],
    // Another way to write the same letter: paths are NFC.
    ["U%CC%88", "Ü"],
  ])("%s is the path %s", async (encoded, path) => {
    const id = await openPackage();
    const added = await put(id, encoded, Buffer.from(path));
    expect(jsonOf(added)).toMatchObject({ path });
    expect((await test.ask("GET", `/packages/${id}/files/${encoded}`)).body.toString()).toBe(path);
    const removed = await test.ask("DELETE", `/packages/${id}/files/${encoded}`);
    expect([removed.status, jsonOf(removed)]).toEqual([200, jsonOf(added)]);
  });

  // As raw bytes: clients take dots out of addresses before they send them.
  it.each([
    "a/../b",
    "a/%2E./b",
    "./a",
    "..%2f..%2fdist.db",
    "a%2fb",
    "a//b",
    "a/",
    "a%5Cb",
    "a%00b",
    "a%0Ab",
    "%ff",
    "%zz",
    "x".repeat(256),
  ])("%s is refused", async (path) => {
    const id = await openPackage();
    for (const method of ["GET", "PUT", "DELETE"]) {
      const answer = await exchange(
        test.server.port,
        [
          `${method} /packages/${id}/files/${path} HTTP/1.1`,
          "Host: localhost",
          "Connection: close",
          `Authorization: Bearer ${test.writer}`,
          "Content-Length: 0",
          "",
          "",
        ].join("\r\n"),
      );
      expect(answer, method).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"package.invalid_path"');
    }
    expect((await test.registry.getPackage(id)).file_count).toBe(0);
  });

  it("that lead out of a package are no addresses, or not those they look like", async () => {
    const id = await openPackage();
    const other = await openPackage();
    const answer = (target: string) =>
      exchange(
        test.server.port,
        `PUT ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
          `Authorization: Bearer ${test.writer}\r\nContent-Length: 0\r\n\r\n`,
      );
    expect(await answer(`/packages/${id}/files/../../../etc/passwd`)).toContain("request.not_found");
    expect(await answer(`/packages/${id}/files/../../${other}/files/x`)).toContain("package.invalid_path");
    expect(await answer(`/x/../packages/${id}/files/x`)).toContain("package.invalid_path");
    for (const one of [id, other]) expect((await test.registry.getPackage(one)).file_count).toBe(0);
    // The absolute form, as it is sent to proxies (RFC 9112, 3.2.2).
    expect(await answer(`http://localhost/packages/${id}/files/x/y`)).toContain('"path":"x/y"');
  });
});

describe("GET of a file", () => {
  it("is as a download by digest is", async () => {
    const bytes = randomBytes(700_000);
    const id = await test.package({ "logs/über.log": bytes });
    const path = `/packages/${id}/files/logs/%C3%BCber.log`;
    const got = await test.ask("GET", path);
    const sha256 = sha256Of(bytes);
    expect(got.body.equals(bytes)).toBe(true);
    expect(got.headers).toMatchObject({
      etag: `"${sha256}"`,
      "x-checksum-sha256": sha256,
      "x-checksum-blake3": expect.stringMatching(/^[0-9a-f]{64}$/),
      "repr-digest": `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`,
      "content-disposition": "attachment; filename=\"_ber.log\"; filename*=UTF-8''%C3%BCber.log",
      "content-length": `${bytes.length}`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
      "accept-ranges": "bytes",
      "cache-control": "private, no-cache",
      vary: "Authorization",
    });
    const headed = await test.ask("HEAD", path);
    const named = ({ date: _1, "x-request-id": _2, ...rest }: Record<string, unknown>) => rest;
    expect([headed.status, headed.body.length, named(headed.headers)]).toEqual([200, 0, named(got.headers)]);
    expect((await test.ask("GET", path, { headers: { "If-None-Match": `"${sha256}"` } })).status).toBe(304);
    const part = await test.ask("GET", path, { headers: { Range: "bytes=-5" } });
    expect([part.status, part.body.equals(bytes.subarray(-5))]).toEqual([206, true]);
    const none = await test.ask("GET", path, { headers: { Range: "bytes=700000-" } });
    expect(refusalOf(none)).toBe("416 request.range_not_satisfiable");
    const below = await test.ask("GET", `/api${path}`);
    expect(below.body.equals(bytes)).toBe(true);
    expect((await test.ask("GET", `/download/${sha256}`)).body.equals(bytes)).toBe(true);
  });

  it("follows what stands at the path now", async () => {
    const id = await openPackage();
    await put(id, "a", Buffer.from("before"));
    await put(id, "a?replace=true", Buffer.from("after"));
    expect((await test.ask("GET", `/packages/${id}/files/a`)).body.toString()).toBe("after");
  });

  it("is for those who may read packages", async () => {
    const bytes = Buffer.from("for few");
    const id = await test.package({ a: bytes });
    const path = `/packages/${id}/files/a`;
    const as = async (scope: string) => ({
      headers: { Authorization: `Bearer ${await test.token([scope])}` },
    });
    expect((await test.ask("GET", path, await as("package.read"))).status).toBe(200);
    expect(refusalOf(await test.ask("GET", path, await as("read")))).toBe("403 auth.missing_scope");
    expect(refusalOf(await test.ask("GET", path, { headers: { Authorization: "Bearer x" } }))).toBe(
      "401 auth.malformed_token",
    );
    expect(refusalOf(await test.ask("GET", `/packages/${id}/files/b`))).toBe("404 package.file_not_found");
    // A digest is not a permission: who may publish learns nothing of evidence.
    const digest = `/api/objects/${sha256Of(bytes)}`;
    expect((await test.ask("HEAD", digest, await as("publish"))).status).toBe(404);
    expect((await test.ask("HEAD", digest)).status).toBe(200);
  });

  it("names the file to a proxy that sends it", async () => {
    const proxied = await startPackageServer({ sendFile: "x-accel" }, { blobs: "directory" });
    try {
      const bytes = Buffer.from("sent by the proxy");
      const id = await proxied.package({ a: bytes });
      const { headers } = await proxied.ask("GET", `/packages/${id}/files/a`);
      const sha256 = sha256Of(bytes);
      expect(headers["x-accel-redirect"]).toBe(`/protected/objects/${sha256.slice(0, 2)}/${sha256}`);
      expect(headers["x-checksum-sha256"]).toBe(sha256);
    } finally {
      await proxied.close();
    }
  });
});

describe("an upload in pieces", () => {
  it("ends as an object with a lease, which a package takes over", async () => {
    const id = await openPackage();
    const bytes = randomBytes(3_000_000);
    await new Promise<void>((resolve, reject) => {
      new Upload(bytes, {
        endpoint: `${test.server.url}/api/uploads`,
        headers: { Authorization: `Bearer ${test.writer}` },
        uploadSize: bytes.length,
        chunkSize: 1_000_000,
        onSuccess: () => resolve(),
        onError: reject,
      }).start();
    });
    const sha256 = sha256Of(bytes);
    expect(leasedDigests(test)).toContain(sha256);
    const json = (value: unknown) => ({
      body: Buffer.from(JSON.stringify(value)),
      headers: { "Content-Type": "application/json" },
    });
    const added = await test.ask("POST", `/packages/${id}/files`, json({ path: "large.bin", sha256 }));
    expect([added.status, jsonOf(added).size_bytes]).toEqual([201, bytes.length]);
    expect(leasedDigests(test)).not.toContain(sha256);
    expect((await test.ask("GET", `/packages/${id}/files/large.bin`)).body.equals(bytes)).toBe(true);
    // Another's upload is not theirs to name.
    const { sha256: theirs } = await test.registry.uploadObject(sourceOf(Buffer.from("another's")));
    const refused = await test.ask("POST", `/packages/${id}/files`, json({ path: "x", sha256: theirs }));
    expect(refusalOf(refused)).toBe("409 object.missing");
  });
});
