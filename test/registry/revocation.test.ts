import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  actionsOf,
  eventsDuring,
  openTestStore,
  outcomeOf,
  publishTar,
  type TestStore,
  textOf,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const revoke = (version: string) =>
  test.registry.revokeRelease("acme", { release: version }, { reason: "leaks" });

describe("revocation", () => {
  it("rolls back every channel that points at the release, in the same transaction", async () => {
    const a = await publishTar(test.registry, { version: "A", channel: "beta" });
    await publishTar(test.registry, { version: "B", channel: "nightly" });
    const c = await publishTar(test.registry, { version: "C", channel: "beta" });
    await test.registry.promote("acme", "nightly", { release: "C" });
    await test.registry.setChannel("acme", "stable", {});
    await test.registry.promote("acme", "stable", { release: "C" });
    test.clock.advance(1000);
    const events = await eventsDuring(test.registry, async () => {
      expect(await revoke("C")).toMatchObject({
        status: "revoked",
        revoked_at: "2026-11-20T15:00:01.000Z",
        current_in: [],
      });
    });
    expect(actionsOf(events)).toEqual([
      "release.revoked",
      "channel.rolled_back",
      "channel.rolled_back",
      "channel.rolled_back",
    ]);
    expect(new Set(events.map(({ created_at }) => created_at))).toEqual(
      new Set(["2026-11-20T15:00:01.000Z"]),
    );
    expect(events.map(({ id }) => id - events[0]!.id)).toEqual([0, 1, 2, 3]);
    expect(events[1]!.metadata).toMatchObject({
      channel: "beta",
      release_id: a.release.id,
      previous_release_id: c.release.id,
      cause: "revocation",
      reason: "leaks",
    });
    const { items } = await test.registry.listChannels("acme");
    expect(items.map(({ name, current_version }) => [name, current_version])).toEqual([
      ["beta", "A"],
      ["nightly", "B"],
      ["stable", null],
    ]);
  });

  it("of the last release leaves the channel pointing at nothing, from where a publication goes on", async () => {
    await publishTar(test.registry, { version: "A", channel: "beta" });
    await revoke("A");
    expect(await test.registry.getChannel("acme", "beta")).toMatchObject({
      current_release_id: null,
      previous_release_id: null,
      current_version: null,
      current_build: null,
    });
    expect(await outcomeOf(test.registry.rollback("acme", "beta"))).toBe("channel.no_previous_release");
    const { channel } = await publishTar(test.registry, { version: "B", channel: "beta" });
    expect(channel).toMatchObject({ previous_release_id: null });
    expect((await test.registry.rebuildStore()).problems).toEqual([]);
  });

  it("of a release that no channel points at moves nothing", async () => {
    await publishTar(test.registry, { version: "A", channel: "beta" });
    await publishTar(test.registry, { version: "B", channel: "beta" });
    const events = await eventsDuring(test.registry, () => revoke("A"));
    expect(actionsOf(events)).toEqual(["release.revoked"]);
  });

  it("is final: a second one changes nothing", async () => {
    await publishTar(test.registry, { version: "A", channel: "beta" });
    await revoke("A");
    const events = await eventsDuring(test.registry, async () => {
      expect((await revoke("A")).status).toBe("revoked");
    });
    expect(events).toEqual([]);
  });

  it("keeps the bytes and the record; only an administrator reads the bytes", async () => {
    const { artifacts } = await publishTar(test.registry, { version: "A", channel: "beta" });
    const { sha256 } = artifacts[0]!;
    expect(await outcomeOf(textOf(test.anonymous(), sha256))).toBe("ok");
    await revoke("A");
    expect(await outcomeOf(textOf(test.anonymous(), sha256))).toBe("release.revoked");
    expect(await outcomeOf(textOf(test.as(["promote"]), sha256))).toBe("release.revoked");
    expect(await outcomeOf(textOf(test.as(["admin"]), sha256))).toBe("ok");
    expect(await outcomeOf(textOf(test.as(["admin"], { app: "acme" }), sha256))).toBe("ok");
    expect(await outcomeOf(textOf(test.as(["admin"], { app: "other" }), sha256))).toBe("release.revoked");
    expect((await test.anonymous().getRelease("acme", { release: "A" })).status).toBe("revoked");
    await publishTar(test.registry, { app: "other", version: "1", text: "A" });
    expect(await outcomeOf(textOf(test.anonymous(), sha256))).toBe("ok");
  });

  it("needs promote on every channel affected", async () => {
    await publishTar(test.registry, { version: "A", channel: "beta" });
    const onBeta = test.as(["promote"], { channel: "beta" });
    await test.registry.setChannel("acme", "stable", {});
    await test.registry.promote("acme", "stable", { release: "A" });
    const ref = { release: "A" };
    expect(await outcomeOf(onBeta.revokeRelease("acme", ref))).toBe("auth.wrong_channel");
    expect(await outcomeOf(test.as(["publish"]).revokeRelease("acme", ref))).toBe("auth.missing_scope");
    expect((await test.registry.getChannel("acme", "stable")).current_version).toBe("A");
    await publishTar(test.registry, { version: "B", channel: "stable" });
    expect(await outcomeOf(onBeta.revokeRelease("acme", ref))).toBe("ok");
    expect(await outcomeOf(onBeta.revokeRelease("acme", { release: "B" }))).toBe("auth.wrong_channel");
  });
});
