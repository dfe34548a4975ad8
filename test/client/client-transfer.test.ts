import type { IncomingMessage } from "node:http";
import { createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { createDualHasher } from "../../src/base/digest.ts";
import type { UploadSource } from "../../src/registry/records/objects.ts";
import { type Answer, bodyOf, client, fakeServer, refused } from "./fake-server.ts";

const text = Buffer.from("some bytes of an artifact");
const unknown = refused(404, "object.not_found");
const begun = {
  status: 201,
  headers: {
    location: "/api/uploads/upl_1",
    "upload-offset": "0",
    "upload-expires": "Sat, 21 Nov 2026 00:00:00 GMT",
  },
};

/** The headers that say what an upload has become. */
function whole(object: Awaited<ReturnType<typeof stored>>): Record<string, string> {
  return {
    ...begun.headers,
    "upload-offset": `${object.size_bytes}`,
    "x-checksum-sha256": object.sha256,
    "x-checksum-blake3": object.blake3,
    "x-object-size": `${object.size_bytes}`,
    "x-object-existed": String(object.existed),
    "x-lease-expires-at": object.lease_expires_at,
  };
}

async function stored(bytes: Uint8Array, existed = false) {
  const hasher = await createDualHasher();
  hasher.update(bytes);
  const { sha256, blake3, sizeBytes } = hasher.digest();
  return { sha256, blake3, size_bytes: sizeBytes, existed, lease_expires_at: "2026-11-21T00:00:00.000Z" };
}

/** A source that gives every chunk in the same buffer, as files are read. */
function reusing(bytes: Uint8Array, chunkBytes = 4): UploadSource {
  return {
    async *open() {
      const buffer = Buffer.alloc(chunkBytes);
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        const part = bytes.subarray(at, at + chunkBytes);
        buffer.set(part);
        yield buffer.subarray(0, part.length);
        buffer.fill(0);
      }
    },
  };
}

describe("uploadObject", () => {
  it("sends the bytes with their length and digest, and reports what has left", async () => {
    const answer = await stored(text);
    const server = await fakeServer([unknown, { status: 201, json: answer }]);
    const progress: number[] = [];
    const onProgress = (bytes: number) => void progress.push(bytes);
    await expect(client(server.url).uploadObject(reusing(text), { onProgress })).resolves.toEqual(answer);
    const [lease, upload] = server.seen;
    expect(`${lease!.method} ${lease!.url}`).toBe(`POST /api/objects/${answer.sha256}/lease`);
    expect(`${upload!.method} ${upload!.url}`).toBe("POST /api/upload");
    expect(upload!.body).toEqual(text);
    expect(upload!.headers).toMatchObject({
      "content-length": `${text.length}`,
      "content-digest": `sha-256=:${createHash("sha256").update(text).digest("base64")}:`,
      authorization: "Bearer dist_secret",
    });
    expect(progress.at(-1)).toBe(text.length);
    expect(progress.length).toBeGreaterThan(1);
  });

  it("sends an empty file", async () => {
    const answer = await stored(Buffer.alloc(0));
    const server = await fakeServer([unknown, { json: answer }]);
    await expect(client(server.url).uploadObject(reusing(Buffer.alloc(0)))).resolves.toEqual(answer);
    expect(server.seen[1]!.headers["content-length"]).toBe("0");
  });

  it("sends nothing that the server has for this caller", async () => {
    const answer = await stored(text, true);
    const server = await fakeServer([{ json: answer }]);
    await expect(client(server.url).uploadObject(reusing(text))).resolves.toEqual(answer);
    expect(server.seen).toHaveLength(1);
  });

  it("client.digest_mismatch: the server found other digests or another size", async () => {
    const answer = await stored(text);
    for (const wrong of [{ sha256: "0" }, { blake3: "0" }, { size_bytes: 1 }]) {
      const server = await fakeServer([unknown, { json: { ...answer, ...wrong } }]);
      await expect(client(server.url).uploadObject(reusing(text))).rejects.toMatchObject({
        code: "client.digest_mismatch",
        kind: "corrupt",
      });
    }
  });

  it("validation.size_mismatch, validation.digest_mismatch: before anything is sent", async () => {
    const server = await fakeServer([unknown]);
    const upload = (expected: object) => client(server.url).uploadObject(reusing(text), { expected });
    await expect(upload({ size: 1 })).rejects.toMatchObject({ code: "validation.size_mismatch" });
    await expect(upload({ sha256: "0" })).rejects.toMatchObject({ code: "validation.digest_mismatch" });
    expect(server.seen).toEqual([]);
  });

  it("starts again from a fresh pass when the connection is cut or the server is busy", async () => {
    const answer = await stored(text);
    const server = await fakeServer([unknown, "cut", { status: 503, text: "" }, { json: answer }]);
    await expect(client(server.url).uploadObject(reusing(text))).resolves.toEqual(answer);
    expect(server.seen.map(({ body }) => body.length)).toEqual([0, text.length, text.length, text.length]);
  });

  it("raises what the source raises, as it is, and does not try again", async () => {
    const server = await fakeServer([unknown, async (request) => void (await bodyOf(request))]);
    let passes = 0;
    const source: UploadSource = {
      async *open() {
        passes += 1;
        yield text;
        if (passes > 1) throw new Error("the disk is gone");
      },
    };
    await expect(client(server.url).uploadObject(source)).rejects.toThrow("the disk is gone");
    expect(passes).toBe(2);
  });

  it.each([
    ["longer", 1],
    ["shorter", -1],
  ])("validation.source_changed: the second pass is %s", async (_, by) => {
    const server = await fakeServer([unknown, async (request) => void (await bodyOf(request))]);
    let passes = 0;
    const source = { open: () => reusing(Buffer.alloc(20 + by * passes++)).open() };
    await expect(client(server.url).uploadObject(source)).rejects.toMatchObject({
      code: "validation.source_changed",
    });
  });

  // With the bytes on their way the refusal would be lost in a reset connection, and tried again.
  it("sends no byte of a large file that the server refuses", async () => {
    let receivedBytes = 0;
    const server = await fakeServer([unknown], {
      onExpect: (request, response) => {
        request.on("data", (chunk: Buffer) => (receivedBytes += chunk.length));
        response.writeHead(403, { connection: "close" });
        response.end(JSON.stringify({ error: { code: "auth.missing_scope", message: "No." } }));
      },
    });
    await expect(client(server.url).uploadObject(generated(4))).rejects.toMatchObject({
      code: "auth.missing_scope",
    });
    expect(receivedBytes).toBe(0);
  });

  it("takes a refusal that comes while bytes are sent", async () => {
    const server = await fakeServer([
      unknown,
      (request, response) => {
        request.once("data", () => {
          response.writeHead(413);
          response.end(JSON.stringify({ error: { code: "blob.too_large", message: "Too large." } }));
        });
      },
    ]);
    await expect(client(server.url).uploadObject(generated(7))).rejects.toMatchObject({
      code: "blob.too_large",
    });
  });

  it("sends 64 MiB as they are made: the server has most of them before the source ends", async () => {
    let received = 0;
    let receivedAtEnd = 0;
    const source = generated(64, () => (receivedAtEnd = received));
    const expected = await hashOf(source);
    const server = await fakeServer([
      unknown,
      begun,
      async (request: IncomingMessage, response) => {
        for await (const chunk of request as AsyncIterable<Buffer>) received += chunk.length;
        response.writeHead(204, whole(expected)).end();
      },
    ]);
    await expect(client(server.url).uploadObject(source)).resolves.toEqual(expected);
    expect(received).toBe(64 * mebibyte);
    // What is on its way stands in the kernel's buffers, of a few MiB.
    expect(receivedAtEnd).toBeGreaterThan(48 * mebibyte);
  });

  it("stops when the caller stops", async () => {
    const stop = new AbortController();
    const server = await fakeServer([
      unknown,
      begun,
      (request) => void request.once("data", () => stop.abort(new Error("stopped"))),
      { status: 204 },
    ]);
    const uploading = client(server.url).uploadObject(generated(32), { signal: stop.signal });
    await expect(uploading).rejects.toThrow("stopped");
    // What the server has of it goes as well.
    expect(server.seen.at(-1)).toMatchObject({ method: "DELETE", url: "/api/uploads/upl_1" });
  });

  it("goes on with a large file where the server says it has come to, and sends nothing twice", async () => {
    const source = generated(32);
    const expected = await hashOf(source);
    const at = 2_000_000;
    const rest: Buffer[] = [];
    const server = await fakeServer([
      unknown,
      begun,
      async (request) => {
        let bytes = 0;
        for await (const chunk of request as AsyncIterable<Buffer>) {
          bytes += chunk.length;
          if (bytes > 3 * mebibyte) return void request.socket.destroy();
        }
      },
      "cut",
      { status: 502, text: "" },
      { headers: { ...begun.headers, "upload-length": `${32 * mebibyte}`, "upload-offset": `${at}` } },
      async (request, response) => {
        rest.push(await bodyOf(request));
        response.writeHead(204, whole(expected)).end();
      },
    ]);
    const progress: number[] = [];
    const onProgress = (bytes: number) => void progress.push(bytes);
    await expect(client(server.url).uploadObject(source, { onProgress })).resolves.toEqual(expected);
    expect(server.seen.map(({ method }) => method)).toEqual([
      "POST",
      "POST",
      "PATCH",
      "HEAD",
      "HEAD",
      "HEAD",
      "PATCH",
    ]);
    expect(server.seen.at(-1)!.headers["upload-offset"]).toBe(`${at}`);
    const pieces: Buffer[] = [];
    for await (const chunk of source.open(at)) pieces.push(Buffer.from(chunk));
    expect(rest[0]?.equals(Buffer.concat(pieces))).toBe(true);
    expect(progress.at(-1)).toBe(32 * mebibyte);
  });

  // Catches a client that believes the answer's status alone: its release would name bytes that are not there.
  it.each([
    ["makes nothing of the last byte", { "upload-offset": "33554432" }, "client.unavailable"],
    ["made something else", { "x-checksum-sha256": "0" }, "client.digest_mismatch"],
  ])("refuses a server that %s", async (_what, headers, code) => {
    const source = generated(32);
    const expected = await hashOf(source);
    const answered =
      code === "client.digest_mismatch"
        ? { ...whole(expected), ...headers }
        : { ...begun.headers, ...headers };
    const server = await fakeServer([
      unknown,
      begun,
      async (request, response) => {
        await bodyOf(request);
        response.writeHead(204, answered).end();
      },
      { status: 204 },
    ]);
    await expect(client(server.url).uploadObject(source)).rejects.toMatchObject({ code });
  });

  it("raises what the server says of an upload, and does not begin another", async () => {
    const server = await fakeServer([unknown, begun, refused(413, "blob.too_large"), { status: 204 }]);
    await expect(client(server.url).uploadObject(generated(32))).rejects.toMatchObject({
      code: "blob.too_large",
    });
    expect(server.seen.map(({ method }) => method)).toEqual(["POST", "POST", "PATCH", "DELETE"]);
  });

  it.each([
    [404, "upload.not_found"],
    [410, "upload.expired"],
    [418, "client.unavailable"],
  ])("raises what a HEAD with %d means", async (status, code) => {
    const server = await fakeServer([unknown, begun, "cut", { status, text: "" }]);
    await expect(client(server.url).uploadObject(generated(32))).rejects.toMatchObject({ code });
  });
});

describe("lookupObject", () => {
  const sha256 = "ab".repeat(32);

  it("reads the headers of a HEAD", async () => {
    const headers = { "x-checksum-sha256": sha256, "x-checksum-blake3": "b3", "x-object-size": "12" };
    const server = await fakeServer([{ headers }]);
    await expect(client(server.url).lookupObject(sha256)).resolves.toEqual({
      sha256,
      blake3: "b3",
      size_bytes: 12,
    });
    expect(server.seen[0]).toMatchObject({ method: "HEAD", url: `/api/objects/${sha256}` });
  });

  it("answers null for 404, and raises another refusal with its code, which a HEAD does not tell", async () => {
    const server = await fakeServer([{ status: 404 }, refused(403, "auth.revoked")]);
    await expect(client(server.url).lookupObject(sha256)).resolves.toBeNull();
    await expect(client(server.url).lookupObject(sha256)).rejects.toMatchObject({ code: "auth.revoked" });
  });
});

describe("openObject", () => {
  const sha256 = createHash("sha256").update(text).digest("hex");
  const described = {
    "x-checksum-sha256": sha256,
    "x-checksum-blake3": "b3",
    "content-length": `${text.length}`,
    "content-type": "application/x-acme",
    "cache-control": "private, no-cache",
    "content-disposition": "attachment; filename=\"a _.bin\"; filename*=UTF-8''a%20%C3%A9.bin",
  };
  const found: Answer = { headers: described };

  /** Answers ranges of `text`, cut after `cutAfter` bytes. */
  const ranged =
    (cutAfter?: number): Answer =>
    (request, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "")!;
      const part = text.subarray(Number(from), Number(to) + 1);
      response.writeHead(206, { "content-length": `${part.length}` });
      if (cutAfter === undefined) return void response.end(part);
      response.write(part.subarray(0, cutAfter), () => setTimeout(() => request.socket.destroy(), 20));
    };

  it("tells what a download says, and reads ranges", async () => {
    const server = await fakeServer([found, ranged()]);
    const object = await client(server.url).openObject(sha256, { artifact: "art_1" });
    expect(object).toMatchObject({
      sha256,
      blake3: "b3",
      size_bytes: text.length,
      content_type: "application/x-acme",
      filename: "a é.bin",
      is_public: false,
      physical_key: null,
      file_url: null,
    });
    expect(server.seen[0]).toMatchObject({ method: "HEAD", url: `/download/${sha256}?artifact=art_1` });
    expect(await bodyOf(await object.read())).toEqual(text);
    expect(await bodyOf(await object.read({ start: 5 }))).toEqual(text.subarray(5));
    expect(await bodyOf(await object.read({ start: 5, end: 6 }))).toEqual(text.subarray(5, 7));
    expect(server.seen.at(-1)).toMatchObject({ method: "GET", headers: { range: "bytes=5-6" } });
  });

  it("goes on where a connection was cut", async () => {
    const server = await fakeServer([found, ranged(10), ranged(3), "cut", ranged()]);
    const object = await client(server.url).openObject(sha256);
    expect(await bodyOf(await object.read())).toEqual(text);
    expect(server.seen.slice(1).map(({ headers }) => headers.range)).toEqual(
      [0, 10, 13, 13].map((at) => `bytes=${at}-${text.length - 1}`),
    );
  });

  it("client.unavailable: a download that is cut again and again", async () => {
    const server = await fakeServer([found, ranged(1)]);
    const object = await client(server.url).openObject(sha256);
    await expect(object.read().then(bodyOf)).rejects.toMatchObject({ code: "client.unavailable" });
    expect(server.seen).toHaveLength(1 + 6);
  });

  it("refuses the whole where a part was asked for", async () => {
    const server = await fakeServer([found, { text: text.toString() }]);
    const object = await client(server.url).openObject(sha256);
    await expect(object.read({ start: 5 })).rejects.toMatchObject({ code: "client.unavailable" });
  });

  it("raises why it may not be read", async () => {
    const server = await fakeServer([{ status: 410 }, refused(410, "release.revoked")]);
    await expect(client(server.url).openObject(sha256)).rejects.toMatchObject({
      code: "release.revoked",
      kind: "gone",
    });
  });

  it("refuses an answer for other bytes", async () => {
    const server = await fakeServer([{ headers: { ...described, "x-checksum-sha256": "00" } }]);
    await expect(client(server.url).openObject(sha256)).rejects.toMatchObject({ code: "client.unavailable" });
  });

  it("follows a redirect to the storage, without the token", async () => {
    const storage = await fakeServer([ranged()]);
    const server = await fakeServer([
      found,
      { status: 307, headers: { location: `${storage.url}/b?sig=1` } },
    ]);
    const object = await client(server.url).openObject(sha256);
    expect(await bodyOf(await object.read())).toEqual(text);
    expect(storage.seen[0]).toMatchObject({ method: "GET", url: "/b?sig=1" });
    expect(storage.seen[0]!.headers.authorization).toBeUndefined();
  });

  it("reads an empty object without asking", async () => {
    const server = await fakeServer([{ headers: { ...described, "content-length": "0" } }]);
    const object = await client(server.url).openObject(sha256);
    expect(await bodyOf(await object.read())).toHaveLength(0);
    expect(server.seen).toHaveLength(1);
  });
});

const mebibyte = 1024 * 1024;

/** That many MiB, made while they are read, always in the same buffer. */
function generated(mebibytes: number, onEnd = () => {}): UploadSource {
  return {
    async *open(start = 0) {
      const buffer = Buffer.alloc(mebibyte);
      const first = Math.floor(start / mebibyte);
      for (let index = first; index < mebibytes; index += 1) {
        buffer.fill(index);
        yield buffer.subarray(index === first ? start % mebibyte : 0);
      }
      onEnd();
    },
  };
}

async function hashOf(source: UploadSource) {
  const hasher = await createDualHasher();
  for await (const chunk of source.open()) hasher.update(chunk);
  const { sha256, blake3, sizeBytes } = hasher.digest();
  return {
    sha256,
    blake3,
    size_bytes: sizeBytes,
    existed: false,
    lease_expires_at: "2026-11-21T00:00:00.000Z",
  };
}
