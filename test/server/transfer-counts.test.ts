import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { PublishedArtifact } from "../../src/registry/records/releases.ts";
import { acmeApk, pngFile, uploadApk } from "../support/acme-apk.ts";
import { openTestStore, publishTar, sqlOn, type TestStore } from "../support/test-store.ts";
import { ask, startTransferServer, type TransferServer } from "./transfer-server.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;
let server: TransferServer;
let artifact: PublishedArtifact;

beforeAll(async () => {
  test = await openTestStore({ blobs: "directory" });
  server = await startTransferServer(test);
  artifact = (await publishTar(test.registry, { version: "1", channel: "beta" })).artifacts[0]!;
});
beforeEach(() => {
  sqlOn(test, "DELETE FROM download_day");
  sqlOn(test, "DELETE FROM download_app_day");
});
afterAll(async () => {
  await server.close();
  await test.close();
});

const get = (path: string, options: Parameters<typeof ask>[1] = {}) => ask(`${server.url}${path}`, options);

/** What is in the store once what was counted is written. */
async function counts(): Promise<string[]> {
  await test.store.downloads.flush();
  return sqlOn(test, "SELECT * FROM download_day ORDER BY day, channel").map(
    ({ day, channel, platform, count }) => `${day} ${channel || "-"} ${platform} ${Number(count)}`,
  );
}

describe("counts of downloads", () => {
  it("are of files whose first byte goes out, by the channel that led there", async () => {
    const { location } = (await get("/download/acme/beta/linux")).headers;
    await get(location!);
    await get(location!, { headers: { Range: "bytes=0-9" } });
    await get(location!, { headers: { Range: "bytes=5-9" } });
    await get(location!, { headers: { Range: "bytes=999999-" } });
    await get(location!, { method: "HEAD" });
    await get(location!, { headers: { "If-None-Match": `"${artifact.sha256}"` } });
    expect(await counts()).toEqual(["2026-11-20 beta linux 2"]);
  });

  it("add up over flushes, and know no channel that the app does not have", async () => {
    const address = `/download/${artifact.sha256}`;
    await get(`${address}?channel=beta`);
    expect(await counts()).toEqual(["2026-11-20 beta linux 1"]);
    await get(`${address}?channel=beta`);
    await get(`${address}?channel=none`);
    await get(address);
    expect(await counts()).toEqual(["2026-11-20 - linux 2", "2026-11-20 beta linux 2"]);
  });

  it("leave a signed address as good as it was, and count by its channel", async () => {
    const link = await test.registry.signDownload("acme", { release: "1" }, artifact.id);
    const seconds = Date.parse(link.expires_at) / 1000;
    const query = `artifact=${artifact.id}&expires=${seconds}&signature=${link.signature}&channel=beta`;
    const answer = await get(`/download/${artifact.sha256}?${query}`);
    expect(answer.status).toBe(200);
    expect(await counts()).toEqual(["2026-11-20 beta linux 1"]);
  });

  it("are not of manifests and icons", async () => {
    const apk = await uploadApk(test.registry, acmeApk({ icon: pngFile() }));
    await test.registry.publish({ app: "pictured", version: "1", artifacts: [apk] });
    const release = await test.registry.getRelease("pictured", { release: "1" });
    const { id, icon_sha256: icon } = release.artifacts[0]!;
    for (const sha256 of [release.manifest_sha256, icon]) {
      expect((await get(`/download/${sha256}?artifact=${id}`)).status).toBe(200);
    }
    expect(await counts()).toEqual([]);
  });

  it("stay in memory when they cannot be written, and are written with the next", async () => {
    await get(`/download/${artifact.sha256}?channel=beta`);
    sqlOn(test, "ALTER TABLE download_day RENAME TO away");
    await expect(test.store.downloads.flush()).rejects.toThrow();
    sqlOn(test, "ALTER TABLE away RENAME TO download_day");
    await get(`/download/${artifact.sha256}?channel=beta`);
    expect(await counts()).toEqual(["2026-11-20 beta linux 2"]);
  });

  // Somebody who made up channels or releases would fill the memory of a server whose database is away.
  it("are bounded in memory: past a number of channels they have none", async () => {
    const file = { app_id: "app_1", release_id: "rel_1", platform: "linux" };
    for (let n = 0; n < 6_000; n += 1) test.store.downloads.count({ ...file, channel: `c${n}` });
    for (let n = 0; n < 6_000; n += 1)
      test.store.downloads.count({ ...file, release_id: `rel_${n}`, channel: "" });
    await test.store.downloads.flush();
    const [row] = sqlOn(test, "SELECT count(*) AS n FROM download_day");
    expect(Number(row!["n"])).toBe(5_000);
    const [first] = sqlOn(test, "SELECT count FROM download_day WHERE channel = '' AND release_id = 'rel_1'");
    expect(Number(first!["count"])).toBe(3_001);
  });

  it("go after 400 days", async () => {
    await get(`/download/${artifact.sha256}`);
    await test.store.downloads.flush();
    test.clock.advance(400 * DAY_MS);
    await test.store.dropExpiredState();
    expect(await counts()).toEqual(["2026-11-20 - linux 1"]);
    test.clock.advance(DAY_MS);
    await test.store.dropExpiredState();
    expect(await counts()).toEqual([]);
  });
});
