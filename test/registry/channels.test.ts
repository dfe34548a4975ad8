import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { ChannelChanges } from "../../src/registry/records/channels.ts";
import {
  actionsOf,
  eventsDuring,
  openTestStore,
  outcomeOf,
  publishTar,
  type TestStore,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const versionOf = async (channel = "beta") =>
  (await test.registry.getChannel("acme", channel)).current_version;
const publishAll = async (versions: string, channel: string | null = "beta") => {
  for (const version of versions) await publishTar(test.registry, { version, channel });
};
const idOf = async (version: string) => (await test.registry.getRelease("acme", { release: version })).id;

describe("a channel's history", () => {
  it("goes back two steps with two rollbacks, and forward by promotion", async () => {
    await publishAll("ABC");
    await test.registry.rollback("acme", "beta");
    expect(await versionOf()).toBe("B");
    await test.registry.rollback("acme", "beta");
    expect(await versionOf()).toBe("A");
    await expect(test.registry.rollback("acme", "beta")).rejects.toMatchObject({
      code: "channel.no_previous_release",
    });
    await test.registry.promote("acme", "beta", { release: "C" });
    expect(await versionOf()).toBe("C");
    const history = await test.registry.channelHistory("acme", "beta");
    expect(history.items.map(({ action, version }) => `${action} ${version}`)).toEqual([
      "promoted A",
      "promoted B",
      "promoted C",
      "rolled_back B",
      "rolled_back A",
      "promoted C",
    ]);
  });

  it("pages oldest first without gap or repeat, and keeps reasons and actors", async () => {
    await publishAll("ABCDE");
    await test.registry.rollback("acme", "beta", { reason: "crashes" });
    const seen = [];
    let page = await test.registry.channelHistory("acme", "beta", { limit: 2 });
    seen.push(...page.items);
    while (page.next !== null) {
      page = await test.registry.channelHistory("acme", "beta", { limit: 2, after: page.next });
      seen.push(...page.items);
    }
    expect(seen.map(({ version }) => version)).toEqual(["A", "B", "C", "D", "E", "D"]);
    expect(seen.at(-1)).toStrictEqual({
      seq: expect.any(Number),
      action: "rolled_back",
      release_id: await idOf("D"),
      version: "D",
      build: "",
      previous_release_id: await idOf("E"),
      rollout_percent: 100,
      actor: "local:tester",
      reason: "crashes",
      at: "2026-11-20T15:00:00.000Z",
    });
  });
});

describe("promotion", () => {
  it("answers the channel as after the move", async () => {
    await publishAll("A");
    await publishAll("B", null);
    const moved = await test.registry.promote("acme", "beta", { release: "B", rollout_percent: 5 });
    expect(moved).toStrictEqual({
      app_id: expect.stringMatching(/^app_/),
      app: "acme",
      name: "beta",
      current_release_id: await idOf("B"),
      previous_release_id: await idOf("A"),
      current_version: "B",
      current_build: "",
      policy: { promote: "auto", require_validation: false, from: null, min_time_seconds: 0 },
      rollout_percent: 5,
      retention_keep: null,
      created_at: "2026-11-20T15:00:00.000Z",
      updated_at: "2026-11-20T15:00:00.000Z",
      moved: true,
    });
  });

  it("of the current release changes nothing and says so, whatever the policy and the rollout", async () => {
    await publishAll("A");
    await test.registry.setChannel("acme", "beta", { policy: { from: "nightly" }, rollout_percent: 40 });
    const events = await eventsDuring(test.registry, async () => {
      const same = await test.registry.promote("acme", "beta", { release: "A", rollout_percent: 7 });
      expect([same.moved, same.rollout_percent]).toEqual([false, 40]);
    });
    expect(events).toEqual([]);
  });

  it("refuses what is not a published release, and says why", async () => {
    await publishAll("ABC");
    await publishAll("D", null);
    await test.registry.revokeRelease("acme", { release: "D" });
    await test.registry.updateApp("acme", { retention_keep: 2 });
    await test.registry.draftRelease({ app: "acme", version: "E" });
    await test.registry.cleanupStore({ apply: true });
    const promote = (release: string) => outcomeOf(test.registry.promote("acme", "beta", { release }));
    expect(await promote("A")).toBe("release.not_published");
    expect(await promote("D")).toBe("release.not_published");
    expect(await promote("E")).toBe("release.not_published");
    expect(await promote("F")).toBe("release.not_found");
    expect(await promote("rel_01h455vb4pex5vsknk084sn02q")).toBe("release.not_found");
    expect(await promote("\ud800")).toBe("release.not_found");
    await test.registry.revokeRelease("acme", { release: "B" });
    expect(await promote("B")).toBe("release.revoked");
    const other = await publishTar(test.registry, { app: "other", version: "X" });
    expect(await promote(other.release.id)).toBe("release.not_found");
  });

  it("of a version with several builds needs the build", async () => {
    for (const build of ["", "1", "2"])
      await publishTar(test.registry, { version: "A", build, channel: "beta" });
    await expect(test.registry.promote("acme", "beta", { release: "A" })).rejects.toMatchObject({
      code: "release.ambiguous",
    });
    await test.registry.promote("acme", "beta", { release: "A", build: "" });
    expect((await test.registry.getChannel("acme", "beta")).current_build).toBe("");
  });

  it("and rollback move only from the release that is expected", async () => {
    await publishAll("AB");
    const stale = await idOf("A");
    const details = { channel: "beta", expected: stale, current_release_id: await idOf("B") };
    const moved = { code: "channel.moved", kind: "conflict", details };
    await expect(
      test.registry.promote("acme", "beta", { release: "A", expect: stale }),
    ).rejects.toMatchObject(moved);
    await expect(test.registry.rollback("acme", "beta", { expect: stale })).rejects.toMatchObject(moved);
    await test.registry.rollback("acme", "beta", { expect: await idOf("B") });
    expect(await versionOf()).toBe("A");
  });

  it("by two at once that expect the same release moves for one of them", async () => {
    await publishAll("A");
    await publishAll("BC", null);
    const expect_ = { expect: await idOf("A") };
    const outcomes = await Promise.all(
      ["B", "C"].map((release) => outcomeOf(test.registry.promote("acme", "beta", { release, ...expect_ }))),
    );
    expect(outcomes.toSorted()).toEqual(["channel.moved", "ok"]);
  });

  it("refuses a reason that fits no event, and moves nothing", async () => {
    await publishAll("AB");
    for (const reason of ["x".repeat(70_000), "\ud800"]) {
      expect(await outcomeOf(test.registry.rollback("acme", "beta", { reason }))).not.toBe("ok");
      expect(await outcomeOf(test.registry.revokeRelease("acme", { release: "B" }, { reason }))).not.toBe(
        "ok",
      );
    }
    expect(await versionOf()).toBe("B");
    expect((await test.registry.getRelease("acme", { release: "B" })).status).toBe("published");
  });
});

describe("rollback", () => {
  it("skips revoked releases", async () => {
    await publishAll("ABC");
    await test.registry.revokeRelease("acme", { release: "B" });
    const channel = await test.registry.getChannel("acme", "beta");
    expect(channel.previous_release_id).toBe(await idOf("A"));
    expect((await test.registry.rollback("acme", "beta")).current_version).toBe("A");
  });

  it("skips the release it stands on, so that it always goes somewhere", async () => {
    await publishAll("AB");
    await test.registry.promote("acme", "beta", { release: "A" });
    await test.registry.revokeRelease("acme", { release: "B" });
    const channel = await test.registry.getChannel("acme", "beta");
    expect([channel.current_version, channel.previous_release_id]).toEqual(["A", null]);
    expect(await outcomeOf(test.registry.rollback("acme", "beta"))).toBe("channel.no_previous_release");
  });

  it("skips deleted releases", async () => {
    await test.registry.createApp("acme", {});
    await test.registry.setChannel("acme", "beta", { retention_keep: 2 });
    await publishAll("ABC");
    await test.registry.cleanupStore({ apply: true });
    expect((await test.registry.getRelease("acme", { release: "A" })).status).toBe("deleted");
    await test.registry.rollback("acme", "beta");
    expect(await outcomeOf(test.registry.rollback("acme", "beta"))).toBe("channel.no_previous_release");
  });

  it("ignores policy", async () => {
    await publishAll("AB");
    await test.registry.setChannel("acme", "beta", {
      policy: { promote: "manual", from: "nightly", min_time_seconds: 60 },
    });
    expect((await test.registry.rollback("acme", "beta")).current_version).toBe("A");
  });

  it("of a channel without any release has nowhere to go", async () => {
    await test.registry.createApp("acme", {});
    await test.registry.setChannel("acme", "beta", {});
    expect(await outcomeOf(test.registry.rollback("acme", "beta"))).toBe("channel.no_previous_release");
  });
});

describe("channel settings", () => {
  it("create the channel once, keep what is absent, and record nothing when nothing changes", async () => {
    await test.registry.createApp("acme", {});
    const changes: ChannelChanges = {
      policy: { promote: "manual", from: "beta", min_time_seconds: 3600 },
      rollout_percent: 10,
      retention_keep: 3,
    };
    const events = await eventsDuring(test.registry, async () => {
      await test.registry.setChannel("acme", "stable", changes);
      await test.registry.setChannel("acme", "stable", changes);
      await test.registry.setChannel("acme", "stable", {});
      await test.registry.setChannel("acme", "stable", { policy: { require_validation: true } });
    });
    expect(actionsOf(events)).toEqual(["channel.created", "channel.updated"]);
    expect(await test.registry.getChannel("acme", "stable")).toMatchObject({
      policy: { promote: "manual", require_validation: true, from: "beta", min_time_seconds: 3600 },
      rollout_percent: 10,
      retention_keep: 3,
    });
    const cleared = { policy: { from: null }, retention_keep: null };
    expect(await test.registry.setChannel("acme", "stable", cleared)).toMatchObject({
      policy: { promote: "manual", require_validation: true, from: null, min_time_seconds: 0 },
      retention_keep: null,
    });
  });

  it.each([
    [{ retention_keep: 1 }],
    [{ retention_keep: -1 }],
    [{ retention_keep: 2.5 }],
    [{ retention_keep: Number.NaN }],
    [{ rollout_percent: -1 }],
    [{ rollout_percent: 101 }],
    [{ rollout_percent: 0.5 }],
    [{ policy: { promote: "never" } }],
    [{ policy: { from: "stable" } }],
    [{ policy: { min_time_seconds: 1 } }],
    [{ policy: { from: "beta", min_time_seconds: -1 } }],
    [{ policy: { from: "beta", min_time_seconds: 1e12 } }],
  ] as const)("refuse %j", async (changes) => {
    await test.registry.createApp("acme", {});
    expect(await outcomeOf(test.registry.setChannel("acme", "stable", changes))).toBe(
      "channel.invalid_setting",
    );
    expect((await test.registry.listChannels("acme")).items).toEqual([]);
  });

  it("take every rollout from halted to all, and 0 or at least 2 to keep", async () => {
    await test.registry.createApp("acme", {});
    for (const changes of [
      { rollout_percent: 0 },
      { rollout_percent: 100 },
      { retention_keep: 0 },
      { retention_keep: 2 },
    ])
      expect(await test.registry.setChannel("acme", "stable", changes)).toMatchObject(changes);
  });
});

describe("an app or channel that is not there", () => {
  it("is said so by every use case about channels", async () => {
    await test.registry.createApp("acme", {});
    const { registry } = test;
    const calls = (app: string, name: string) => [
      registry.getChannel(app, name),
      registry.promote(app, name, { release: "A" }),
      registry.rollback(app, name),
      registry.channelHistory(app, name),
    ];
    expect(await Promise.all(calls("none", "beta").map(outcomeOf))).toEqual(Array(4).fill("app.not_found"));
    expect(await Promise.all(calls("acme", "beta").map(outcomeOf))).toEqual(
      Array(4).fill("channel.not_found"),
    );
    expect(await outcomeOf(registry.listChannels("none"))).toBe("app.not_found");
    expect(await outcomeOf(registry.setChannel("none", "beta", {}))).toBe("app.not_found");
    expect(await outcomeOf(registry.setChannel("acme", "Beta", {}))).toBe("channel.invalid_name");
  });
});
