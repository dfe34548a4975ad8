import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { mountApi } from "../../src/server/api/mount-api.ts";
import { mountPages } from "../../src/server/pages/mount-pages.ts";
import { mountTransfer } from "../../src/server/transfer/mount-transfer.ts";
import { acmeApk, pngFile, uploadApk } from "../support/acme-apk.ts";
import { publishTar } from "../support/test-store.ts";
import { startTestServer, type TestServer } from "./process-server.ts";

let server: TestServer;
let current: string;
let superseded: string;
beforeAll(async () => {
  server = await startTestServer([mountTransfer, mountApi, mountPages]);
  await server.registry.createApp("acme", { visibility: "private" });
  superseded = (await publishTar(server.registry, { version: "1", channel: "beta" })).artifacts[0]!.sha256;
  current = (await publishTar(server.registry, { version: "2", channel: "beta" })).artifacts[0]!.sha256;
  await publishTar(server.registry, { version: "3", channel: "nightly", text: "nightly" });
});
afterAll(() => server.close());

const get = (path: string) => fetch(`${server.server.url}${path}`, { redirect: "manual" });

/** A share link as the API answers it. */
async function shareLink(body: object): Promise<{ id: string; url: string; secret: string }> {
  const { secret: token } = await server.registry.createToken({
    name: crypto.randomUUID(),
    scopes: ["promote"],
  });
  const answer = await fetch(`${server.server.url}/api/apps/acme/shares`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(201);
  return (await answer.json()) as { id: string; url: string; secret: string };
}

describe("a share link of a private app", () => {
  it("opens its page, whose links lead to the current bytes with it", async () => {
    const { url } = await shareLink({ channel: "beta" });
    const page = await fetch(url);
    expect(page.status).toBe(200);
    const href = /href="([^"]*\/download\/[^"]*)"/.exec(await page.text())![1]!.replaceAll("&amp;", "&");
    expect(href).toContain(`/download/${current}`);
    expect((await fetch(href)).status).toBe(200);
    expect((await fetch(href.replace(/[?&]share=[^&]*/, ""))).status).toBe(404);
  });

  it("follows the stable link, and opens nothing else", async () => {
    const { secret } = await shareLink({ channel: "beta" });
    const redirect = await get(`/download/acme/beta/linux?share=${secret}`);
    expect([redirect.status, (await get(redirect.headers.get("location")!)).status]).toEqual([302, 200]);
    expect((await get(`/download/${superseded}?share=${secret}`)).status).toBe(404);
    expect((await get(`/install/acme/nightly?share=${secret}`)).status).toBe(404);
    expect((await get(`/api/apps/acme?share=${secret}`)).status).not.toBe(200);
  });

  it("shows the current icons on its page, and no others", async () => {
    const icons = [];
    for (const version of ["1", "2"]) {
      const artifacts = [await uploadApk(server.registry, acmeApk({ icon: pngFile(version) }))];
      await server.registry.publish({ app: "acme", version, build: "icon", channel: "icons", artifacts });
      const release = await server.registry.getRelease("acme", { release: version, build: "icon" });
      icons.push(release.artifacts[0]!.icon_sha256!);
    }
    const { url, secret } = await shareLink({ channel: "icons" });
    const src = /<img [^>]*src="([^"]*)"/.exec(await (await fetch(url)).text())![1]!.replaceAll("&amp;", "&");
    const icon = await fetch(src);
    expect([icon.status, icon.headers.get("Content-Type")]).toEqual([200, "image/png"]);
    expect(src).toContain(`/download/${icons[1]}`);
    expect((await get(`/download/${icons[1]}`)).status).toBe(404);
    expect((await get(`/download/${icons[0]}?share=${secret}`)).status).toBe(404);
    const elsewhere = await shareLink({ channel: "beta" });
    expect((await get(`/download/${icons[1]}?share=${elsewhere.secret}`)).status).toBe(404);
  });

  it("of a whole app opens the index, with that app on it", async () => {
    const { url } = await shareLink({});
    const index = await (await fetch(url)).text();
    expect(index).toContain("/install/acme/nightly?share=");
    expect(await (await get("/")).text()).not.toContain("acme");
  });

  it("is 403 once revoked or expired, 404 when it never was, and never in the log", async () => {
    const revoked = await shareLink({ channel: "beta" });
    await server.registry.revokeShare("acme", revoked.id);
    const expired = await shareLink({ channel: "beta", expires_in: "1h" });
    server.clock.advance(3_600_000);
    const refusals = [];
    for (const secret of [revoked.secret, expired.secret, "share_0"]) {
      const answer = await get(`/install/acme/beta?share=${secret}`);
      const { error } = (await answer.json()) as { error: { code: string } };
      refusals.push(`${answer.status} ${error.code}`);
    }
    expect(refusals).toEqual(["403 share.revoked", "403 share.expired", "404 share.not_found"]);
    expect(JSON.stringify(server.log)).not.toContain(revoked.secret);
  });
});
