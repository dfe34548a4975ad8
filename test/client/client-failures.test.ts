import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect } from "../../src/client/connect.ts";
import { type Answer, client, fakeServer, fast, refused } from "./fake-server.ts";
import { localhostCertificate, localhostKey } from "./localhost-certificate.ts";

const ok: Answer = { json: { id: "x" } };
const publication = { app: "acme", version: "1.0", artifacts: [] };

describe("what a server refuses", () => {
  it.each([
    [400, "invalid"],
    [401, "unauthenticated"],
    [403, "denied"],
    [404, "not_found"],
    [405, "invalid"],
    [409, "conflict"],
    [410, "gone"],
    [412, "conflict"],
    [413, "too_large"],
    [422, "invalid"],
    [429, "unavailable"],
    [431, "too_large"],
    [460, "invalid"],
    [500, "internal"],
    [503, "unavailable"],
    [507, "internal"],
  ])("keeps its code, with the kind of %i", async (status, kind) => {
    const answer = refused(status, "channel.moved", {
      message: "It moved.",
      details: { a: 1 },
      hint: "Look.",
    });
    const server = await fakeServer([answer]);
    await expect(client(server.url).storeStatus()).rejects.toMatchObject({
      name: "DistError",
      code: "channel.moved",
      message: "It moved.",
      kind,
      details: { a: 1 },
      hint: "Look.",
    });
  });

  it.each<[string, Answer]>([
    ["a page", { status: 404, text: "<html>nginx</html>" }],
    ["a page that says all is well", { status: 200, text: "<html>Log in to the hotel</html>" }],
    ["nothing", { status: 500 }],
    ["JSON of another kind", { status: 400, json: { error: "nope" } }],
    ["JSON null", { status: 400, json: null }],
  ])("client.unavailable: %s is no answer of a server of ours", async (_, answer) => {
    const server = await fakeServer([answer]);
    await expect(client(server.url).storeStatus()).rejects.toMatchObject({
      code: "client.unavailable",
      kind: "unavailable",
      hint: expect.stringContaining("address"),
    });
    expect(server.seen).toHaveLength(1);
  });

  it("redacts a token that comes back in an error", async () => {
    const server = await fakeServer([refused(400, "request.invalid_body", { message: "Saw dist_secret." })]);
    const error: unknown = await client(server.url)
      .storeStatus()
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message: "Saw [secret]." });
    expect(inspect(error, { depth: 9 })).not.toContain("dist_secret");
  });

  // The token must not reach another origin, nor the same one by another way than was asked for.
  it("client.redirected: a redirect is not followed", async () => {
    const other = await fakeServer([ok]);
    const server = await fakeServer([{ status: 307, headers: { location: `${other.url}/api/tokens` } }]);
    await expect(client(server.url).createToken({ name: "a", scopes: [] })).rejects.toMatchObject({
      code: "client.redirected",
      details: { origin: other.url },
    });
    expect(other.seen).toEqual([]);
  });
});

describe("retries", () => {
  const passing = [502, 503, 504].map((status): [string, Answer] => [
    `${status}`,
    { status, text: "<p>busy</p>" },
  ]);
  passing.push(["429", refused(429, "request.too_many_attempts")], ["a lost connection", "cut"]);

  it.each(passing)("asks again after %s", async (_, failure) => {
    const server = await fakeServer([failure, failure, ok]);
    await expect(client(server.url).storeStatus()).resolves.toEqual({ id: "x" });
    expect(server.seen).toHaveLength(3);
  });

  it("asks again when the answer is cut in its middle", async () => {
    const half: Answer = (request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => request.socket.destroy());
    };
    const server = await fakeServer([half, ok]);
    await expect(client(server.url).storeStatus()).resolves.toEqual({ id: "x" });
  });

  it("gives up after five attempts, with what the server said last", async () => {
    const server = await fakeServer([refused(503, "store.full")]);
    await expect(client(server.url).storeStatus()).rejects.toMatchObject({ code: "store.full" });
    expect(server.seen).toHaveLength(5);
  });

  it("waits as long as Retry-After asks, and not at all for more than it may wait", async () => {
    const busy = (seconds: string): Answer => ({
      status: 503,
      headers: { "retry-after": seconds },
      text: "",
    });
    const soon = await fakeServer([busy("0"), ok]);
    await expect(client(soon.url).storeStatus()).resolves.toEqual({ id: "x" });
    const late = await fakeServer([busy("3600"), ok]);
    await expect(client(late.url).storeStatus()).rejects.toMatchObject({ code: "client.unavailable" });
    expect(late.seen).toHaveLength(1);
    const date = await fakeServer([busy(new Date(Date.now() + 3_600_000).toUTCString()), ok]);
    await expect(client(date.url).storeStatus()).rejects.toMatchObject({ code: "client.unavailable" });
    expect(date.seen).toHaveLength(1);
  });

  // A lost answer must not turn into "that release exists".
  it("publishes again with the same key, and with another one for the next publication", async () => {
    const server = await fakeServer(["cut", { status: 503, text: "" }, ok]);
    const registry = client(server.url);
    await registry.publish(publication);
    await registry.publish(publication);
    const keys = server.seen.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys.slice(0, 3)).toEqual([keys[0], keys[0], keys[0]]);
    expect(keys[3]).not.toBe(keys[0]);
    expect(new Set(server.seen.slice(0, 3).map(({ body }) => body.toString())).size).toBe(1);
  });

  it("does not repeat what would be done twice", async () => {
    const server = await fakeServer(["cut"]);
    const registry = client(server.url);
    await expect(registry.rollback("acme", "beta")).rejects.toMatchObject({ code: "client.unavailable" });
    await expect(registry.createToken({ name: "a", scopes: [] })).rejects.toMatchObject({
      kind: "unavailable",
    });
    expect(server.seen).toHaveLength(2);
  });

  it("repeats even that when the server did nothing", async () => {
    const server = await fakeServer([refused(429, "request.too_many_attempts"), ok]);
    await expect(client(server.url).rollback("acme", "beta")).resolves.toEqual({ id: "x" });
  });

  it("stops waiting when the caller stops", async () => {
    const server = await fakeServer([{ status: 503, headers: { "retry-after": "60" }, text: "" }]);
    const stop = new AbortController();
    const registry = client(server.url, { timing: { ...fast, totalWaitMs: 90_000 } });
    const source = { open: async function* () {} };
    const uploading = registry.uploadObject(source, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("stopped")), 50);
    await expect(uploading).rejects.toThrow("stopped");
  });

  it("gives up on a server that takes a request and stays silent", async () => {
    const server = await fakeServer([() => {}]);
    const registry = client(server.url, { timing: { ...fast, idleMs: 50 } });
    await expect(registry.storeStatus()).rejects.toMatchObject({
      code: "client.unavailable",
      message: expect.stringContaining("silent"),
    });
    expect(server.seen).toHaveLength(1);
  });
});

describe("connections", () => {
  let directory: string;
  let caFile: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "dist-client-"));
    caFile = join(directory, "ca.pem");
    await writeFile(caFile, localhostCertificate);
  });
  afterAll(() => rm(directory, { recursive: true }));

  it("client.unavailable: nobody listens", async () => {
    const gone = createServer();
    await new Promise<void>((done) => gone.listen(0, "127.0.0.1", done));
    const { port } = gone.address() as AddressInfo;
    await new Promise((done) => gone.close(done));
    await expect(client(`http://127.0.0.1:${port}`).storeStatus()).rejects.toMatchObject({
      code: "client.unavailable",
      details: { reason: "ECONNREFUSED" },
      cause: expect.objectContaining({ code: "ECONNREFUSED" }),
    });
  });

  it("client.tls: an unknown authority, until --ca-file names it", async () => {
    const server = await fakeServer([ok], { tls: { key: localhostKey, cert: localhostCertificate } });
    await expect(client(server.url).storeStatus()).rejects.toMatchObject({
      code: "client.tls",
      kind: "denied",
      hint: expect.stringContaining("--ca-file"),
    });
    expect(server.seen).toEqual([]);
    await expect(client(server.url, { caFile }).storeStatus()).resolves.toEqual({ id: "x" });
  });

  it.each(["absent.pem", "none.pem", "broken.pem"])("client.ca_file: %s", async (name) => {
    await writeFile(join(directory, "none.pem"), "no certificate");
    await writeFile(
      join(directory, "broken.pem"),
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    const open = () => connect({ server: "https://x", token: undefined, caFile: join(directory, name) });
    expect(open).toThrow(expect.objectContaining({ code: "client.ca_file" }));
  });

  it.each([
    ["client.invalid_server", { server: "dist.example.org" }],
    ["client.invalid_server", { server: "ftp://x" }],
    ["client.invalid_server", { server: "https://me:dist_secret@x" }],
    ["client.invalid_server", { server: "https://x/?a=b" }],
    ["client.invalid_proxy", { proxies: { https: "not a proxy dist_secret" } }],
    ["auth.malformed_token", { token: "dist_secret\nX-Other: 1" }],
    ["client.invalid_proxy", { proxies: { http: "socks5://dist_secret@x" } }],
    ["auth.malformed_token", { token: "" }],
  ])("%s: %j", (code, options) => {
    let error: unknown;
    try {
      connect({ server: "https://x", token: undefined, ...options });
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code });
    expect(JSON.stringify(error) + (error as Error).message).not.toContain("dist_secret");
  });

  it("goes through a proxy, but not to the hosts that are excepted", async () => {
    const server = await fakeServer([ok]);
    const through: string[] = [];
    const proxy = createServer((request, response) => {
      through.push(request.url ?? "");
      const { method, headers } = request;
      request.pipe(
        httpRequest(request.url!, { method: method!, headers }, (answer) => {
          response.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(response);
        }),
      );
    });
    await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
    const http = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await expect(client(server.url, { proxies: { http } }).storeStatus()).resolves.toEqual({ id: "x" });
      expect(through).toEqual([`${server.url}/api/store/status`]);
      const bare = http.slice("http://".length);
      await client(server.url, { proxies: { http: bare } }).storeStatus();
      expect(through).toHaveLength(2);
      await client(server.url, { proxies: { http, none: "127.0.0.1" } }).storeStatus();
      expect(through).toHaveLength(2);
    } finally {
      proxy.closeAllConnections();
      await new Promise((done) => proxy.close(done));
    }
  });
});
