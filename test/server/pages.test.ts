import { zipSync } from "fflate";
import { Hono } from "hono";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { DistError } from "../../src/base/errors.ts";
import { anonymousPrincipal, localPrincipal, type Principal } from "../../src/registry/principal.ts";
import { statusOf } from "../../src/server/http-errors.ts";
import { errorPage } from "../../src/server/pages/error-page.tsx";
import { mountPages } from "../../src/server/pages/mount-pages.ts";
import { pageHeaders } from "../../src/server/pages/page-headers.ts";
import type { ServerEnv } from "../../src/server/server-context.ts";
import {
  openTestStore,
  publishTar,
  sourceOf,
  tarArtifact,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

const policy =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

let test: TestStore;
let pages: Hono<ServerEnv>;
let principal: Principal = anonymousPrincipal;

beforeAll(async () => {
  test = await openTestStore();
  pages = pagesOn(test);
});
afterAll(() => test.close());

/** The pages on a store, with a handler that answers errors as pages. */
function pagesOn({ store, clock }: TestStore): Hono<ServerEnv> {
  const app = new Hono<ServerEnv>();
  app.use(async (c, next) => {
    c.set("principal", principal);
    c.set("registry", store.as(principal));
    c.set("baseUrl", "https://dist.example.org");
    await next();
  });
  app.onError((error, c) => {
    if (!(error instanceof DistError)) throw error;
    return c.html(errorPage(error, statusOf(error), "req_1"), statusOf(error), { ...pageHeaders });
  });
  mountPages(app, {
    store,
    clock,
    log: pino({ level: "silent" }),
    settings: {
      host: "127.0.0.1",
      port: 0,
      publicUrl: null,
      trustedProxies: [],
      maxUploadBytes: 1,
      workers: 1,
      sendFile: "off",
      oidc: null,
    },
  });
  return app;
}

async function get(path: string, headers: Record<string, string> = {}, who = anonymousPrincipal) {
  principal = who;
  const response = await pages.request(path, { headers });
  return { status: response.status, headers: response.headers, html: await response.text() };
}

const administrator = localPrincipal("tester");

describe("an empty store", () => {
  it("has an index that says what to do next", async () => {
    const { status, html } = await get("/");
    expect(status).toBe(200);
    expect(html).toContain("There is no app here that you may list.");
    expect(html).toContain("dist ci publish --server https://dist.example.org");
  });
});

describe("a store with apps", () => {
  beforeAll(async () => {
    await test.registry.createApp("open", { display_name: "<b>Open</b>", visibility: "public" });
    await test.registry.createApp("hidden", { visibility: "private" });
    await test.registry.createApp("quiet", { visibility: "unlisted" });
    for (const app of ["open", "hidden", "quiet"]) {
      await publishTar(test.registry, { app, version: "1.0.0", build: "7", channel: "stable", text: app });
    }
    await test.registry.setChannel("open", "beta", {});
  });

  it("lists public apps to everybody, each with its channels, install pages and stable links", async () => {
    const { html } = await get("/");
    expect(html).toContain("&lt;b&gt;Open&lt;/b&gt;");
    expect(html).toContain("1.0.0 (7)");
    expect(html).toContain('href="https://dist.example.org/install/open/stable"');
    expect(html).toContain('href="https://dist.example.org/download/open/stable/linux"');
    expect(html).toMatch(/beta<\/th><td[^>]*><span class="t3">no release/);
    expect(html).not.toMatch(/hidden|quiet/);
  });

  it("lists private and unlisted apps to those who may read them", async () => {
    const { html } = await get("/", {}, administrator);
    expect(html).toContain("install/hidden/stable");
    expect(html).toContain("install/quiet/stable");
  });

  it("opens an unlisted app by its address", async () => {
    expect((await get("/install/quiet/stable")).status).toBe(200);
  });

  // The same answer as for an app that does not exist, so that names of private apps do not leak.
  it("answers 404 for a private app, as for one that is not there", async () => {
    const hidden = await get("/install/hidden/stable");
    expect(hidden.status).toBe(404);
    expect(hidden.html).toContain("<code>app.not_found</code>");
    expect((await get("/install/absent/stable")).html).toBe(hidden.html.replaceAll("hidden", "absent"));
    expect((await get("/install/hidden/stable", {}, administrator)).status).toBe(200);
  });

  it("answers 404 for a channel that is not there, 400 for a cursor it never gave out", async () => {
    expect((await get("/install/open/nightly")).html).toContain("<code>channel.not_found</code>");
    const cursor = await get("/?after=nonsense");
    expect(cursor.status).toBe(400);
    expect(cursor.html).toContain("<code>page.invalid_cursor</code>");
  });

  it("says that a channel points at nothing", async () => {
    expect((await get("/install/open/beta")).html).toContain("The channel beta points at no release.");
  });

  it("shows the platform the browser names first", async () => {
    const { html } = await get("/install/open/stable", { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)" });
    expect(html).toContain("This device");
  });

  it("sends pages that run nothing, are kept by no shared cache, and give no address away", async () => {
    for (const path of ["/", "/install/open/stable", "/install/hidden/stable"]) {
      const { headers } = await get(path);
      expect(headers.get("Content-Security-Policy")).toBe(policy);
      expect(headers.get("Referrer-Policy")).toBe("no-referrer");
      expect(headers.get("Content-Type")).toBe("text/html; charset=UTF-8");
    }
    const { headers } = await get("/install/open/stable");
    expect(headers.get("Cache-Control")).toBe("private, no-cache");
    expect(headers.get("Vary")).toContain("User-Agent");
  });

  it("answers 304 to who has the page already, until it changes", async () => {
    const etag = (await get("/install/open/beta")).headers.get("ETag") ?? "";
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    const again = await get("/install/open/beta", { "If-None-Match": etag });
    expect([again.status, again.html, again.headers.get("ETag")]).toEqual([304, "", etag]);
    expect(again.headers.get("Cache-Control")).toBe("private, no-cache");
    await publishTar(test.registry, { app: "open", version: "1.1.0", channel: "beta" });
    expect((await get("/install/open/beta", { "If-None-Match": etag })).status).toBe(200);
  });

  it("shows notes that are too long for the log", async () => {
    const notes = `first <line>\n${"x".repeat(20_000)}\nlast line`;
    const sha256 = await uploadTar(test.registry, "long");
    await test.registry.publish({
      app: "open",
      version: "2.0.0",
      channel: "long",
      notes,
      artifacts: [tarArtifact(sha256, { filename: "<i>.tar.gz" })],
    });
    const { html } = await get("/install/open/long");
    expect(html).toContain("first &lt;line&gt;\nxxx");
    expect(html).toContain("xxx\nlast line</p>");
    expect(html).toContain("&lt;i&gt;.tar.gz");
  });

  it("offers an IPA's download to those with credentials only", async () => {
    const ipa = zipSync({ "Payload/Open.app/Info.plist": new Uint8Array(8) });
    const { sha256 } = await test.registry.uploadObject(sourceOf(ipa));
    const artifact = { platform: "ios", filename: "open.ipa", sha256 } as const;
    const request = { app: "open", version: "3.0.0", channel: "phones", artifacts: [artifact] };
    await test.registry.publish(request);
    expect((await get("/install/open/phones")).html).toContain("Download needs sign-in");
    const signedIn = await get("/install/open/phones", {}, administrator);
    expect(signedIn.html).toContain(`/download/${sha256}?artifact=art_`);
  });
});

describe("the stylesheet", () => {
  it("is kept for ever under the address that pages name, which is that of its content", async () => {
    const [, href] = /<link rel="stylesheet" href="([^"]+)"/.exec((await get("/")).html) ?? [];
    const exact = await get(href ?? "");
    expect(exact.status).toBe(200);
    expect(exact.headers.get("Content-Type")).toBe("text/css; charset=utf-8");
    expect(exact.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
    expect((await get("/assets/dist.css?v=0")).headers.get("Cache-Control")).toBe("no-cache");
  });
});

describe("more apps than one page holds", () => {
  it("are reached by following the next page to its end", async () => {
    for (let index = 0; index < 45; index++) {
      await test.registry.createApp(`many-${index}`, { visibility: "public" });
    }
    const seen: string[] = [];
    let path: string | undefined = "/";
    for (let count = 0; path !== undefined && count < 10; count++) {
      const { html } = await get(path);
      seen.push(...[...html.matchAll(/class="slug">(many-\d+)</g)].map(([, slug]) => slug ?? ""));
      path = /rel="next" href="https:\/\/dist\.example\.org([^"]+)"/.exec(html)?.[1];
    }
    expect(new Set(seen).size).toBe(45);
    expect(seen.length).toBe(45);
  });
});
