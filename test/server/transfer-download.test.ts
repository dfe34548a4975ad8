import { randomBytes } from "node:crypto";
import { readdir, readFile, readlink, truncate, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

import { delay } from "../../src/base/async.ts";
import type { ArtifactRequest } from "../../src/registry/records/releases.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { acmeApk, pngFile, uploadApk } from "../support/acme-apk.ts";
import { openTestStore, sourceOf, sqlOn, tarGzBytes, type TestStore } from "../support/test-store.ts";
import {
  type Answer,
  ask,
  rawConnection,
  startTransferServer,
  type TransferServer,
} from "./transfer-server.ts";

let test: TestStore;
let server: TransferServer;

beforeAll(async () => {
  // Some of these look at the file itself; what is different in a bucket has tests of its own.
  test = await openTestStore({ blobs: "directory" });
  server = await startTransferServer(test);
});
afterAll(async () => {
  await server.close();
  await test.close();
});
afterEach(async () => {
  // No download of this file, however it ends, leaves a file open.
  await vi.waitFor(async () => expect(await objectsOpen()).toBe(0));
});

/** How many files of the store's objects this process holds open. */
async function objectsOpen(): Promise<number> {
  const files = await Promise.all(
    // A file may be closed between the two looks.
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return files.filter((path) => path.startsWith(join(test.directory, "objects"))).length;
}

let counter = 0;

/** Publishes bytes in a tar.gz as an app of its own; answers what a download of them needs. */
async function publish(
  body: Uint8Array,
  options: { visibility?: string; artifact?: Partial<ArtifactRequest> } = {},
) {
  const bytes = Buffer.from(tarGzBytes(Buffer.from(body).toString("latin1")));
  // Not compressed, so that a short body stands in it as it is.
  const bodyAt = bytes.indexOf(body);
  const app = `app-${counter++}`;
  await test.registry.createApp(app, { visibility: options.visibility ?? "public" });
  const { sha256 } = await test.registry.uploadObject(sourceOf(bytes));
  const artifact = { platform: "linux", filename: `${app}.tar.gz`, sha256, ...options.artifact } as const;
  const result = await test.registry.publish({ app, version: "1", channel: "beta", artifacts: [artifact] });
  const url = `${server.url}/download/${sha256}`;
  return { app, bytes, bodyAt, sha256, artifact: result.artifacts[0]!.id, url };
}

const read = { Authorization: "Bearer read" };
const codeOf = ({ body }: Answer) => (JSON.parse(body.toString()) as { error: { code: string } }).error.code;
const objectPath = (sha256: string) => join(test.directory, "objects", sha256.slice(0, 2), sha256);

describe("GET /download/{sha256}", () => {
  it.each([0, 1, 1024 * 1024 + 1, 20 * 1024 * 1024])("sends %i bytes and a header", async (size) => {
    const { url, bytes } = await publish(randomBytes(size));
    const answer = await ask(url);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-length"]).toBe(`${bytes.length}`);
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it("sends an empty object", async () => {
    const { url, sha256 } = await publish(Buffer.from("stands in"));
    const empty = await startTransferServer(test, {
      wrap: (registry) => ({
        ...registry,
        openObject: async () => ({ ...(await registry.openObject(sha256)), size_bytes: 0 }),
      }),
    });
    try {
      const answer = await ask(url.replace(server.url, empty.url));
      expect([answer.status, answer.headers["content-length"], answer.body.length]).toEqual([200, "0", 0]);
      const ranged = await ask(url.replace(server.url, empty.url), { headers: { Range: "bytes=0-" } });
      expect([ranged.status, ranged.headers["content-range"]]).toEqual([416, "bytes */0"]);
    } finally {
      await empty.close();
    }
  });

  it("says what the bytes are and how they may be used", async () => {
    const { url, sha256, app } = await publish(Buffer.from("headers"));
    const { headers } = await ask(url);
    expect(headers).toMatchObject({
      etag: `"${sha256}"`,
      "x-checksum-sha256": sha256,
      "repr-digest": `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`,
      "content-disposition": `attachment; filename="${app}.tar.gz"`,
      "content-type": "application/gzip",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
      "accept-ranges": "bytes",
      "cache-control": "public, max-age=31536000, immutable",
      vary: "Authorization",
      "x-request-id": "req-1",
    });
  });

  it("answers HEAD with the same headers and no body", async () => {
    const { url } = await publish(Buffer.from("the same twice"));
    const [get, headed] = [await ask(url), await ask(url, { method: "HEAD" })];
    const { date: _1, ...of } = get.headers;
    const { date: _2, ...headedOf } = headed.headers;
    expect(headedOf).toEqual(of);
    expect([headed.status, headed.body.length]).toEqual([200, 0]);
  });

  it("lets caches keep only what an anonymous caller was given of what is public", async () => {
    const shown = await publish(Buffer.from("public"));
    const hidden = await publish(Buffer.from("private"), { visibility: "private" });
    expect((await ask(shown.url, { headers: read })).headers["cache-control"]).toBe("private, no-cache");
    expect((await ask(hidden.url, { headers: read })).headers["cache-control"]).toBe("private, no-cache");
  });

  it("sends an icon as the picture it is, which runs nothing even where it is opened by itself", async () => {
    const artifacts = [await uploadApk(test.registry, acmeApk({ icon: pngFile() }))];
    await test.registry.publish({ app: "icons", version: "1", artifacts });
    const { artifacts: shown } = await test.registry.getRelease("icons", { release: "1" });
    const sha256 = shown[0]!.icon_sha256!;
    const { status, headers, body } = await ask(`${server.url}/download/${sha256}`);
    expect([status, body.equals(pngFile())]).toEqual([200, true]);
    expect(headers).toMatchObject({
      "content-type": "image/png",
      "content-disposition": `attachment; filename="${sha256}"`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
    });
  });

  it("takes name and type from the artifact that is asked for", async () => {
    const first = await publish(Buffer.from("two names"), { artifact: { filename: "first.tar.gz" } });
    const second = await publish(Buffer.from("two names"), { artifact: { filename: 'zweite "Ü".tar.gz' } });
    expect(second.sha256).toBe(first.sha256);
    const nameOf = async (artifact: string) =>
      (await ask(`${first.url}?artifact=${artifact}`)).headers["content-disposition"];
    expect(await nameOf(first.artifact)).toBe('attachment; filename="first.tar.gz"');
    expect(await nameOf(second.artifact)).toBe(
      `attachment; filename="zweite ___.tar.gz"; filename*=UTF-8''zweite%20%22%C3%9C%22.tar.gz`,
    );
  });

  it("compares If-None-Match", async () => {
    const { url, sha256 } = await publish(Buffer.from("conditional"));
    for (const tag of [`"${sha256}"`, `W/"${sha256}"`, `"other", "${sha256}"`, "*"]) {
      const answer = await ask(url, { headers: { "If-None-Match": tag } });
      expect([answer.status, answer.body.length]).toEqual([304, 0]);
      expect(answer.headers).toMatchObject({
        etag: `"${sha256}"`,
        vary: "Authorization",
        "cache-control": "public, max-age=31536000, immutable",
      });
    }
    expect((await ask(url, { headers: { "If-None-Match": '"other"' } })).status).toBe(200);
  });
});

describe("ranges", () => {
  const get = (url: string, range: string, headers: Record<string, string> = {}) =>
    ask(url, { headers: { Range: range, ...headers } });

  it("are sent as asked", async () => {
    const { url, bytes } = await publish(randomBytes(700_000));
    for (const [range, start, end] of [
      ["bytes=0-0", 0, 0],
      ["bytes=1-699999", 1, 699_999],
      ["bytes=300000-", 300_000, bytes.length - 1],
      ["bytes=-5", bytes.length - 5, bytes.length - 1],
    ] as const) {
      const answer = await get(url, range);
      expect(answer.status).toBe(206);
      expect(answer.headers["content-range"]).toBe(`bytes ${start}-${end}/${bytes.length}`);
      expect(answer.headers["content-length"]).toBe(`${end + 1 - start}`);
      expect(answer.body.equals(bytes.subarray(start, end + 1))).toBe(true);
    }
  });

  it("are refused when none lies within the bytes", async () => {
    const { url, bytes } = await publish(Buffer.from("short"));
    const answer = await get(url, `bytes=${bytes.length}-`);
    expect([answer.status, codeOf(answer)]).toEqual([416, "request.range_not_satisfiable"]);
    expect(answer.headers["content-range"]).toBe(`bytes */${bytes.length}`);
  });

  it("come as parts when they are several", async () => {
    const { url, bytes, bodyAt } = await publish(Buffer.from("0123456789"));
    const [start, end] = [`${bodyAt}-${bodyAt + 1}`, `${bodyAt + 8}-${bodyAt + 9}`];
    const answer = await get(url, `bytes=${start},${end}`);
    const type = answer.headers["content-type"] ?? "";
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(type)?.[1] ?? "none";
    const part = (range: string, body: string) =>
      `--${boundary}\r\nContent-Type: application/gzip\r\nContent-Range: bytes ${range}/${bytes.length}\r\n\r\n${body}\r\n`;
    expect(answer.status).toBe(206);
    expect(answer.headers["content-range"]).toBeUndefined();
    expect(answer.body.toString()).toBe(`${part(start, "01")}${part(end, "89")}--${boundary}--\r\n`);
    expect(answer.headers["content-length"]).toBe(`${answer.body.length}`);
  });

  it("that overlap, or are too many, get the whole", async () => {
    const { url, bytes } = await publish(randomBytes(100));
    const many = Array.from({ length: 17 }, (_, index) => `${index * 2}-${index * 2}`).join();
    for (const range of ["bytes=0-5,5-9", `bytes=${many}`]) {
      const answer = await get(url, range);
      expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
    }
  });

  it("count only while If-Range names these bytes", async () => {
    const { url, sha256 } = await publish(Buffer.from("if range"));
    const status = async (tag: string) => (await get(url, "bytes=0-1", { "If-Range": tag })).status;
    expect(await status(`"${sha256}"`)).toBe(206);
    expect(await status('"other"')).toBe(200);
    expect(await status(`W/"${sha256}"`)).toBe(200);
    expect(await status("Fri, 20 Nov 2026 15:00:00 GMT")).toBe(200);
  });

  it("count for nothing in a HEAD", async () => {
    const { url, bytes } = await publish(Buffer.from("head and range"));
    const answer = await ask(url, { method: "HEAD", headers: { Range: "bytes=0-1" } });
    expect([answer.status, answer.headers["content-length"]]).toEqual([200, `${bytes.length}`]);
  });
});

describe("who may download", () => {
  it("of a private app: those with read", async () => {
    const { url, bytes } = await publish(Buffer.from("for few"), { visibility: "private" });
    const refused = await ask(url);
    expect([refused.status, codeOf(refused)]).toEqual([404, "object.not_found"]);
    const answer = await ask(url, { headers: read });
    expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
  });

  it("of a revoked release: nobody", async () => {
    const { url, app } = await publish(Buffer.from("taken back"));
    await test.registry.revokeRelease(app, { release: "1" });
    const refused = await ask(url);
    expect([refused.status, codeOf(refused)]).toEqual([410, "release.revoked"]);
    expect(refused.headers["cache-control"]).toBeUndefined();
  });

  it("of an IPA: those with credentials", async () => {
    const { url, artifact } = await publish(Buffer.from("an app for phones"));
    sqlOn(test, "UPDATE artifact SET format = 'ipa' WHERE id = ?", artifact);
    const refused = await ask(url);
    expect([refused.status, codeOf(refused)]).toEqual([401, "auth.missing_token"]);
    const answer = await ask(url, { headers: read });
    expect([answer.status, answer.headers["cache-control"]]).toEqual([200, "private, no-cache"]);
  });

  it("of nothing: nobody", async () => {
    const codeAt = async (path: string) => codeOf(await ask(`${server.url}/download/${path}`));
    expect(await codeAt("0".repeat(64))).toBe("object.not_found");
    expect(await codeAt("A".repeat(64))).toBe("request.not_found");
    expect(await codeAt("..%2f..%2fdist.db")).toBe("request.not_found");
  });
});

describe("a download that ends early", () => {
  // More than the sockets' buffers hold, so that the server is still sending.
  const LARGE = 20 * 1024 * 1024;

  it("closes the file when the client goes away", async () => {
    const { sha256 } = await publish(randomBytes(LARGE));
    const raw = rawConnection(server.port);
    raw.send(`GET /download/${sha256} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await raw.until("\r\n\r\n");
    raw.socket.pause();
    expect(await objectsOpen()).toBe(1);
    raw.socket.destroy();
    await vi.waitFor(async () => expect(await objectsOpen()).toBe(0));
    expect(server.logged).toEqual([]);
  });

  // What nothing has begun to read is closed by nobody but its opener.
  it("closes the file when the client has gone before the first byte", async () => {
    const { sha256 } = await publish(randomBytes(1000));
    const client = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const gone = await startTransferServer(test, {
      wrap: (registry) => ({
        ...registry,
        openObject: async (name) => {
          const object = await registry.openObject(name);
          return {
            ...object,
            readChunks: async (range) => {
              const chunks = await object.readChunks(range);
              opened.resolve();
              await client.promise;
              return chunks;
            },
          };
        },
      }),
      onClose: client.resolve,
    });
    const raw = rawConnection(gone.port);
    raw.send(`GET /download/${sha256} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1,5-6\r\n\r\n`);
    await opened.promise;
    expect(await objectsOpen()).toBe(1);
    raw.socket.destroy();
    await vi.waitFor(async () => expect(await objectsOpen()).toBe(0));
    await gone.close();
  });

  it("reads no further than the client takes", async () => {
    const { sha256 } = await publish(randomBytes(LARGE + 1));
    let readBytes = 0;
    const slow = await startTransferServer(test, {
      wrap: (registry) => ({
        ...registry,
        openObject: async (name) => {
          const object = await registry.openObject(name);
          return {
            ...object,
            size_bytes: 1024 ** 3,
            readChunks: async () => {
              const endless = async function* () {
                for (;;) {
                  readBytes += 1024 * 1024;
                  yield Buffer.alloc(1024 * 1024);
                }
              };
              return Readable.from(endless(), { objectMode: false });
            },
          };
        },
      }),
    });
    const raw = rawConnection(slow.port);
    raw.send(`GET /download/${sha256} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await raw.until("\r\n\r\n");
    raw.socket.pause();
    let last = -1;
    await vi.waitFor(
      () => {
        const still = readBytes === last;
        last = readBytes;
        expect(still).toBe(true);
      },
      { interval: 200, timeout: 10_000 },
    );
    expect(readBytes).toBeLessThan(64 * 1024 * 1024);
    raw.socket.destroy();
    await slow.close();
  });

  // Catches a buffer that is read into again while its bytes still wait for the client.
  it("gives a client that is slow to take them the bytes as they are", async () => {
    const { url, bytes } = await publish(randomBytes(LARGE));
    const received: Uint8Array[] = [];
    for await (const chunk of (await fetch(url)).body!) {
      if (received.length % 50 === 0) await delay(5);
      received.push(chunk);
    }
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
  });

  it("breaks the connection when the file is shorter than it was", async () => {
    const { url, sha256, bytes } = await publish(randomBytes(LARGE));
    await truncate(objectPath(sha256), bytes.length - 1);
    // A connection that is kept open would leave the client waiting for the rest for ever.
    const keep = { Connection: "keep-alive" };
    await expect(ask(url, { headers: keep })).rejects.toThrow("aborted");
    await expect(ask(url, { headers: { ...keep, Range: "bytes=0-1,-5" } })).rejects.toThrow("aborted");
    expect(server.logged.filter((line) => line.includes("internal.unexpected"))).toHaveLength(2);
    expect((await ask(url, { headers: { Range: "bytes=0-1" } })).body.equals(bytes.subarray(0, 2))).toBe(
      true,
    );
  });

  it("is an error while nothing was sent", async () => {
    const { url, sha256 } = await publish(Buffer.from("lost"));
    await unlink(objectPath(sha256));
    const answer = await ask(url);
    expect([answer.status, codeOf(answer)]).toEqual([404, "blob.not_found"]);
  });
});

describe("with X-Accel-Redirect", () => {
  /** Objects of which no byte can be read through the server. */
  const unreadable = (registry: Registry): Registry => ({
    ...registry,
    openObject: async (sha256, options) => ({
      ...(await registry.openObject(sha256, options)),
      readChunks: () => Promise.reject(new Error("not to be read")),
    }),
  });

  it("names the file to the proxy, which sends it", async () => {
    const { url, sha256, app, bytes } = await publish(Buffer.from("sent by another"));
    const accel = await startTransferServer(test, { settings: { sendFile: "x-accel" }, wrap: unreadable });
    try {
      const at = url.replace(server.url, accel.url);
      const answer = await ask(at, { headers: { Range: "bytes=0-1" } });
      expect([answer.status, answer.body.length]).toEqual([200, 0]);
      const { "x-accel-redirect": named, "content-disposition": disposition } = answer.headers;
      expect(named).toBe(`/protected/objects/${sha256.slice(0, 2)}/${sha256}`);
      expect(disposition).toBe(`attachment; filename="${app}.tar.gz"`);
      const path = join(test.directory, String(named).replace("/protected/", ""));
      expect(await readFile(path)).toEqual(bytes);
    } finally {
      await accel.close();
    }
  });
});

describe("with X-Sendfile", () => {
  it("names the file by its absolute path, percent-encoded where a header cannot hold it", async () => {
    const { url, sha256, bytes } = await publish(Buffer.from("sent by another again"));
    const [root, odd] = ["/srv/store", "/srv/a b/\u00fc%"];
    let directory = root;
    const sendfile = await startTransferServer(test, {
      settings: { sendFile: "x-sendfile" },
      wrap: (registry) => ({
        ...registry,
        openObject: async (digest, options) => {
          const object = await registry.openObject(digest, options);
          const path = fileURLToPath(object.file_url!);
          expect(await readFile(path)).toEqual(bytes);
          return {
            ...object,
            file_url: pathToFileURL(path.replace(test.directory, directory)).href,
          };
        },
      }),
    });
    try {
      const at = url.replace(server.url, sendfile.url);
      const plain = await ask(at);
      expect([plain.status, plain.body.length]).toEqual([200, 0]);
      const below = `objects/${sha256.slice(0, 2)}/${sha256}`;
      expect(plain.headers["x-sendfile"]).toBe(`${root}/${below}`);
      directory = odd;
      expect((await ask(at)).headers["x-sendfile"]).toBe(`/srv/a%20b/%C3%BC%25/${below}`);
    } finally {
      await sendfile.close();
    }
  });
});
