import { spawnSync } from "node:child_process";

import { zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { mountApi } from "../../src/server/api/mount-api.ts";
import { mountPages } from "../../src/server/pages/mount-pages.ts";
import { mountTransfer } from "../../src/server/transfer/mount-transfer.ts";
import { needs } from "../support/required-tools.ts";
import { publishTar, sourceOf, sqlOn } from "../support/test-store.ts";
import { startTestServer, type TestServer } from "./process-server.ts";

const HOUR_MS = 3600 * 1000;
const manifestPath = "/install/acme/beta/manifest.plist";
const ipa = Buffer.from(zipSync({ "Payload/Acme.app/Info.plist": new Uint8Array(8) }));

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer([mountTransfer, mountApi, mountPages]);
  await server.registry.createApp("acme", {
    display_name: "Acme & <Friends>",
    ios_mode: "enterprise",
    bundle_ids: { ios: "org.example.acme" },
  });
  await publishIpa({ version: "1.4.0", build: "1042" });
});
afterEach(() => server.close());

async function publishIpa(release: { version: string; build?: string }) {
  const { sha256 } = await server.registry.uploadObject(sourceOf(ipa));
  const artifact = { platform: "ios", filename: "Acme.ipa", sha256 } as const;
  return server.registry.publish({ app: "acme", channel: "beta", ...release, artifacts: [artifact] });
}

/** The texts of a property list under their keys, as plistutil understood them: through its binary form and back. */
function fieldsOf(plist: string): [string, string][] {
  const binary = plistutil(Buffer.from(plist), "bin");
  expect(binary.subarray(0, 8).toString()).toBe("bplist00");
  const fields = plistutil(binary, "xml")
    .toString()
    .matchAll(/<key>([^<]*)<\/key>\s*<string>([^<]*)<\/string>/g);
  return [...fields].map(([, key, text]) => [key!, unescaped(text!)]);
}

function plistutil(input: Buffer, format: "bin" | "xml"): Buffer {
  const { status, stdout } = spawnSync("plistutil", ["-i", "-", "-o", "-", "-f", format], { input });
  expect(status).toBe(0);
  return stdout;
}

const unescaped = (text: string) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** On the server under test, whatever scheme and host the address has. */
const get = (address: string, headers: Record<string, string> = {}) => {
  const { pathname, search } = new URL(address, server.server.url);
  return fetch(`${server.server.url}${pathname}${search}`, { headers });
};

async function outcome(address: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await get(address, headers);
  if (answer.ok) return `${answer.status}`;
  const { error } = (await answer.json()) as { error: { code: string } };
  return `${answer.status} ${error.code}`;
}

const bearer = async (scope: string) => {
  const { secret } = await server.registry.createToken({ name: crypto.randomUUID(), scopes: [scope] });
  return { Authorization: `Bearer ${secret}` };
};

/** The address of the IPA in a manifest. */
async function ipaUrl(address: string = manifestPath): Promise<string> {
  const text = await (await get(address)).text();
  return unescaped(/<string>(https:[^<]*)<\/string>/.exec(text)![1]!);
}

/** The address of the manifest that an install page behind HTTPS gives to a device. */
async function offeredUrl(page: string, headers: Record<string, string> = {}): Promise<string> {
  const html = await (await get(page, headers)).text();
  const query = /href="itms-services:\/\/\?([^"]*)"/.exec(html)![1]!;
  const asked = new URLSearchParams(unescaped(query));
  expect(asked.get("action")).toBe("download-manifest");
  return asked.get("url")!;
}

/** The server again, as it is behind a proxy that ends TLS. */
async function behindHttps(): Promise<void> {
  await server.close();
  server = await startTestServer([mountTransfer, mountApi, mountPages], {
    publicUrl: "https://dist.example.org",
  });
  await server.registry.createApp("acme", {
    visibility: "private",
    ios_mode: "enterprise",
    bundle_ids: { ios: "org.example.acme" },
  });
  await publishIpa({ version: "1.4.0" });
}

needs("plistutil")("manifest.plist, read by another program", () => {
  it("names bundle id, version, title and the IPA, whose bytes come without credentials until they end", async () => {
    const answer = await get(manifestPath);
    expect(answer.headers.get("Content-Type")).toBe("text/xml; charset=utf-8");
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    const fields = fieldsOf(await answer.text());
    expect(fields).toEqual([
      ["kind", "software-package"],
      ["url", expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+\/download\//)],
      ["bundle-identifier", "org.example.acme"],
      ["bundle-version", "1042"],
      ["kind", "software"],
      ["title", "Acme & <Friends>"],
    ]);
    const url = new Map(fields).get("url")!;
    const bytes = await get(url);
    expect(bytes.status).toBe(200);
    expect(bytes.headers.get("Cache-Control")).toBe("private, no-cache");
    expect(Buffer.from(await bytes.arrayBuffer()).equals(ipa)).toBe(true);
    server.clock.advance(HOUR_MS - 1);
    expect(await outcome(url)).toBe("200");
    server.clock.advance(1);
    expect(await outcome(url)).toBe("403 download.link_expired");
  });
});

describe("manifest.plist", () => {
  it("takes the version where the release has no build", async () => {
    await publishIpa({ version: "1.5.0" });
    expect(await (await get(manifestPath)).text()).toContain("<string>1.5.0</string>");
  });

  it("is there in the enterprise mode alone, with a bundle id and a current IPA", async () => {
    const none = "404 app.no_install_manifest";
    await publishTar(server.registry, { version: "2", channel: "tar" });
    await server.registry.setChannel("acme", "empty", {});
    expect(await outcome("/install/acme/tar/manifest.plist")).toBe(none);
    expect(await outcome("/install/acme/empty/manifest.plist")).toBe(none);
    expect(await outcome("/install/acme/absent/manifest.plist")).toBe("404 channel.not_found");
    expect(await outcome("/install/absent/beta/manifest.plist")).toBe("404 app.not_found");
    const testflight = "https://testflight.apple.com/join/AbC";
    for (const ios_mode of ["artifact_only", "testflight"]) {
      await server.registry.updateApp("acme", { ios_mode, testflight_url: testflight });
      expect(await outcome(manifestPath)).toBe(none);
    }
    await server.registry.updateApp("acme", { ios_mode: "enterprise" });
    expect(await outcome(manifestPath)).toBe("200");
    sqlOn(server, "UPDATE app SET bundle_ids = '{}'");
    expect(await outcome(manifestPath)).toBe(none);
  });

  it("of a private app opens by what its page hands out, and by nothing less", async () => {
    await behindHttps();
    const { secret } = await server.registry.createShare("acme", { channel: "beta" });
    const visitors: readonly [string, Record<string, string>][] = [
      ["/install/acme/beta", await bearer("read")],
      [`/install/acme/beta?share=${secret}`, {}],
    ];
    for (const [page, headers] of visitors) {
      const url = await offeredUrl(page, headers);
      expect(url).toMatch(/^https:\/\/dist\.example\.org\/install\/acme\/beta\/manifest\.plist\?expires=/);
      expect(await outcome(url)).toBe("200");
      expect(await outcome(await ipaUrl(url))).toBe("200");
      expect(await outcome(url.replace("/beta/", "/stable/"))).toBe("403 download.link_invalid");
      expect(await outcome(url.replace(/&signature=.*/, ""))).toBe("404 app.not_found");
      // The page itself is not what was signed for.
      expect(await outcome(url.replace("/manifest.plist", ""))).toBe("404 app.not_found");
    }
  });

  // A page left open over lunch still installs; one kept for ever does not. Meanwhile it is the same page, with one ETag.
  it("is signed for three hours, rounded up to the next", async () => {
    await behindHttps();
    const headers = await bearer("read");
    server.clock.advance(1);
    const url = await offeredUrl("/install/acme/beta", headers);
    server.clock.advance(HOUR_MS - 1);
    expect(await offeredUrl("/install/acme/beta", headers)).toBe(url);
    server.clock.advance(3 * HOUR_MS - 1);
    const late = await ipaUrl(url);
    server.clock.advance(1);
    expect(await outcome(url)).toBe("403 download.link_expired");
    expect(await outcome(late)).toBe("200");
  });

  it("names an IPA that is 410 once its release is revoked", async () => {
    const url = await ipaUrl();
    await server.registry.revokeRelease("acme", { release: "1.4.0" });
    expect(await outcome(url)).toBe("410 release.revoked");
    expect(await outcome(manifestPath)).toBe("404 app.no_install_manifest");
  });

  it("is the one way to an IPA without credentials", async () => {
    const signed = await ipaUrl();
    expect(await outcome(signed)).toBe("200");
    expect(await outcome(signed.replace(/&expires.*/, ""))).toBe("401 auth.missing_token");
    expect(await outcome(signed.replace(/artifact=[^&]*/, "artifact=art_other"))).toBe(
      "403 download.link_invalid",
    );
    expect(await outcome(signed, { Authorization: "Bearer x" })).toBe("401 auth.malformed_token");
  });
});

describe("without HTTPS", () => {
  it("the page offers no install, and says why", async () => {
    const html = await (await get("/install/acme/beta")).text();
    expect(html).toContain("iOS installs from HTTPS addresses only");
    expect(html).not.toContain("itms-services");
  });
});

describe("POST /api/apps/{slug}/releases/{id}/artifacts/{artifact}/link", () => {
  async function link(body: object, scope = "read"): Promise<Response> {
    const { artifacts } = await server.registry.getRelease("acme", { release: "1.4.0" });
    return fetch(
      `${server.server.url}/api/apps/acme/releases/1.4.0/artifacts/${artifacts[0]!.id}/link?build=1042`,
      {
        method: "POST",
        headers: { ...(await bearer(scope)), "Content-Type": "application/json" },
        body: JSON.stringify(body),
      },
    );
  }

  it("answers an address that opens the bytes of a private app until it ends, then 403", async () => {
    await server.registry.updateApp("acme", { visibility: "private", ios_mode: "artifact_only" });
    const answer = await link({ expires_in: "2h" });
    const { url, expires_at } = (await answer.json()) as { url: string; expires_at: string };
    expect([answer.status, expires_at]).toEqual([200, "2026-11-20T17:00:00.000Z"]);
    expect(url.startsWith(`${server.server.url}/download/`)).toBe(true);
    const part = await get(url, { Range: "bytes=0-1" });
    expect([part.status, await part.text()]).toEqual([206, "PK"]);
    server.clock.advance(2 * HOUR_MS);
    expect(await outcome(url)).toBe("403 download.link_expired");
  });

  it("refuses more than seven days", async () => {
    const answer = await link({ expires_in: "8d" });
    expect([answer.status, ((await answer.json()) as any).error.code]).toEqual([
      400,
      "download.link_too_long",
    ]);
  });
});

describe("a signature", () => {
  it("never stands in the log, be it right, wrong or over", async () => {
    const url = await ipaUrl();
    const signature = new URL(url).searchParams.get("signature")!;
    const wrong = "ab".repeat(32);
    await outcome(url);
    await outcome(url.replace(signature, wrong));
    server.clock.advance(HOUR_MS);
    await outcome(url);
    await vi.waitFor(() => {
      const statuses = server.log
        .filter(({ path }) => String(path).startsWith("/download/"))
        .map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([200, 403, 403]);
    });
    const log = JSON.stringify(server.log);
    expect(log).toContain("?[redacted]");
    expect(log).not.toMatch(new RegExp(`${signature}|${wrong}|signature=`));
  });

  it("that is wrong counts against its address as any failed credential does; one that is over does not", async () => {
    const url = await ipaUrl();
    const wrong = url.replace(/signature=.*/, `signature=${"0".repeat(64)}`);
    server.clock.advance(HOUR_MS);
    for (let time = 0; time < 21; time += 1) {
      expect(await outcome(url)).toBe("403 download.link_expired");
    }
    for (let time = 0; time < 20; time += 1) {
      expect(await outcome(wrong)).toBe("403 download.link_invalid");
    }
    expect(await outcome(wrong)).toBe("429 request.too_many_attempts");
  });
});
