import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { startTestServer, type TestServer } from "./process-server.ts";

let site: TestServer;
let token: string;
beforeEach(async () => {
  site = await startTestServer(undefined);
  await site.registry.createApp("acme", { visibility: "private" });
  token = (await site.registry.createToken({ name: "root", scopes: ["admin"] })).secret;
});
afterEach(() => site.close());

interface Sent {
  readonly method?: string;
  readonly cookie?: string | undefined;
  readonly form?: Record<string, string>;
  readonly headers?: Record<string, string>;
}

async function send(path: string, { method, cookie, form, headers = {} }: Sent = {}) {
  const answer = await fetch(`${site.server.url}${path}`, {
    method: method ?? (form === undefined ? "GET" : "POST"),
    redirect: "manual",
    headers: { Accept: "text/html", ...(cookie !== undefined && { Cookie: cookie }), ...headers },
    ...(form !== undefined && { body: new URLSearchParams(form) }),
  });
  const set = answer.headers.getSetCookie().map((one) => one.split(";")[0]!);
  return {
    status: answer.status,
    location: answer.headers.get("Location"),
    set: set.find((one) => one.includes("dist_session")),
    setCookies: answer.headers.getSetCookie(),
    headers: answer.headers,
    text: await answer.text(),
  };
}

async function signIn(more: Sent = {}): Promise<string> {
  const { set } = await send("/admin/sign-in", { form: { token }, ...more });
  return set!;
}

const csrfOf = (text: string) => /name="csrf" value="([^"]+)"/.exec(text)![1]!;
const settings = "/admin/settings/appearance";

describe("signing in", () => {
  it("exchanges a token for a cookie that scripts and other sites do not get", async () => {
    const { status, location, setCookies } = await send("/admin/sign-in", { form: { token } });
    expect([status, location]).toEqual([303, "/admin/"]);
    expect(setCookies).toEqual([
      expect.stringMatching(/^dist_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    expect(setCookies.join()).not.toContain(token);
  });

  it("over HTTPS sets it for this host alone, and for HTTPS alone", async () => {
    const secure = await startTestServer(undefined, { publicUrl: "https://dist.example.org" });
    const { secret } = await secure.registry.createToken({ name: "root", scopes: ["admin"] });
    const answer = await fetch(`${secure.server.url}/admin/sign-in`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ token: secret }),
    });
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^__Host-dist_session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ]);
    await secure.close();
  });

  it("with a token that is not good says so, and sets nothing", async () => {
    for (const bad of ["", "dist_x", `dist_${"0".repeat(64)}`]) {
      const { status, set, text } = await send("/admin/sign-in", { form: { token: bad } });
      expect([status, set]).toEqual([401, undefined]);
      expect(text).toContain("auth.");
    }
  });

  it("from another site is refused", async () => {
    for (const headers of [{ Origin: "https://evil.example" }, { "Sec-Fetch-Site": "cross-site" }] as const) {
      const { status, set, text } = await send("/admin/sign-in", { form: { token }, headers });
      expect([status, set]).toEqual([403, undefined]);
      expect(text).toContain("auth.csrf");
    }
  });

  // Fixation: a session that somebody else put into the browser is not the one it goes on with.
  it("never takes over the session that a browser came with", async () => {
    const before = await signIn();
    const after = await signIn({ cookie: before });
    expect(after).not.toBe(before);
    expect((await send("/admin/apps", { cookie: before })).status).toBe(303);
    expect((await send("/admin/apps", { cookie: after })).status).toBe(200);
    const chosen = "dist_session=chosen-by-somebody";
    expect(await signIn({ cookie: chosen })).not.toBe(chosen);
  });

  it("leads to where somebody wanted to go, and never to another site", async () => {
    const { location } = await send("/admin/apps/acme?after=1");
    expect(location).toBe("/admin/sign-in?to=%2Fadmin%2Fapps%2Facme%3Fafter%3D1");
    for (const [to, goes] of [
      ["/admin/apps/acme?after=1", "/admin/apps/acme?after=1"],
      ["https://evil.example/", "/admin/"],
      ["//evil.example", "/admin/"],
      ["/admin/../evil", "/admin/"],
      ["/admin/\\evil.example", "/admin/"],
    ]) {
      expect((await send("/admin/sign-in", { form: { token, to: to! } })).location).toBe(goes);
    }
  });

  it("is counted like any other attempt", async () => {
    for (let count = 0; count < 30; count += 1) await send("/admin/sign-in", { form: { token: "dist_x" } });
    expect((await send("/admin/sign-in", { form: { token: "dist_x" } })).status).toBe(429);
  });
});

describe("a session's cookie", () => {
  it("opens pages, downloads and what the API only reads", async () => {
    const cookie = await signIn();
    expect((await send("/admin/apps", { cookie })).status).toBe(200);
    expect((await send("/api/apps/acme", { cookie, headers: { Accept: "application/json" } })).status).toBe(
      200,
    );
    expect((await send("/api/apps/acme", { headers: { Accept: "application/json" } })).status).toBe(404);
  });

  it("changes nothing by itself: the API takes tokens, the console its own forms", async () => {
    const cookie = await signIn();
    const body = { headers: { "Content-Type": "application/json", Accept: "application/json" } };
    const answer = await send("/api/apps", { method: "POST", cookie, ...body });
    expect([answer.status, answer.text]).toEqual([401, expect.stringContaining("auth.missing_token")]);
    expect((await send(settings, { cookie, form: { theme: "dark" } })).status).toBe(403);
  });

  it("that is unknown sends to sign in, and is taken away", async () => {
    const { status, setCookies } = await send("/admin/apps", { cookie: "dist_session=unknown" });
    expect(status).toBe(303);
    expect(setCookies).toEqual([expect.stringMatching(/^dist_session=; Max-Age=0/)]);
  });

  it("ends when its token is revoked, and when somebody signs out", async () => {
    const cookie = await signIn();
    const csrf = csrfOf((await send("/admin/settings", { cookie })).text);
    expect((await send("/admin/sign-out", { cookie, form: { csrf } })).location).toBe("/admin/sign-in");
    expect((await send("/admin/apps", { cookie })).status).toBe(303);
    const other = await signIn();
    const [used] = (await site.registry.listTokens()).items;
    await site.registry.revokeToken(used!.id);
    expect((await send("/admin/apps", { cookie: other })).status).toBe(303);
  });
});

describe("a form of the console", () => {
  it("is taken with the session's own proof, from this site", async () => {
    const cookie = await signIn();
    const csrf = csrfOf((await send("/admin/settings", { cookie })).text);
    const form = { csrf, theme: "dark", keys: "off" };
    expect((await send(settings, { cookie, form })).status).toBe(303);
    const own = { "Sec-Fetch-Site": "same-origin", Origin: site.server.url };
    expect((await send(settings, { cookie, form, headers: own })).status).toBe(303);
  });

  it("is refused without it, with another session's, and from elsewhere: auth.csrf", async () => {
    const cookie = await signIn();
    const csrf = csrfOf((await send("/admin/settings", { cookie })).text);
    const others = csrfOf((await send("/admin/settings", { cookie: await signIn() })).text);
    const refused: readonly Sent[] = [
      { form: { theme: "dark" } },
      { form: { theme: "dark", csrf: "" } },
      { form: { theme: "dark", csrf: others } },
      { form: { theme: "dark", csrf: `${csrf}x` } },
      { form: { theme: "dark", csrf }, headers: { "Sec-Fetch-Site": "cross-site" } },
      { form: { theme: "dark", csrf }, headers: { "Sec-Fetch-Site": "same-site" } },
      { form: { theme: "dark", csrf }, headers: { Origin: "null" } },
      { form: { theme: "dark", csrf }, headers: { Origin: "https://evil.example" } },
    ];
    for (const one of refused) {
      const { status, text } = await send(settings, { cookie, ...one });
      expect([status, text]).toEqual([403, expect.stringContaining("auth.csrf")]);
    }
  });

  it("is bounded", async () => {
    const cookie = await signIn();
    const { status } = await send(settings, { cookie, form: { csrf: "x".repeat(300_000) } });
    expect(status).toBe(413);
  });
});

describe("a form with files", () => {
  const boundary = "----distBoundary";
  const part = (name: string, value: string, filename = "") =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === "" ? "" : `; filename="${filename}"`}\r\n\r\n${value}\r\n`;

  async function post(cookie: string, body: string | ReadableStream<Uint8Array>, signal?: AbortSignal) {
    return await fetch(`${site.server.url}/admin/apps/acme/publish`, {
      method: "POST",
      redirect: "manual",
      headers: { Cookie: cookie, "Content-Type": `multipart/form-data; boundary=${boundary}` },
      body,
      duplex: "half",
      ...(signal !== undefined && { signal }),
    } as RequestInit);
  }

  it("stores nothing without the session's proof, wherever that stands", async () => {
    const cookie = await signIn();
    const csrf = csrfOf((await send("/admin/settings", { cookie })).text);
    const file = part("files", "x".repeat(1000), "a.tar.gz");
    for (const body of [file, file + part("csrf", csrf), part("csrf", "wrong") + file]) {
      const answer = await post(cookie, `${body}--${boundary}--\r\n`);
      expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("auth.csrf")]);
    }
    expect((await site.registry.storeStatus()).storage.objects).toBe(0);
  });

  it("that is none is refused", async () => {
    const cookie = await signIn();
    for (const body of ["", "nothing of the kind", `--${boundary}\r\nno header`]) {
      expect((await post(cookie, body)).status).toBeGreaterThanOrEqual(400);
    }
  });

  it("whose sender leaves in the middle leaves no upload behind", async () => {
    const cookie = await signIn();
    const csrf = csrfOf((await send("/admin/settings", { cookie })).text);
    const leave = new AbortController();
    const begun = part("csrf", csrf) + part("version", "1") + part("files", "", "a.tar.gz").trimEnd();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from(`${begun}\r\n\r\n${"x".repeat(300_000)}`));
        setTimeout(() => leave.abort(), 200);
      },
    });
    await expect(post(cookie, body, leave.signal)).rejects.toThrow();
    const staging = join(site.directory, "staging");
    await vi.waitFor(async () => expect(await readdir(staging).catch(() => [])).toEqual([]), 10_000);
  });
});

it("pages say that nothing of another site runs in them, frames them or keeps them", async () => {
  const { headers } = await send("/admin/apps", { cookie: await signIn() });
  const policy = headers.get("Content-Security-Policy")!;
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers.get("X-Frame-Options")).toBe("DENY");
  expect(headers.get("Cache-Control")).toBe("no-store");
});

it("secrets of sessions and tokens never reach the log", async () => {
  const cookie = await signIn();
  await send("/admin/apps", { cookie });
  const log = JSON.stringify(site.log);
  expect(log).not.toContain(cookie.split("=")[1]);
  expect(log).not.toContain(token);
});
