import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openTestStore, outcomeOf, publishTar, sqlOn, type TestStore } from "../support/test-store.ts";

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
  await publishTar(test.registry, { version: "1", channel: "beta" });
  await test.registry.setChannel("acme", "stable", {
    policy: { require_validation: true, from: "beta", min_time_seconds: 3600 },
  });
  await publishTar(test.registry, { version: "never", channel: "nightly" });
  await publishTar(test.registry, { version: "gone", channel: "nightly" });
  await test.registry.revokeRelease("acme", { release: "gone" });
});
afterAll(() => test.close());

const check = (release: string, registry = test.registry) =>
  registry.checkPromotion("acme", "stable", { release });

/** What refuses, by rule and code. */
async function refusals(release: string, registry = test.registry): Promise<string[]> {
  const { rules, allowed } = await check(release, registry);
  const refused = rules.filter(({ passed }) => !passed).map(({ rule, code }) => `${rule} ${code}`);
  expect(allowed).toBe(refused.length === 0);
  return refused;
}

describe("the check of a promotion", () => {
  it("says for every rule of the channel whether it passes and by which fact, and moves nothing", async () => {
    const events = (await test.registry.storeStatus()).head;
    const { channel, from, to, rules, event_seq: seq } = await check("1");
    expect(channel).toMatchObject({ name: "stable", current_release_id: null });
    expect([from, to.version, seq]).toEqual([null, "1", null]);
    expect(rules.map(({ rule, passed, fact }) => [rule, passed, fact])).toEqual([
      ["published", true, "it is published"],
      ["require_validation", true, "1 of 1 artifacts passed"],
      ["from", true, "current in beta for 0 s"],
      ["min_time", false, "0 s of 1 h"],
      ["permission", true, "local:tester"],
    ]);
    expect((await test.registry.storeStatus()).head).toBe(events);
  });

  // The page that shows the rules and the act must never disagree: the same rule refuses in both.
  it.each([
    ["1", ["min_time channel.policy_refused"]],
    ["never", ["from channel.policy_refused", "min_time channel.policy_refused"]],
    ["gone", ["published release.revoked", "from channel.policy_refused", "min_time channel.policy_refused"]],
  ])("of %s names what the promotion is refused for", async (release, expected) => {
    expect(await refusals(release)).toEqual(expected);
    const code = expected[0]!.split(" ")[1];
    expect(await outcomeOf(test.registry.promote("acme", "stable", { release }))).toBe(code);
  });

  it("names failed artifacts", async () => {
    sqlOn(test, "UPDATE artifact SET validation_status = 'failed'");
    expect(await refusals("1")).toContain("require_validation channel.policy_refused");
    sqlOn(test, "UPDATE artifact SET validation_status = 'passed'");
  });

  it("passes once the time is over, for those who may promote there", async () => {
    test.clock.advance(3_600_000);
    expect(await refusals("1", test.as(["read"]))).toEqual(["permission auth.missing_scope"]);
    expect(await refusals("1", test.as(["promote"], { channel: "beta" }))).toEqual([
      "permission auth.wrong_channel",
    ]);
    expect(await refusals("1", test.as(["promote"]))).toEqual([]);
    await test.registry.promote("acme", "stable", { release: "1" });
    const { from, event_seq: seq } = await check("never");
    expect(from).toMatchObject({ version: "1" });
    expect(seq).toBe((await test.registry.storeStatus()).head);
  });
});
