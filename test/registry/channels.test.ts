import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openTestStore, publishTar, type TestStore } from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const versionOf = async () => (await test.registry.getChannel("acme", "beta")).current_version;

describe("a channel's history", () => {
  it("goes back two steps with two rollbacks, and forward by promotion", async () => {
    for (const version of ["A", "B", "C"]) await publishTar(test.registry, { version, channel: "beta" });
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
});
