import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { Upload, type UploadOptions } from "tus-js-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { leasedDigests, openTestStore, type TestStore } from "../support/test-store.ts";
import { mountTus } from "../../src/server/transfer/tus.ts";
import {
  type Answer,
  ask,
  rawConnection,
  startTransferServer,
  type TransferServer,
} from "./transfer-server.ts";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
let server: TransferServer;
beforeEach(async () => {
  test = await openTestStore({ settings: { maxUploadBytes: 64 * MIB } });
  server = await startTransferServer(test, { settings: { maxUploadBytes: 64 * MIB } });
});
afterEach(async () => {
  await server.close();
  await test.close();
});

const tus = { Authorization: "Bearer publish", "Tus-Resumable": "1.0.0" };
const pieceType = { "Content-Type": "application/offset+octet-stream" };
const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const staged = () => readdir(join(test.directory, "staging")).catch((): string[] => []);
const codeOf = ({ body }: Answer) => (JSON.parse(body.toString()) as { error: { code: string } }).error.code;

async function begin(size: number, headers: Record<string, string> = {}): Promise<string> {
  const created = await ask(`${server.url}/api/uploads`, {
    method: "POST",
    headers: { ...tus, "Upload-Length": String(size), ...headers },
  });
  expect(created.status).toBe(201);
  return String(created.headers.location);
}

const send = (url: string, offset: number, body: Uint8Array, headers: Record<string, string> = {}) =>
  ask(url, {
    method: "PATCH",
    headers: {
      ...tus,
      ...pieceType,
      "Upload-Offset": String(offset),
      "Content-Length": `${body.length}`,
      ...headers,
    },
    body,
  });
const look = (url: string) => ask(url, { method: "HEAD", headers: tus });
const offsetOf = async (url: string) => Number((await look(url)).headers["upload-offset"]);

describe("tus-js-client", () => {
  const upload = (bytes: Uint8Array, options: Partial<UploadOptions> = {}): Promise<Upload> =>
    new Promise((resolve, reject) => {
      const one = new Upload(Buffer.from(bytes), {
        endpoint: `${server.url}/api/uploads`,
        headers: { Authorization: "Bearer publish" },
        uploadSize: bytes.length,
        chunkSize: MIB,
        retryDelays: [0, 10, 50],
        metadata: { filename: "a file ü.bin" },
        onSuccess: () => resolve(one),
        onError: reject,
        ...options,
      });
      one.start();
    });

  it("uploads in pieces, in one, with the creation, and nothing at all", async () => {
    const bytes = randomBytes(3 * MIB + 11);
    const inPieces = await upload(bytes);
    await upload(Buffer.concat([bytes, Buffer.from("1")]), { chunkSize: 16 * MIB });
    await upload(Buffer.concat([bytes, Buffer.from("2")]), { uploadDataDuringCreation: true });
    await upload(Buffer.alloc(0));
    const expected = ["", "1", "2"].map((end) => sha256Of(Buffer.concat([bytes, Buffer.from(end)])));
    expect(leasedDigests(test)).toEqual([...expected, sha256Of(Buffer.alloc(0))].sort());
    expect((await look(String(inPieces.url))).headers["upload-metadata"]).toBe(
      `filename ${Buffer.from("a file ü.bin").toString("base64")}`,
    );
    expect(await staged()).toEqual([]);
  });

  it("goes on where an upload that was stopped has come to", async () => {
    const bytes = randomBytes(4 * MIB);
    const url = await new Promise<string>((resolve) => {
      const first = new Upload(bytes, {
        endpoint: `${server.url}/api/uploads`,
        headers: { Authorization: "Bearer publish" },
        uploadSize: bytes.length,
        chunkSize: MIB,
        onChunkComplete: () => void first.abort().then(() => resolve(String(first.url))),
      });
      first.start();
    });
    const offset = await offsetOf(url);
    expect(offset).toBeGreaterThanOrEqual(MIB);
    const sent: number[] = [];
    await upload(bytes, { uploadUrl: url, onProgress: (bytesSent) => void sent.push(bytesSent) });
    expect(leasedDigests(test)).toEqual([sha256Of(bytes)]);
    expect(Math.min(...sent)).toBeGreaterThanOrEqual(offset);
  });

  it("runs uploads beside each other, and takes one back", async () => {
    const all = Array.from({ length: 6 }, () => randomBytes(2 * MIB));
    const [first] = await Promise.all(all.map((bytes) => upload(bytes)));
    expect(leasedDigests(test)).toEqual(all.map(sha256Of).sort());
    await first?.abort(true);
    expect((await look(String(first?.url))).status).toBe(404);
  });
});

describe("raw requests", () => {
  it("learn what is spoken here, without credentials", async () => {
    const answer = await ask(`${server.url}/api/uploads`, { method: "OPTIONS" });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      "tus-resumable": "1.0.0",
      "tus-version": "1.0.0",
      "tus-max-size": String(64 * MIB),
      "tus-extension": "creation,creation-with-upload,termination,checksum,expiration",
      "tus-checksum-algorithm": "sha1,sha256",
    });
  });

  it("get the digests with the last byte, and again with a HEAD", async () => {
    const url = await begin(6);
    const half = await send(url, 0, Buffer.from("abc"));
    expect([half.status, half.headers["upload-offset"], half.headers["upload-expires"]]).toEqual([
      204,
      "3",
      "Sat, 21 Nov 2026 15:00:00 GMT",
    ]);
    expect(half.headers).not.toHaveProperty("x-checksum-sha256");
    const whole = await send(url, 3, Buffer.from("def"));
    const sha256 = sha256Of(Buffer.from("abcdef"));
    const described = {
      "upload-offset": "6",
      "x-checksum-sha256": sha256,
      "x-checksum-blake3": expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      "repr-digest": `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`,
      "x-object-size": "6",
      "x-object-existed": "false",
      "x-lease-expires-at": "2026-11-21T15:00:00.000Z",
    };
    expect(whole.headers).toMatchObject(described);
    const head = await look(url);
    expect(head.status).toBe(200);
    expect(head.headers).toMatchObject({ ...described, "upload-length": "6", "cache-control": "no-store" });
  });

  it("are told 409 at another offset, with the right one", async () => {
    const url = await begin(6);
    await send(url, 0, Buffer.from("abc"));
    for (const offset of [0, 2, 4]) {
      const refused = await send(url, offset, Buffer.from("x"));
      expect([refused.status, codeOf(refused)]).toEqual([409, "upload.offset_mismatch"]);
      expect(JSON.parse(refused.body.toString())).toMatchObject({ error: { details: { offset: 3 } } });
    }
    expect(await offsetOf(url)).toBe(3);
  });

  it.each(["sha1", "sha256"])(
    "are told 460 when %s does not match, and none of the bytes count",
    async (name) => {
      const url = await begin(6);
      const checksum = (text: string) => ({
        "Upload-Checksum": `${name} ${createHash(name).update(text).digest("base64")}`,
      });
      const wrong = await send(url, 0, Buffer.from("abX"), checksum("abc"));
      expect([wrong.status, codeOf(wrong)]).toEqual([460, "upload.checksum_mismatch"]);
      expect(await offsetOf(url)).toBe(0);
      expect((await send(url, 0, Buffer.from("abc"), checksum("abc"))).status).toBe(204);
      expect((await send(url, 3, Buffer.from("def"))).headers["x-checksum-sha256"]).toBe(
        sha256Of(Buffer.from("abcdef")),
      );
      const unknown = await send(url, 6, Buffer.alloc(0), { "Upload-Checksum": "crc32 AAAA" });
      expect([unknown.status, codeOf(unknown)]).toEqual([400, "request.invalid_parameter"]);
    },
  );

  it("are told 413 for more than is taken, or was announced, and nothing of it is kept", async () => {
    const tooLong = await ask(`${server.url}/api/uploads`, {
      method: "POST",
      headers: { ...tus, "Upload-Length": String(64 * MIB + 1) },
    });
    expect([tooLong.status, codeOf(tooLong)]).toEqual([413, "blob.too_large"]);
    const url = await begin(6);
    const more = await send(url, 0, Buffer.from("seven b"));
    expect([more.status, codeOf(more)]).toEqual([413, "blob.too_large"]);
    const raw = rawConnection(server.port);
    const path = new URL(url).pathname;
    raw.send(
      `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer publish\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n` +
        "Content-Type: application/offset+octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nseven b\r\n0\r\n\r\n",
    );
    expect(await raw.until("too_large")).toMatch(/^HTTP\/1\.1 413 /);
    raw.socket.destroy();
    expect([await offsetOf(url), await staged()]).toEqual([0, []]);
  });

  it("are told 410 once the upload has expired, and 404 once it was taken back", async () => {
    const url = await begin(6);
    await send(url, 0, Buffer.from("abc"));
    const other = await begin(6);
    test.clock.advance(DAY_MS + 1);
    const late = await send(url, 3, Buffer.from("def"));
    expect([late.status, codeOf(late)]).toEqual([410, "upload.expired"]);
    await test.store.expireUploads();
    expect((await look(url)).status).toBe(410);
    expect((await ask(other, { method: "DELETE", headers: tus })).status).toBe(410);
    const third = await begin(6);
    await send(third, 0, Buffer.from("abc"));
    expect((await ask(third, { method: "DELETE", headers: tus })).status).toBe(204);
    expect((await look(third)).status).toBe(404);
    expect(await staged()).toEqual([]);
  });

  it("must speak the version, the type and the lengths of the protocol", async () => {
    const url = await begin(6);
    const versionless = await ask(url, { method: "HEAD", headers: { Authorization: "Bearer publish" } });
    expect([versionless.status, versionless.headers["tus-version"]]).toEqual([412, "1.0.0"]);
    const other = await send(url, 0, Buffer.from("abc"), { "Tus-Resumable": "2.0.0" });
    expect([other.status, codeOf(other)]).toEqual([412, "request.tus_version"]);
    const typed = await send(url, 0, Buffer.from("abc"), { "Content-Type": "text/plain" });
    expect([typed.status, codeOf(typed)]).toEqual([415, "request.unsupported_media_type"]);
    const post = (headers: Record<string, string>) =>
      ask(`${server.url}/api/uploads`, { method: "POST", headers: { ...tus, ...headers } });
    for (const headers of [
      {},
      { "Upload-Length": "-1" },
      { "Upload-Length": "1e3" },
      { "Upload-Defer-Length": "1" },
    ]) {
      expect(codeOf(await post(headers as Record<string, string>))).toBe("request.invalid_parameter");
    }
    for (const metadata of ["a !", "a MQ==,a MQ==", "ü MQ== x", ","]) {
      const refused = await post({
        "Upload-Length": "1",
        "Upload-Metadata": Buffer.from(metadata).toString("latin1"),
      });
      expect([refused.status, codeOf(refused)]).toEqual([400, "upload.invalid_metadata"]);
    }
    const got = await ask(url, { headers: tus });
    expect([got.status, got.headers.allow]).toEqual([405, "HEAD, PATCH, DELETE, OPTIONS"]);
    expect((await ask(`${server.url}/api/uploads`, { headers: tus })).status).toBe(405);
  });

  it("may name the method in a header", async () => {
    const url = await begin(3);
    const post = (method: string, headers: Record<string, string> = {}, body = "") =>
      ask(url, {
        method: "POST",
        headers: { ...tus, "X-HTTP-Method-Override": method, "Content-Length": `${body.length}`, ...headers },
        body: Buffer.from(body),
      });
    const patched = await post("PATCH", { ...pieceType, "Upload-Offset": "0" }, "abc");
    expect([patched.status, patched.headers["upload-offset"]]).toEqual([204, "3"]);
    expect((await post("DELETE")).status).toBe(204);
    expect((await post("PUT")).status).toBe(405);
  });

  it("need a token that may upload, and the one that began", async () => {
    const url = await begin(6);
    const as = (authorization: Record<string, string>) => ({ "Tus-Resumable": "1.0.0", ...authorization });
    const create = (authorization: Record<string, string>) =>
      ask(`${server.url}/api/uploads`, {
        method: "POST",
        headers: { ...as(authorization), "Upload-Length": "1" },
      });
    expect(codeOf(await create({}))).toBe("auth.missing_token");
    expect(codeOf(await create({ Authorization: "Bearer read" }))).toBe("auth.missing_scope");
    expect((await ask(url, { method: "HEAD", headers: as({}) })).status).toBe(401);
  });

  // Catches a server that asks for the body before it has looked at the offset.
  it("that wait for 100 Continue are refused without it", async () => {
    const path = new URL(await begin(6)).pathname;
    const raw = rawConnection(server.port);
    const head = (offset: number) =>
      `PATCH ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer publish\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: ${offset}\r\n` +
      "Content-Type: application/offset+octet-stream\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    raw.send(head(1));
    expect(await raw.until("offset_mismatch")).toMatch(/^HTTP\/1\.1 409 /);
    raw.socket.destroy();
    const other = rawConnection(server.port);
    other.send(head(0));
    expect(await other.until("100 Continue")).toContain("100 Continue");
    other.send("abc");
    expect(await other.until("HTTP/1.1 204")).toContain("HTTP/1.1 204");
    other.socket.destroy();
  });

  it("keep what arrived before the connection broke, or fell silent", async () => {
    const bytes = randomBytes(4 * MIB);
    const url = await begin(bytes.length);
    const raw = rawConnection(server.port);
    raw.send(
      `PATCH ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer publish\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n` +
        `Content-Type: application/offset+octet-stream\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    raw.send(bytes.subarray(0, 2 * MIB));
    await vi.waitFor(async () => expect(await offsetOf(url)).toBe(2 * MIB), { timeout: 10_000 });
    raw.send(bytes.subarray(2 * MIB, 3 * MIB));
    raw.socket.end();
    await vi.waitFor(async () => expect(await offsetOf(url)).toBe(3 * MIB), { timeout: 10_000 });
    const whole = await send(url, 3 * MIB, bytes.subarray(3 * MIB));
    expect(whole.headers["x-checksum-sha256"]).toBe(sha256Of(bytes));
  });
});

describe("a client that falls silent", () => {
  it("is told 408 after a while, and what it sent counts", async () => {
    const silent = await startTransferServer(test, { mount: (app, deps) => mountTus(app, deps, 50) });
    try {
      const created = await ask(`${silent.url}/api/uploads`, {
        method: "POST",
        headers: { ...tus, "Upload-Length": "6" },
      });
      const url = String(created.headers.location).replace(/^https?:\/\/[^/]+/, silent.url);
      const raw = rawConnection(silent.port);
      raw.send(
        `PATCH ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer publish\r\nTus-Resumable: 1.0.0\r\n` +
          "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 6\r\n\r\nabc",
      );
      expect(await raw.until("request.timeout")).toMatch(/^HTTP\/1\.1 408 /);
      raw.socket.destroy();
      expect((await ask(url, { method: "HEAD", headers: tus })).headers["upload-offset"]).toBe("3");
    } finally {
      await silent.close();
    }
  });
});
