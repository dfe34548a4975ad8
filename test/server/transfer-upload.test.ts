import { createHash, randomBytes } from "node:crypto";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { delay } from "../../src/base/async.ts";
import { DistError } from "../../src/base/errors.ts";
import { closeUnread } from "../../src/server/transfer/close-unread.ts";
import { uploadBody } from "../../src/server/transfer/upload-body.ts";
import { leasedDigests, openTestStore, stagedNames, type TestStore } from "../support/test-store.ts";
import { ask, rawConnection, startTransferServer, type TransferServer } from "./transfer-server.ts";

const MAX_BYTES = 32 * 1024 * 1024;

let test: TestStore;
let server: TransferServer;
beforeEach(async () => {
  test = await openTestStore();
  server = await startTransferServer(test, { settings: { maxUploadBytes: MAX_BYTES } });
});
afterEach(async () => {
  await server.close();
  await test.close();
});

const publisher = { Authorization: "Bearer publish" };
const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const upload = (body: Uint8Array, headers: Record<string, string> = publisher) =>
  ask(`${server.url}/api/upload`, {
    method: "POST",
    headers: { "Content-Length": `${body.length}`, ...headers },
    body,
  });
const codeOf = ({ body }: { body: Buffer }) =>
  (JSON.parse(body.toString()) as { error: { code: string } }).error.code;

const staged = () => stagedNames(test);

const head = (...lines: readonly string[]) =>
  ["POST /api/upload HTTP/1.1", "Host: localhost", ...lines, "", ""].join("\r\n");

describe("POST /api/upload", () => {
  it.each([0, 1, 1024 * 1024 + 1, 20 * 1024 * 1024])("keeps %i bytes, leased", async (size) => {
    const bytes = randomBytes(size);
    const answer = await upload(bytes);
    const sha256 = sha256Of(bytes).toString("hex");
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.body.toString())).toEqual({
      sha256,
      blake3: expect.stringMatching(/^[0-9a-f]{64}$/),
      size_bytes: size,
      existed: false,
      lease_expires_at: "2026-11-21T15:00:00.000Z",
    });
    expect(leasedDigests(test)).toEqual([sha256]);
    expect(await staged()).toEqual([]);
  });

  it("answers 200 for bytes that the caller has here already", async () => {
    await upload(Buffer.from("again"));
    const answer = await upload(Buffer.from("again"));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ existed: true });
  });

  it("refuses callers who may not upload, before it looks at the length", async () => {
    expect(codeOf(await upload(Buffer.from("x"), {}))).toBe("auth.missing_token");
    expect(codeOf(await upload(Buffer.from("x"), { Authorization: "Bearer read" }))).toBe(
      "auth.missing_scope",
    );
    const chunked = await ask(`${server.url}/api/upload`, {
      method: "POST",
      headers: { "Transfer-Encoding": "chunked" },
      body: Buffer.from("x"),
    });
    expect([chunked.status, codeOf(chunked)]).toEqual([401, "auth.missing_token"]);
  });

  it("refuses a chunked body, and one of no length", async () => {
    const chunked = await ask(`${server.url}/api/upload`, {
      method: "POST",
      headers: { ...publisher, "Transfer-Encoding": "chunked" },
      body: Buffer.from("x"),
    });
    expect([chunked.status, codeOf(chunked)]).toEqual([411, "request.length_required"]);
    const raw = rawConnection(server.port);
    raw.send(head("Authorization: Bearer publish", "Connection: close"));
    expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 411 /);
    expect(await staged()).toEqual([]);
  });

  it("compares the bytes with Content-Digest", async () => {
    const bytes = Buffer.from("what was meant");
    const digest = (of: Uint8Array) => ({
      ...publisher,
      "Content-Digest": `sha-512=:AAAA:, sha-256=:${sha256Of(of).toString("base64")}:`,
    });
    expect((await upload(bytes, digest(bytes))).status).toBe(201);
    const wrong = await upload(Buffer.from("what arrived"), digest(bytes));
    expect([wrong.status, codeOf(wrong)]).toEqual([400, "validation.digest_mismatch"]);
    expect(leasedDigests(test)).toEqual([sha256Of(bytes).toString("hex")]);
    expect(await staged()).toEqual([]);
  });

  it("refuses a Content-Digest that it cannot read, and passes over other algorithms", async () => {
    const broken = await upload(Buffer.from("x"), { ...publisher, "Content-Digest": "sha-256=:short:" });
    expect([broken.status, codeOf(broken)]).toEqual([400, "request.invalid_parameter"]);
    const other = await upload(Buffer.from("x"), { ...publisher, "Content-Digest": "md5=:AAAA:" });
    expect(other.status).toBe(201);
  });
});

describe("Expect: 100-continue", () => {
  it("is answered only to callers who may upload", async () => {
    const raw = rawConnection(server.port);
    raw.send(head("Content-Length: 5", "Expect: 100-continue", "Authorization: Bearer publish"));
    expect(await raw.until("\r\n\r\n")).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("hello");
    expect(await raw.until("existed")).toContain("HTTP/1.1 201 Created");
    raw.socket.destroy();
  });

  it.each([
    ["without credentials", [], "401 Unauthorized"],
    ["without the scope", ["Authorization: Bearer read"], "403 Forbidden"],
  ])("is refused %s, and no byte is asked for", async (_, lines, status) => {
    const raw = rawConnection(server.port);
    raw.send(head("Content-Length: 5", "Expect: 100-continue", ...lines));
    const answer = await raw.untilClosed();
    expect(answer.startsWith(`HTTP/1.1 ${status}`)).toBe(true);
    expect(answer).not.toContain("100 Continue");
    expect(answer.toLowerCase()).toContain("connection: close");
  });

  it("is refused for a body that is too large", async () => {
    const raw = rawConnection(server.port);
    const length = `Content-Length: ${MAX_BYTES + 1}`;
    raw.send(head(length, "Expect: 100-continue", "Authorization: Bearer publish"));
    expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe("a refusal while the body is on its way", () => {
  // A server that closes at once resets the connection, and a client that is still writing loses the answer.
  it("is seen by a client that reads only after it has sent everything", async () => {
    const size = 8 * 1024 * 1024;
    const raw = rawConnection(server.port);
    raw.socket.pause();
    raw.send(head(`Content-Length: ${size}`));
    await new Promise((sent) => raw.socket.write(Buffer.alloc(size), sent));
    raw.socket.resume();
    const answer = await raw.untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain("auth.missing_token");
    expect(answer.toLowerCase()).toContain("connection: close");
    expect(answer.toLowerCase()).toContain("x-request-id: req-1");
  });

  it("comes at once for a body that is too large, and no more than a little of it is read", async () => {
    const raw = rawConnection(server.port);
    raw.send(head(`Content-Length: ${1024 ** 4}`, "Authorization: Bearer publish"));
    let sentBytes = 0;
    const chunk = Buffer.alloc(1024 * 1024);
    const more = (): void => {
      if (raw.socket.destroyed || sentBytes > 512 * chunk.length) return;
      sentBytes += chunk.length;
      raw.socket.write(chunk, more);
    };
    more();
    const answer = await raw.untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("request.body_too_large");
    expect(sentBytes).toBeLessThan(128 * chunk.length);
    expect(await staged()).toEqual([]);
  });

  // The store's own limit is met when part of the body has been read: reading must not end by closing the connection.
  it("is seen when it comes in the middle of the body", async () => {
    const small = await openTestStore({ settings: { maxUploadBytes: 1024 * 1024 } });
    const strict = await startTransferServer(small);
    const raw = rawConnection(strict.port);
    raw.socket.pause();
    raw.send(head(`Content-Length: ${8 * 1024 * 1024}`, "Authorization: Bearer publish"));
    await new Promise((sent) => raw.socket.write(Buffer.alloc(8 * 1024 * 1024), sent));
    raw.socket.resume();
    const answer = await raw.untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("blob.too_large");
    await strict.close();
    await small.close();
  });

  it("leaves the connection usable when the body had arrived", async () => {
    const raw = rawConnection(server.port);
    raw.send(`${head("Content-Length: 1")}x`);
    await raw.until("auth.missing_token");
    raw.send(`${head("Content-Length: 1", "Authorization: Bearer publish")}x`);
    expect(await raw.until("existed")).toContain("HTTP/1.1 201 Created");
    raw.socket.destroy();
  });
});

describe("an upload that ends early", () => {
  it("leaves nothing when the client goes away", async () => {
    const refusals: unknown[] = [];
    await server.close();
    server = await startTransferServer(test, {
      wrap: (registry) => ({
        ...registry,
        uploadObject: (source, options) =>
          registry.uploadObject(source, options).catch((error: unknown) => {
            refusals.push(error);
            throw error;
          }),
      }),
    });
    const raw = rawConnection(server.port);
    raw.send(head("Content-Length: 3000000", "Authorization: Bearer publish"));
    raw.send(Buffer.alloc(2_000_000));
    // Less than a part waits on the server's own disk without a name; there is nothing of it to see in a bucket.
    if (test.storage.kind === "s3") await delay(200);
    else await vi.waitFor(async () => expect(await staged()).toHaveLength(1));
    raw.socket.destroy();
    await vi.waitFor(() => expect(refusals).toHaveLength(1));
    expect(refusals[0]).toBeInstanceOf(DistError);
    expect(refusals[0]).toMatchObject({ code: "request.timeout" });
    expect(await staged()).toEqual([]);
    expect(leasedDigests(test)).toEqual([]);
  });

  it("is cut when no byte comes any more", async () => {
    await server.close();
    server = await startTransferServer(test, {
      mount: (app, deps) => app.post("/api/upload", closeUnread, uploadBody(deps, 50)),
    });
    const raw = rawConnection(server.port);
    raw.send(head("Content-Length: 10", "Authorization: Bearer publish"));
    raw.send("12345");
    const answer = await raw.untilClosed();
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain("request.timeout");
    expect(await staged()).toEqual([]);
    expect(leasedDigests(test)).toEqual([]);
  });
});
