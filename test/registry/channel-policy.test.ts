import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openTestStore, outcomeOf, publishTar, sqlOn, type TestStore } from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const HOUR_MS = 3600 * 1000;
const promote = (release: string) => test.registry.promote("acme", "stable", { release });
const publish = (version: string, channel: string | null) => publishTar(test.registry, { version, channel });
const refusedBy = (rule: string, facts: object = {}) => ({
  code: "channel.policy_refused",
  kind: "conflict",
  details: { rule, channel: "stable", ...facts },
});

describe("the policy rule", () => {
  it("manual stops publications only", async () => {
    await publish("A", null);
    await test.registry.setChannel("acme", "stable", { policy: { promote: "manual" } });
    expect(await publish("B", "stable")).toMatchObject({
      status: "published",
      channel: { promoted: false, refusal: { details: { rule: "manual" } } },
    });
    expect((await promote("A")).moved).toBe(true);
    expect((await publish("C", "stable")).channel?.current_release_id).toBe(
      (await test.registry.getRelease("acme", { release: "A" })).id,
    );
  });

  it("require_validation refuses a failed artifact and lets passed and pending ones in", async () => {
    await publish("A", null);
    await test.registry.setChannel("acme", "stable", { policy: { require_validation: true } });
    // No use case publishes a failed artifact; one that an inspection of a later version fails would look like this.
    const { artifacts } = await test.registry.getRelease("acme", { release: "A" });
    const validation = (status: string) => sqlOn(test, "UPDATE artifact SET validation_status = ?", status);
    validation("failed");
    await expect(promote("A")).rejects.toMatchObject(
      refusedBy("require_validation", { artifacts: artifacts.map(({ id }) => id) }),
    );
    validation("pending");
    expect((await promote("A")).moved).toBe(true);
  });

  it("from takes only releases that were current there, by hand and by publication", async () => {
    await publish("A", "beta");
    await publish("B", "nightly");
    await test.registry.setChannel("acme", "stable", { policy: { from: "beta" } });
    await expect(promote("B")).rejects.toMatchObject(refusedBy("from", { from: "beta" }));
    expect((await publish("C", "stable")).channel).toMatchObject({ refusal: { details: { rule: "from" } } });
    await publish("D", "beta");
    expect((await promote("A")).current_version).toBe("A");
  });

  it("min_time counts all the time as current there, and only that", async () => {
    await publish("A", "beta");
    await test.registry.setChannel("acme", "stable", { policy: { from: "beta", min_time_seconds: 3600 } });
    test.clock.advance(HOUR_MS / 2);
    await publish("B", "beta");
    test.clock.advance(10 * HOUR_MS);
    await expect(promote("A")).rejects.toMatchObject(
      refusedBy("min_time", { from: "beta", min_time_seconds: 3600, time_seconds: 1800 }),
    );
    await test.registry.rollback("acme", "beta");
    test.clock.advance(HOUR_MS / 2 - 1);
    await expect(promote("A")).rejects.toMatchObject(refusedBy("min_time", { time_seconds: 3599 }));
    test.clock.advance(1);
    expect((await promote("A")).current_version).toBe("A");
    expect((await promote("B")).current_version).toBe("B");
  });

  it("min_time is not met by setting the clock back", async () => {
    await publish("A", "beta");
    await test.registry.setChannel("acme", "stable", { policy: { from: "beta", min_time_seconds: 60 } });
    test.clock.advance(-HOUR_MS);
    await expect(promote("A")).rejects.toMatchObject(refusedBy("min_time", { time_seconds: 0 }));
  });

  it("from names a channel of the same app", async () => {
    await publishTar(test.registry, { app: "other", version: "A", channel: "beta" });
    await publish("A", null);
    await test.registry.setChannel("acme", "stable", { policy: { from: "beta" } });
    await expect(promote("A")).rejects.toMatchObject(refusedBy("from"));
  });
});

describe("the rollout percent", () => {
  it("belongs to the pointing: promotion sets it, channel set widens it, the next promotion starts at 100", async () => {
    for (const version of ["A", "B"]) await publish(version, null);
    await test.registry.setChannel("acme", "stable", {});
    const percent = async () => (await test.registry.getChannel("acme", "stable")).rollout_percent;
    await test.registry.promote("acme", "stable", { release: "A", rollout_percent: 0 });
    expect(await percent()).toBe(0);
    await test.registry.setChannel("acme", "stable", { rollout_percent: 60 });
    expect(await percent()).toBe(60);
    await promote("B");
    expect(await percent()).toBe(100);
  });

  it.each([-1, 101, 1.5, Number.NaN])("cannot be %d", async (percent) => {
    await publish("A", null);
    await test.registry.setChannel("acme", "stable", {});
    expect(
      await outcomeOf(test.registry.promote("acme", "stable", { release: "A", rollout_percent: percent })),
    ).toBe("channel.invalid_setting");
  });
});

describe("a reason", () => {
  it("is bounded and well-formed, whatever is done for it", async () => {
    const { registry } = test;
    await publishTar(registry, { version: "1", channel: "beta" });
    await publishTar(registry, { version: "2", channel: "beta" });
    for (const reason of ["x".repeat(1025), "\ud800"]) {
      const refused = { code: "request.invalid_reason" };
      await expect(registry.rollback("acme", "beta", { reason })).rejects.toMatchObject(refused);
      await expect(registry.promote("acme", "beta", { release: "1", reason })).rejects.toMatchObject(refused);
      await expect(registry.revokeRelease("acme", { release: "2" }, { reason })).rejects.toMatchObject(
        refused,
      );
    }
    expect((await registry.getChannel("acme", "beta")).current_version).toBe("2");
  });
});
