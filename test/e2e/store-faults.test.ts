import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import { every, type Fault, type FaultProxy, first, startFaultProxy } from "../blob/fault-proxy.ts";
import { type Distd, startDistd } from "../server/distd.ts";
import { ask } from "../server/transfer-server.ts";
import { plainS3, rgwTools, s3Variables, testS3Settings } from "../support/object-store.ts";
import { runDist } from "../support/programs.ts";
import { writeRelease } from "../support/release-files.ts";
import { needs } from "../support/required-tools.ts";
import { tarGzBytes } from "../support/test-store.ts";

const MIB = 1024 * 1024;

let direct: S3Settings;
let proxy: FaultProxy;
let distd: Distd;
let env: Record<string, string>;
let versions = 0;

const slowDown: Fault = { kind: "refuse", status: 503, code: "SlowDown" };
const broken: Fault = { kind: "refuse", status: 500, code: "InternalError" };
const otherBytes: Fault = { kind: "another etag", etag: "0".repeat(32) };

/** Bytes of an archive that nobody has seen; one request, or a multipart upload. */
const archive = (sizeBytes: number): Uint8Array => tarGzBytes(randomBytes(sizeBytes));
const sizes = { small: 1_000, large: 9 * MIB };

/** Publishes these bytes over HTTP, as a CI job does. */
async function publish(bytes: Uint8Array) {
  versions += 1;
  const version = `1.0.${versions}`;
  const manifest = await writeRelease(distd.directory, { version, channel: "beta", bytes });
  const args = ["ci", "publish", "--manifest", manifest, "--server", distd.url];
  return { version, ...(await runDist(args, { DIST_TOKEN: distd.admin })) };
}

const download = (sha256: string) => ask(`${distd.url}/download/${sha256}`);
const verify = (...place: readonly string[]) =>
  runDist(["store", "verify", ...place], place[0] === "--server" ? { DIST_TOKEN: distd.admin } : env);

async function published(bytes: Uint8Array): Promise<string> {
  const { exit, json } = await publish(bytes);
  expect([exit, json?.status]).toEqual([0, "published"]);
  return json.artifacts[0].sha256 as string;
}

needs(...rgwTools)("distd on an object store that fails", () => {
  beforeAll(async () => {
    direct = await testS3Settings();
    proxy = await startFaultProxy(direct.endpoint!);
    env = s3Variables({ ...direct, endpoint: proxy.endpoint });
    distd = await startDistd([], env);
    await distd.api("POST", "/apps", { slug: "acme", visibility: "public" });
  });
  afterAll(async () => {
    await distd.close();
    await proxy.close();
  });

  describe("for a moment", () => {
    it.each([
      ["500", "PutObject", sizes.small, broken],
      ["503 slow down", "UploadPart", sizes.large, slowDown],
      ["a damaged byte", "UploadPart", sizes.large, { kind: "damage request" }],
      ["a lost answer", "CompleteMultipartUpload", sizes.large, { kind: "lose" }],
      ["a lost answer", "CopyObject", sizes.large, { kind: "lose" }],
    ] as const)("%s to %s: what is published is downloaded", async (_what, operation, size, fault) => {
      const bytes = archive(size);
      let met = 0;
      const rule = first(2, operation, fault);
      proxy.rule = (seen) => {
        const chosen = rule(seen);
        if (chosen !== undefined) met += 1;
        return chosen;
      };
      const sha256 = await published(bytes);
      expect(met).toBeGreaterThan(0);
      expect((await download(sha256)).body.equals(bytes)).toBe(true);
    });

    it.each([
      ["a body that breaks off", { kind: "cut", afterBytes: 100_000 }],
      ["503 slow down", slowDown],
    ] as const)("%s to GetObject: the download is whole", async (_what, fault) => {
      const bytes = archive(MIB);
      proxy.rule = () => undefined;
      const sha256 = await published(bytes);
      proxy.rule = first(2, "GetObject", fault);
      expect((await download(sha256)).body.equals(bytes)).toBe(true);
    });
  });

  // What is acknowledged must be there: a store that took other bytes is found out before anybody is told.
  it("and has other bytes than were sent: nothing is published, until it works again", async () => {
    const bytes = archive(sizes.small);
    proxy.rule = every("HeadObject", otherBytes);
    const { version, exit, json } = await publish(bytes);
    expect([exit, json.error.code]).toEqual([3, "blob.write_failed"]);
    const releases = await distd.api("GET", "/apps/acme/releases");
    const known = releases.json.items.map((release: { version: string }) => release.version);
    expect(known).not.toContain(version);
    proxy.rule = () => undefined;
    const sha256 = await published(bytes);
    expect((await download(sha256)).body.equals(bytes)).toBe(true);
  });

  it.each([
    ["has other parts than were sent", "UploadPart", otherBytes],
    ["makes no object of the parts", "CompleteMultipartUpload", broken],
    ["is out of room for a copy", "CopyObject", slowDown],
  ] as const)("and %s: the upload is refused, and is no object", async (_what, operation, fault) => {
    const bytes = archive(sizes.large);
    const headers = { Authorization: `Bearer ${distd.admin}`, "Content-Length": `${bytes.length}` };
    proxy.rule = every(operation, fault);
    const refused = await ask(`${distd.url}/api/upload`, { method: "POST", headers, body: bytes });
    expect([refused.status, JSON.parse(refused.body.toString()).error.code]).toEqual([
      503,
      "blob.write_failed",
    ]);
    proxy.rule = () => undefined;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { Authorization } = headers;
    const known = await ask(`${distd.url}/api/objects/${sha256}`, {
      method: "HEAD",
      headers: { Authorization },
    });
    expect(known.status).toBe(404);
  });

  it("leaves a store that is sound", async () => {
    proxy.rule = () => undefined;
    for (const place of [
      ["--server", distd.url],
      ["--local-store", distd.store],
    ]) {
      const { exit, json } = await verify(...place);
      expect([exit, json.problems]).toEqual([0, []]);
    }
  });

  it("and changes bytes behind its back: downloads break off, and the object is named", async () => {
    proxy.rule = () => undefined;
    const bytes = archive(MIB);
    const sha256 = await published(bytes);
    const s3 = plainS3(direct);
    const Prefix = `${direct.prefix}objects/${sha256.slice(0, 2)}/${sha256}/`;
    const { Contents = [] } = await s3.listObjectsV2({ Bucket: direct.bucket, Prefix });
    expect(Contents).toHaveLength(1);
    const changed = Buffer.from(bytes);
    changed[500_000]! ^= 1;
    await s3.putObject({ Bucket: direct.bucket, Key: Contents[0]!.Key!, Body: changed });
    s3.destroy();

    await expect(download(sha256)).rejects.toMatchObject({ code: "ECONNRESET" });
    // The connection breaks at once; the line about it is written with the others of its moment.
    await vi.waitFor(() => expect(distd.program.stdout()).toContain("blob.damaged"));
    const output = join(distd.directory, "downloaded");
    const args = ["release", "download", "--app", "acme", "--channel", "beta", "--output", output];
    const { exit } = await runDist([...args, "--server", distd.url]);
    expect([exit === 0, existsSync(output)]).toEqual([false, false]);
    for (const place of [
      ["--server", distd.url],
      ["--local-store", distd.store],
    ]) {
      const run = await verify(...place);
      expect([run.exit, run.json.ok]).toEqual([4, false]);
      expect(run.json.problems).toMatchObject([{ code: "object.damaged", target: sha256 }]);
    }
  });
});
