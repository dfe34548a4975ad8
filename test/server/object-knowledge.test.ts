import { createHash } from "node:crypto";

import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { killPrograms } from "../support/programs.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { type Distd, startDistd } from "./distd.ts";

let distd: Distd;
/** A CI job's token that may publish app a, and nothing else. */
let token: string;
beforeAll(async () => {
  distd = await startDistd();
  await distd.api("POST", "/apps", { slug: "a", visibility: "public" });
  await distd.api("POST", "/apps", { slug: "b", visibility: "private" });
  await distd.api("POST", "/apps", { slug: "phones", visibility: "public" });
  token = await distd.token(["publish"], { app: "a" });
});
afterAll(async () => {
  await distd.close();
  await killPrograms();
});

/** Uploads bytes and publishes them, as the administrator. */
async function publish(app: string, version: string, artifact: object, bytes: Uint8Array): Promise<string> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const uploaded = await fetch(`${distd.url}/api/upload`, {
    method: "POST",
    headers: { Authorization: `Bearer ${distd.admin}`, "Content-Length": `${bytes.length}` },
    body: Buffer.from(bytes),
  });
  expect(uploaded.ok).toBe(true);
  const body = { version, channel: "beta", artifacts: [{ ...artifact, sha256 }] };
  expect((await distd.api("POST", `/apps/${app}/releases`, body)).status).toBe(201);
  return sha256;
}

const tar = { platform: "linux", filename: "x.tar.gz" } as const;

/** What somebody learns of a digest by every way there is. */
async function learned(sha256: string, secret: string | undefined) {
  const headers: Record<string, string> = secret === undefined ? {} : { Authorization: `Bearer ${secret}` };
  const status = async (method: string, path: string) =>
    (await fetch(`${distd.url}${path}`, { method, headers })).status;
  return {
    head: await status("HEAD", `/api/objects/${sha256}`),
    lease: await status("POST", `/api/objects/${sha256}/lease`),
    download: await status("GET", `/download/${sha256}`),
    headDownload: await status("HEAD", `/download/${sha256}`),
  };
}

// A digest is not a permission: who can guess one, or saw one in a log, must not learn that its bytes are here.
describe("the digest of another app's private file", () => {
  it("is nothing to a token of this app, exactly as one that was never stored", async () => {
    const sha256 = await publish("b", "1", tar, tarGzBytes("private to b"));
    const nothing = { head: 404, lease: 404, download: 404, headDownload: 404 };
    expect(await learned(sha256, token)).toEqual(nothing);
    expect(await learned("0".repeat(64), token)).toEqual(nothing);
    expect(await learned(sha256, undefined)).toEqual({ ...nothing, head: 401, lease: 401 });

    const request = (version: string, digest: string) =>
      distd.api(
        "POST",
        "/apps/a/releases",
        { version, channel: "beta", artifacts: [{ ...tar, sha256: digest }] },
        token,
      );
    for (const digest of [sha256, "0".repeat(64)]) {
      const { status, json } = await request("1", digest);
      expect([status, json.error.code, json.error.details]).toEqual([
        409,
        "object.missing",
        { missing: [digest] },
      ]);
    }
    expect((await distd.api("GET", "/apps/a/releases")).json.items).toEqual([]);
  });

  it("is answered alike to who uploads the same bytes, which are then theirs as well", async () => {
    const bytes = tarGzBytes("private to b, and known to a");
    const sha256 = await publish("b", "2", tar, bytes);
    const upload = await fetch(`${distd.url}/api/upload`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Length": `${bytes.length}` },
      body: Buffer.from(bytes),
    });
    expect([upload.status, ((await upload.json()) as { existed: boolean }).existed]).toEqual([201, false]);
    expect(await learned(sha256, token)).toMatchObject({ head: 200, lease: 200, download: 404 });
  });

  it("is served once a public app names it too", async () => {
    const bytes = tarGzBytes("private to b at first");
    const sha256 = await publish("b", "3", tar, bytes);
    expect((await learned(sha256, undefined)).download).toBe(404);
    await publish("a", "3", tar, bytes);
    expect(await learned(sha256, undefined)).toMatchObject({ download: 200, headDownload: 200 });
    expect(await learned(sha256, token)).toEqual({ head: 200, lease: 200, download: 200, headDownload: 200 });
  });
});

describe("an IPA of a public app", () => {
  it("needs credentials, by its digest and by its channel", async () => {
    const ipa = zipSync({ "Payload/P.app/Info.plist": new Uint8Array(8) });
    const sha256 = await publish("phones", "1", { platform: "ios", filename: "p.ipa" }, ipa);
    const reader = await distd.token(["read"]);
    expect((await learned(sha256, undefined)).download).toBe(401);
    expect((await fetch(`${distd.url}/download/phones/beta/ios`)).status).toBe(401);
    // Another app's reader is here no more than anybody.
    expect((await learned(sha256, await distd.token(["read"], { app: "a" }))).download).toBe(401);
    expect((await learned(sha256, reader)).download).toBe(200);
    // The same bytes, handed out by somebody as an archive that they also are.
    await publish("a", "zip", { platform: "windows", filename: "p.zip" }, ipa);
    expect((await learned(sha256, undefined)).download).toBe(200);
  });
});
