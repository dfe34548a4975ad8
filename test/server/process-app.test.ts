import { once } from "node:events";
import { rename } from "node:fs/promises";
import { connect } from "node:net";

import { HTTPException } from "hono/http-exception";
import { afterEach, describe, expect, it, vi } from "vitest";

import { startServer } from "../../src/server/serve.ts";
import type { Mount } from "../../src/server/app.ts";
import { createLogger } from "../../src/server/logger.ts";
import { exchange, startTestServer, type TestServer } from "./process-server.ts";

const UNKNOWN_TOKEN = `dist_${"0".repeat(64)}`;

/** Says who is asking, needs a token for `/tokens`, fails in every way. */
const stub: Mount = (app) => {
  app.get("/who", (c) =>
    c.json({
      actor: c.get("principal").actor,
      base: c.get("baseUrl"),
      address: c.get("clientAddress"),
    }),
  );
  app.get("/tokens", async (c) => c.json(await c.get("registry").listTokens()));
  app.get("/bug", () => {
    throw new Error("a secret of the house");
  });
};

let test: TestServer | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

async function start(...args: Parameters<typeof startTestServer>): Promise<TestServer> {
  test = await startTestServer(...args);
  return test;
}

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${test!.server.url}${path}`, { headers });
}

function bearer(secret: string): Record<string, string> {
  return { Authorization: `Bearer ${secret}` };
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

describe("health", () => {
  it("answers without looking at credentials", async () => {
    await start([stub]);
    for (const path of ["/healthz", "/readyz", "/metrics"]) {
      expect((await get(path, { Authorization: "nonsense" })).status).toBe(200);
    }
  });

  it("is alive but not ready once the store directory is gone, and says no paths", async () => {
    const { directory, clock } = await start([stub]);
    expect((await get("/readyz")).status).toBe(200);
    await rename(directory, `${directory}-away`);
    clock.advance(2_000);
    const answer = await get("/readyz");
    expect(answer.status).toBe(503);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ status: "not_ready" });
    expect(text).not.toContain(directory);
    expect((await get("/healthz")).status).toBe(200);
    await rename(`${directory}-away`, directory);
    clock.advance(2_000);
    expect((await get("/readyz")).status).toBe(200);
  });

  it("counts requests under known methods and statuses", async () => {
    await start([stub]);
    await get("/nothing");
    await (await fetch(`${test!.server.url}/nothing`, { method: "PROPFIND" })).text();
    const text = await (await get("/metrics")).text();
    expect(text).toContain('dist_http_requests_total{method="GET",status="404"} 1');
    expect(text).toContain('dist_http_requests_total{method="other",status="404"} 1');
    expect(text).toContain("process_resident_memory_bytes");
  });
});

describe("errors", () => {
  it("are JSON with the security headers, or a page for a browser", async () => {
    await start([stub]);
    const json = await get("/nothing");
    expect([json.status, await codeOf(json)]).toEqual([404, "request.not_found"]);
    expect(json.headers.get("x-content-type-options")).toBe("nosniff");
    expect(json.headers.get("referrer-policy")).toBe("no-referrer");
    expect(json.headers.get("x-frame-options")).toBe("DENY");
    expect(json.headers.get("vary")).toContain("Accept");
    const page = await get("/nothing", { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" });
    expect(page.status).toBe(404);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain("request.not_found");
  });

  it("tell a defect by its id alone; the log has the rest", async () => {
    const { log } = await start([stub]);
    const answer = await get("/bug");
    const text = await answer.text();
    const id = answer.headers.get("x-request-id");
    expect(answer.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({
      error: { code: "internal.unexpected", details: { request_id: id } },
    });
    expect(text).not.toContain("secret of the house");
    const line = log.find(({ msg }) => msg === "request failed");
    expect(line).toMatchObject({
      level: "error",
      request_id: id,
      err: { message: "a secret of the house" },
    });
  });

  it("call a body that is no JSON a fault of the request", async () => {
    const malformed = new HTTPException(400, { message: "Malformed JSON in request body" });
    const { server } = await start([
      (app) => {
        app.post("/json", () => {
          throw malformed;
        });
      },
    ]);
    const answer = await fetch(`${server.url}/json`, { method: "POST", body: "{" });
    expect([answer.status, await codeOf(answer)]).toEqual([400, "request.invalid_body"]);
  });
});

describe("credentials", () => {
  it("are anonymous, a token, or refused with the code that fits", async () => {
    const { registry } = await start([stub]);
    const admin = await registry.createToken({ name: "boss", scopes: ["admin"] });
    const reader = await registry.createToken({ name: "reader", scopes: ["read"] });
    const old = await registry.createToken({ name: "old", scopes: ["read"] });
    await registry.revokeToken(old.id);
    expect(await (await get("/who")).json()).toMatchObject({ actor: "anonymous" });
    expect(await (await get("/who", bearer(admin.secret))).json()).toMatchObject({ actor: "token:boss" });
    expect((await get("/tokens", bearer(admin.secret))).status).toBe(200);
    const refused: readonly [Record<string, string>, number, string][] = [
      [{}, 401, "auth.missing_token"],
      [{ Authorization: "Basic Ym9iOmJvYg==" }, 401, "auth.malformed_token"],
      [{ Authorization: "Bearer" }, 401, "auth.malformed_token"],
      [bearer("dist_short"), 401, "auth.malformed_token"],
      [bearer(UNKNOWN_TOKEN), 401, "auth.unknown_token"],
      [bearer(old.secret), 403, "auth.revoked"],
      [bearer(reader.secret), 403, "auth.missing_scope"],
    ];
    for (const [headers, status, code] of refused) {
      const answer = await get("/tokens", headers);
      expect([answer.status, await codeOf(answer)]).toEqual([status, code]);
      expect(answer.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null);
    }
  });

  it("are refused unread after 20 failures, until the minute is over; others are not touched", async () => {
    const { registry, clock } = await start([stub], { trustedProxies: ["127.0.0.1"] });
    const { secret } = await registry.createToken({ name: "boss", scopes: ["admin"] });
    const from = (address: string, headers: Record<string, string>) =>
      get("/who", { ...headers, "X-Forwarded-For": address });
    for (let failure = 0; failure < 20; failure += 1) {
      // Every one from another address of the same IPv6 customer.
      const answer = await from(`2001:db8:1:2::${failure}`, bearer(UNKNOWN_TOKEN));
      expect(await codeOf(answer)).toBe("auth.unknown_token");
    }
    const limited = await from("2001:db8:1:2:9:9:9:9", bearer(secret));
    expect([limited.status, await codeOf(limited)]).toEqual([429, "request.too_many_attempts"]);
    expect(Number(limited.headers.get("retry-after"))).toBe(60);
    expect((await from("2001:db8:1:2::1", {})).status).toBe(200);
    expect((await from("2001:db8:1:3::1", bearer(secret))).status).toBe(200);
    clock.advance(60_000);
    expect((await from("2001:db8:1:2::1", bearer(secret))).status).toBe(200);
  });
});

describe("forwarded headers", () => {
  const forwarded = {
    "X-Forwarded-For": "198.51.100.1, 203.0.113.9, 10.1.2.3",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "dist.example.org",
  };

  it("are claims of a stranger, and ignored", async () => {
    const { server } = await start([stub], { trustedProxies: ["10.0.0.0/8"] });
    expect(await (await get("/who", forwarded)).json()).toMatchObject({
      base: server.url,
      address: "127.0.0.1",
    });
  });

  it("count from a trusted proxy, up to the first address that is none", async () => {
    await start([stub], { trustedProxies: ["127.0.0.1", "10.0.0.0/8"] });
    expect(await (await get("/who", forwarded)).json()).toMatchObject({
      base: "https://dist.example.org",
      address: "203.0.113.9",
    });
  });

  it("never carry more than a host into links", async () => {
    const { server } = await start([stub], { trustedProxies: ["127.0.0.1"] });
    const headers = { "X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "evil.example/<script>" };
    expect(await (await get("/who", headers)).json()).toMatchObject({ base: server.url });
  });

  it("are beaten by the public URL", async () => {
    await start([stub], { trustedProxies: ["127.0.0.1"], publicUrl: "https://public.example" });
    expect(await (await get("/who", forwarded)).json()).toMatchObject({ base: "https://public.example" });
  });
});

describe("the log", () => {
  it("has a line per request without query strings or tokens", async () => {
    const { log } = await start([stub]);
    const answer = await get("/who?share=5ecret", bearer(UNKNOWN_TOKEN));
    await answer.text();
    await vi.waitFor(() => expect(log.filter(({ msg }) => msg === "request")).toHaveLength(1));
    expect(log[0]).toMatchObject({
      level: "info",
      request_id: answer.headers.get("x-request-id"),
      method: "GET",
      path: "/who?[redacted]",
      status: 401,
      complete: true,
      client_address: "127.0.0.1",
    });
    expect(JSON.stringify(log)).not.toMatch(/5ecret|dist_0/);
  });

  // Several processes write to one pipe, which keeps lines whole up to 4,096 bytes.
  it("shortens a path that would make a line too long for a pipe", async () => {
    const { log } = await start([stub]);
    await (await get(`/${"a".repeat(6_000)}`)).text();
    await vi.waitFor(() => expect(log.filter(({ msg }) => msg === "request")).toHaveLength(1));
    expect(log[0]!["path"]).toBe(`/${"a".repeat(1_023)}…`);
  });
});

describe("the connection", () => {
  it("refuses headers beyond 8 KiB as JSON, also on a connection that had an answer", async () => {
    const { server } = await start([stub]);
    const large = `GET /healthz HTTP/1.1\r\nHost: a\r\nX-Large: ${"a".repeat(9_000)}\r\n\r\n`;
    const small = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    const refused = await exchange(server.port, large);
    expect(refused).toMatch(/^HTTP\/1\.1 431 [\s\S]*nosniff/);
    expect(refused).toContain('"code":"request.headers_too_large"');
    expect(await exchange(server.port, small + large)).toMatch(/HTTP\/1\.1 431 /);
    expect(await exchange(server.port, "nonsense\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*"request\.invalid_parameter"/,
    );
    expect(await exchange(server.port, "GET / HTTP/1.1\r\nHost: a b/c\r\nConnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*"request\.invalid_parameter"/,
    );
  });

  // Node's default would answer 100 by itself: a client would send gigabytes to a server that refuses them.
  it("asks for a body only when the route does", async () => {
    const { server } = await start([
      (app) => {
        app.post("/refuse", (c) => c.text("no", 403));
        app.post("/take", async (c) => {
          c.env.outgoing.writeContinue();
          return c.text(await c.req.text());
        });
      },
    ]);
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`;
    const refused = await exchange(server.port, head("/refuse"));
    expect(refused).toMatch(/^HTTP\/1\.1 403 /);
    expect(refused).not.toContain("100 Continue");
    expect(await exchange(server.port, `${head("/take")}abc`)).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [\s\S]*abc/,
    );
  });

  it("says which address it cannot have", async () => {
    const { server, store, clock } = await start([stub]);
    const settings = {
      host: "127.0.0.1",
      port: server.port,
      publicUrl: null,
      trustedProxies: [],
      maxUploadBytes: 1,
      workers: 1,
      sendFile: "off" as const,
      oidc: null,
    };
    await expect(startServer({ store, clock, settings, log: createLogger(() => {}) })).rejects.toMatchObject({
      code: "server.cannot_listen",
      details: { errno: "EADDRINUSE" },
    });
  });

  it("stops by letting an answer under way finish, and taking no more", async () => {
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const { server, log } = await start([
      (app) => {
        app.get("/slow", async (c) => {
          started.resolve();
          await finish.promise;
          return c.text("whole");
        });
      },
    ]);
    const idle = connect(server.port, "127.0.0.1");
    await once(idle, "connect");
    const slow = get("/slow");
    await started.promise;
    const closed = server.close();
    await expect(get("/healthz")).rejects.toThrow();
    finish.resolve();
    const answer = await slow;
    expect(answer.headers.get("connection")).toBe("close");
    expect(await answer.text()).toBe("whole");
    await closed;
    expect(log.at(-1)).toMatchObject({ path: "/slow", complete: true });
  });
});
