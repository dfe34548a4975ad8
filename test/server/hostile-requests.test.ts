import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { killPrograms, runDist } from "../support/programs.ts";
import { type Distd, startDistd } from "./distd.ts";
import { rawConnection } from "./transfer-server.ts";

let distd: Distd;
beforeAll(async () => {
  distd = await startDistd();
});
afterAll(async () => {
  await distd.close();
  await killPrograms();
});

/** Sends these bytes as they are; answers everything that came back until the connection was closed. */
async function exchange(bytes: string): Promise<string> {
  const connection = rawConnection(distd.port);
  connection.send(Buffer.from(bytes, "latin1"));
  return connection.untilClosed();
}

const statuses = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const codes = (text: string) => [...text.matchAll(/"code":"([^"]+)"/g)].map(([, code]) => code);

/** Nothing of the inside: no place on the machine, no line of the code, no credential. */
function expectNoLeak(text: string): void {
  expect(text).not.toMatch(/node:|\.[jt]s:\d|node_modules|at \w+ \(|dist\.db/);
  expect(text).not.toContain(distd.directory);
  expect(text).not.toContain(distd.admin);
}

/** A POST that would make an app if it were read as its sender means it. */
function post(headers: readonly string[], body: string): string {
  const lines = [
    "POST /api/apps HTTP/1.1",
    "Host: a",
    `Authorization: Bearer ${distd.admin}`,
    "Content-Type: application/json",
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

const app = '{"slug":"smuggled"}';
const chunk = `13\r\n${app}\r\n0\r\n\r\n`;
const hidden = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

// RFC 9112, 6.3 and 11.2: what two readers may take for different lengths hides one request in another.
describe("a body whose end is not certain is refused, and the connection closed", () => {
  it.each<[string, readonly string[], string]>([
    ["both lengths", ["Content-Length: 5", "Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`],
    ["both lengths, the other way round", ["Transfer-Encoding: chunked", "Content-Length: 5"], chunk],
    ["two lengths", ["Content-Length: 19", `Content-Length: ${19 + hidden.length}`], app + hidden],
    ["the same length twice", ["Content-Length: 19", "Content-Length: 19"], app],
    ["a list of lengths", ["Content-Length: 19, 19"], app],
    ["a length with a sign", ["Content-Length: +19"], app],
    ["a negative length", ["Content-Length: -1"], app],
    ["a length beyond any number", ["Content-Length: 99999999999999999999"], app],
    ["a space before the colon", ["Content-Length : 19"], app],
    ["a folded header", ["Transfer-Encoding:", " chunked"], chunk],
    ["a coding that is nearly chunked", ["Transfer-Encoding: xchunked"], chunk],
    ["a coding behind chunked", ["Transfer-Encoding: chunked, identity"], chunk],
    ["a second coding", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], chunk],
    ["a control character in the coding", ["Transfer-Encoding: \u000bchunked"], chunk],
    ["a chunk extension without end", ["Transfer-Encoding: chunked"], `13;${"a".repeat(20_000)}\r\n${app}`],
    [
      "a chunk extension that ends in a line feed",
      ["Transfer-Encoding: chunked"],
      `13;a\n${app}\r\n0\r\n\r\n`,
    ],
    ["a negative chunk", ["Transfer-Encoding: chunked"], `-1\r\n${app}\r\n0\r\n\r\n`],
    [
      "a chunk beyond any number",
      ["Transfer-Encoding: chunked"],
      `FFFFFFFFFFFFFFFFFF\r\n${app}\r\n0\r\n\r\n`,
    ],
    ["a chunk with a prefix", ["Transfer-Encoding: chunked"], `0x13\r\n${app}\r\n0\r\n\r\n`],
    ["a chunk that is longer than it says", ["Transfer-Encoding: chunked"], `13\r\n${app}XX0\r\n\r\n`],
  ])("%s", async (_, headers, body) => {
    const answer = await exchange(post(headers, body));
    expect([statuses(answer), codes(answer)]).toEqual([[400], ["request.invalid_parameter"]]);
    expectNoLeak(answer);
  });
});

describe("what is no HTTP is refused, and the connection closed", () => {
  it.each([
    ["lines that end in a line feed", "GET /healthz HTTP/1.1\nHost: a\n\n"],
    ["a header that ends in a line feed", "GET /healthz HTTP/1.1\r\nHost: a\nX-B: c\r\n\r\n"],
    ["a carriage return in a header", "GET /healthz HTTP/1.1\r\nHost: a\rX-B: c\r\n\r\n"],
    ["a folded header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"],
    ["a zero byte in a header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n"],
    ["a space in the address", "GET /heal thz HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["bytes beyond ASCII in the address", "GET /api/apps/\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method that there is not", "FROBNICATE / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["HTTP/3", "GET / HTTP/3.0\r\nHost: a\r\n\r\n"],
    ["TLS", "\u0016\u0003\u0001\0\u0010\u0001\0\0\u000c\u0003\u0003"],
    ["no host", "GET /healthz HTTP/1.1\r\n\r\n"],
    ["no host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ])("%s", async (_, bytes) => {
    const answer = await exchange(bytes);
    expect([statuses(answer), codes(answer)]).toEqual([[400], ["request.invalid_parameter"]]);
    expect(answer).toMatch(/^x-content-type-options: nosniff\r$/im);
    expectNoLeak(answer);
  });

  it("a tunnel is not opened", async () => {
    expect(await exchange("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")).toBe("");
  });
});

/** A request that asks for the connection to be closed behind it. */
const ask = (line: string, ...headers: readonly string[]) =>
  exchange(`${[line, "Connection: close", ...headers].join("\r\n")}\r\n\r\n`);

describe("a host that is none", () => {
  it.each([
    '<script>alert("1")</script>',
    'a"onload="x',
    "$(reboot)",
    "a;reboot",
    "a`reboot`",
    "user@a",
    "a/b",
    "a b",
    "a:port",
    "a:123456",
    "",
  ])("%j is refused, and not repeated", async (host) => {
    const answer = await ask("GET / HTTP/1.1", `Host: ${host}`, "Accept: text/html");
    expect(statuses(answer)).toEqual([400]);
    expect(answer).toContain("request.invalid_parameter");
    if (host.length > 3) expect(answer).not.toContain(host);
  });

  it.each(["localhost", "a_b:8787", "[::1]:8787", "127.0.0.1", "dist.example.org."])(
    "%j is one",
    async (host) => {
      expect(statuses(await ask("GET / HTTP/1.1", `Host: ${host}`))).toEqual([200]);
    },
  );
});

describe("addresses", () => {
  const long = "a".repeat(7_500);
  it.each([
    "/../dist.db",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/assets/../../dist.db",
    "/assets/..%2f..%2fdist.db",
    "/dist.db",
    "/dist.toml",
    "/objects/ab/ab",
    "/staging/",
    "/protected/dist.db",
    "/download/%00",
    "/download/..%5c..%5cdist.db",
    "/download/%c0%ae%c0%ae%c0%afdist.db",
    "/download/%ff",
    `/download/${long}`,
    "/install/acme%00/beta",
    "/install/%c0%af/beta",
    "/install/acme/%zz",
    "/install/%",
    "/install/a/%e2%80%ae",
    "/install/acme/beta/..%2f..",
    `/install/${long}/beta`,
    "//evil.example/healthz",
    "//healthz",
    "/api//apps",
    "/api/apps/%2e%2e",
    "/api/apps/..;/",
    "/api/apps/acme%2fchannels",
    `/api/apps/${long}`,
  ])("%s leads nowhere", async (path) => {
    const answer = await ask(`GET ${path} HTTP/1.1`, "Host: a");
    expect(statuses(answer)).toEqual([404]);
    expect(codes(answer)[0]).toMatch(/^(request|app)\.not_found$/);
    expectNoLeak(answer);
  });

  it.each([
    "/\\..\\dist.db",
    "*",
    "http://",
    "ftp://a/healthz",
    "http://a b/",
    'http://a"b/',
    "?",
    "healthz",
  ])("%s is none", async (target) => {
    const answer = await ask(`GET ${target} HTTP/1.1`, "Host: a");
    expect([statuses(answer), codes(answer)]).toEqual([[400], ["request.invalid_parameter"]]);
    expectNoLeak(answer);
  });

  it("are read in their absolute form, as HTTP asks", async () => {
    expect(statuses(await ask("GET http://a/healthz HTTP/1.1", "Host: a"))).toEqual([200]);
  });

  it.each(["/?after=%00", "/?after=%ff", "/api/apps?limit=1%00", "/api/apps?limit=1&limit=2"])(
    "%s has a parameter that is refused",
    async (path) => {
      const answer = await ask(`GET ${path} HTTP/1.1`, "Host: a");
      expect(statuses(answer)).toEqual([400]);
      expect(codes(answer)[0]).toMatch(/^(page\.invalid_cursor|request\.invalid_parameter)$/);
    },
  );

  it("beyond 8 KiB are too large, like headers of that size in all", async () => {
    for (const lines of [
      `GET /${"a".repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `GET /healthz HTTP/1.1\r\nHost: a\r\n${"a: b\r\n".repeat(2_000)}\r\n`,
    ]) {
      const answer = await exchange(lines);
      expect([statuses(answer), codes(answer)]).toEqual([[431], ["request.headers_too_large"]]);
    }
  });
});

describe("methods", () => {
  it.each(["TRACE", "OPTIONS", "PROPFIND", "DELETE", "POST"])("%s of a page is refused", async (method) => {
    const answer = await ask(`${method} / HTTP/1.1`, "Host: a", "X-Secret: 5ecret", "Content-Length: 0");
    expect([statuses(answer), codes(answer)]).toEqual([[404], ["request.not_found"]]);
    // TRACE would send back what a proxy added.
    expect(answer).not.toContain("5ecret");
  });

  it("an expectation that is not known is passed over", async () => {
    const answer = await ask("GET /healthz HTTP/1.1", "Host: a", "Expect: teapot");
    expect(statuses(answer)).toEqual([200]);
  });
});

describe("a request inside a body", () => {
  it.each([
    ["that nobody reads", "GET /healthz HTTP/1.1\r\nHost: a"],
    ["of a POST that is refused", "POST /healthz HTTP/1.1\r\nHost: a"],
    ["of an upload that is refused", "POST /api/upload HTTP/1.1\r\nHost: a"],
  ])("%s is never answered", async (_, head) => {
    const end = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const answer = await exchange(`${head}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}${end}`);
    expect(statuses(answer)).toHaveLength(2);
  });

  it("is part of the JSON that is refused", async () => {
    const answer = await exchange(post([`Content-Length: ${hidden.length}`, "Connection: close"], hidden));
    expect([statuses(answer), codes(answer)]).toEqual([[400], ["request.invalid_body"]]);
  });

  // 5,000 answers that nobody fetches must not pile up in memory.
  it("requests behind one another are answered in turn", async () => {
    const one = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    const answer = await exchange(
      `${one.repeat(4_999)}GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(statuses(answer)).toHaveLength(5_000);
  });
});

describe("JSON", () => {
  const json = (body: string) =>
    exchange(post([`Content-Length: ${Buffer.byteLength(body)}`, "Connection: close"], body));
  it.each<[string, string, number, string]>([
    [
      "beyond 1 MiB",
      `{"slug":"smuggled","owner":"${"a".repeat(1024 * 1024)}"}`,
      413,
      "request.body_too_large",
    ],
    ["nested 100,000 deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, 400, "request.invalid_body"],
    ["with a key twice", '{"slug":"smuggled","slug":"smuggled"}', 400, "request.invalid_body"],
    ["that is not UTF-8", '{"slug":"smuggled","owner":"\u00ff\u00fe"}', 400, "request.invalid_body"],
  ])("%s is refused", async (_, body, status, code) => {
    const bytes = Buffer.from(body, "latin1");
    const answer = await exchange(post([`Content-Length: ${bytes.length}`, "Connection: close"], body));
    expect([statuses(answer), codes(answer)]).toEqual([[status], [code]]);
    expectNoLeak(answer);
  });

  it("that is chunked and never ends is too large", async () => {
    const piece = `1000\r\n${" ".repeat(4096)}\r\n`;
    const answer = await exchange(post(["Transfer-Encoding: chunked"], piece.repeat(300)));
    expect([statuses(answer), codes(answer)]).toEqual([[413], ["request.body_too_large"]]);
  });

  it("is answered to who asks for it well, before and after all this", async () => {
    expect(statuses(await json('{"slug":"wanted"}'))).toEqual([201]);
    expect((await distd.api("GET", "/apps/wanted")).status).toBe(200);
  });
});

describe("after all of it", () => {
  it("nothing is stored, nothing was smuggled, and no error was one of ours", async () => {
    const { json } = await distd.api("GET", "/apps");
    expect(json.items.map(({ slug }: { slug: string }) => slug)).toEqual(["wanted"]);
    const log = distd.program.stdout();
    expect(log).not.toContain('"/smuggled"');
    expect(log).not.toContain('"level":"error"');
    expect(log).not.toContain(distd.admin);
    expect(distd.program.stderr().replaceAll(distd.admin, "").trim().split("\n")).toHaveLength(1);
    const verified = await runDist(["store", "verify", "--local-store", distd.store]);
    expect([verified.exit, verified.json.problems, verified.json.collectable]).toEqual([0, [], []]);
  });
});
