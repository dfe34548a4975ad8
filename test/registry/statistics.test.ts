import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openTestStore, outcomeOf, publishTar, type TestStore } from "../support/test-store.ts";

const DAY_MS = 24 * 3600 * 1000;

let test: TestStore;

/** Counts downloads of a version's file by a channel, today. */
async function download(app: string, version: string, channel: string, times: number): Promise<void> {
  const { artifacts } = await test.registry.getRelease(app, { release: version });
  const { counted } = await test.registry.openObject(artifacts[0]!.sha256, {
    artifact: artifacts[0]!.id,
    channel,
  });
  for (let n = 0; n < times; n += 1) test.store.downloads.count(counted!);
  await test.store.downloads.flush();
}

beforeAll(async () => {
  test = await openTestStore();
  await publishTar(test.registry, { version: "1", build: "7", channel: "beta" });
  await publishTar(test.registry, { version: "2", channel: "nightly" });
  await download("acme", "1", "beta", 3);
  test.clock.advance(2 * DAY_MS);
  await publishTar(test.registry, { version: "3", channel: "beta" });
  await download("acme", "1", "", 1);
  await download("acme", "3", "beta", 2);
});
afterAll(() => test.close());

describe("an app's statistics", () => {
  it("count downloads and publications by day, latest first", async () => {
    const { downloads, published, ...period } = await test.registry.appStatistics("acme");
    expect(period).toEqual({ app: "acme", from: "2026-10-24", to: "2026-11-22" });
    expect(
      downloads.map(({ day, channel, version, build, platform, downloads: count }) =>
        [day, channel, version, build, platform, count].join(" "),
      ),
    ).toEqual(["2026-11-22 beta 3  linux 2", "2026-11-22  1 7 linux 1", "2026-11-20 beta 1 7 linux 3"]);
    expect(published).toEqual([
      { day: "2026-11-22", releases: 1 },
      { day: "2026-11-20", releases: 2 },
    ]);
  });

  it("are of the days and the channel that are asked for", async () => {
    const { from, downloads } = await test.registry.appStatistics("acme", { days: 2 });
    expect(from).toBe("2026-11-21");
    expect(downloads.map(({ day }) => day)).toEqual(["2026-11-22", "2026-11-22"]);
    const beta = await test.registry.appStatistics("acme", { channel: "beta" });
    expect(beta.downloads.map(({ downloads: count }) => count)).toEqual([2, 3]);
    expect(beta.published.map(({ releases }) => releases)).toEqual([1, 1]);
  });

  it.each([0, 401, 1.5])("refuse %s days", async (days) => {
    expect(await outcomeOf(test.registry.appStatistics("acme", { days }))).toBe("statistics.invalid_days");
    expect(await outcomeOf(test.registry.storeStatistics({ days }))).toBe("statistics.invalid_days");
  });

  it("know no channel that is not there", async () => {
    expect(await outcomeOf(test.registry.appStatistics("acme", { channel: "x" }))).toBe("channel.not_found");
  });

  // A list without a bound would let one app make an answer of any size.
  it("sum what comes after 2,000 counts by the day", async () => {
    await publishTar(test.registry, { app: "busy", version: "1", channel: "beta" });
    const { artifacts, id } = await test.registry.getRelease("busy", { release: "1" });
    const { counted } = await test.registry.openObject(artifacts[0]!.sha256, { artifact: artifacts[0]!.id });
    for (let n = 0; n < 2_500; n += 1) {
      test.store.downloads.count({ ...counted!, release_id: n === 0 ? id : `rel_${n}` });
    }
    test.store.downloads.count({ ...counted!, release_id: id });
    await test.store.downloads.flush();
    const { downloads } = await test.registry.appStatistics("busy");
    expect(downloads).toHaveLength(2_001);
    expect(downloads[0]).toMatchObject({ version: "1", downloads: 2 });
    expect(downloads.at(-1)).toEqual({
      day: "2026-11-22",
      channel: null,
      release_id: null,
      version: null,
      build: null,
      platform: null,
      downloads: 500,
    });
  });
});

describe("the store's statistics", () => {
  it("count by day and app, and sum the apps after the first 50", async () => {
    for (let n = 0; n < 51; n += 1) {
      const app = `many-${n}`;
      await publishTar(test.registry, { app, version: "1", channel: "beta" });
      await download(app, "1", "beta", n + 1);
    }
    const { downloads, published } = await test.registry.storeStatistics({ days: 1 });
    expect(downloads.slice(0, 3)).toEqual([
      { day: "2026-11-22", app: "busy", downloads: 2_501 },
      { day: "2026-11-22", app: "many-50", downloads: 51 },
      { day: "2026-11-22", app: "many-49", downloads: 50 },
    ]);
    expect(downloads).toHaveLength(51);
    // many-0, many-1, and acme's three tie for the last places: what is left out is summed.
    expect(downloads.reduce((sum, row) => sum + row.downloads, 0)).toBe(2_501 + (51 * 52) / 2 + 3);
    expect(downloads.filter(({ app }) => app === null)).toHaveLength(1);
    expect(published).toHaveLength(51);
  });

  it("count the log's events by hour and day, none twice and none left out", async () => {
    const { head } = await test.registry.storeStatus();
    const { events } = await test.registry.storeStatistics({ days: 3 });
    expect(events.hours).toHaveLength(72);
    expect(events.days.map(({ day }) => day)).toEqual(["2026-11-20", "2026-11-21", "2026-11-22"]);
    const [first, second, third] = events.days.map((row) => row.events);
    expect(first! + second! + third!).toBe(head);
    const items = await test.registry.listAudit({ until: "2026-11-21T00:00:00Z", limit: 1000 });
    expect([first, second]).toEqual([items.items.length, 0]);
    expect(events.hours.at(-1)).toEqual({ hour: "2026-11-22T15:00:00.000Z", events: third });
  });
});
