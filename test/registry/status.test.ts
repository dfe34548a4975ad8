import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Inspection } from "../../src/inspect/inspection.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { demosApk, uploadApk } from "../support/acme-apk.ts";
import {
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  sqlOn,
  tarArtifact,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";

const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

async function decisions(registry: Registry = test.registry) {
  return (await registry.storeDecisions()).decisions;
}

/** Kind, severity, channel and version of each. */
async function lines(registry?: Registry): Promise<string[]> {
  return (await decisions(registry)).map(({ kind, severity, app, channel, version }) =>
    [kind, severity, app, channel, version].filter((part) => part !== null).join(" "),
  );
}

describe("what needs a decision", () => {
  it("is nothing in an empty store, whose health shows all the same", async () => {
    const { decisions: none, more, log_head: head, health } = await test.registry.storeDecisions();
    expect([none, more, head]).toEqual([[], [], 0]);
    expect(health?.storage.problems).toEqual([]);
    expect(health?.database.size_bytes).toBeGreaterThan(0);
  });

  it("is a release that may go on, once its time has come, until it does", async () => {
    await test.registry.createApp("acme", {});
    await test.registry.setChannel("acme", "stable", { policy: { from: "beta", min_time_seconds: 3600 } });
    const { release } = await publishTar(test.registry, { version: "1", build: "7", channel: "beta" });
    const [early] = await decisions();
    expect(early).toMatchObject({
      kind: "release.waiting",
      severity: "info",
      due_at: "2026-11-20T16:00:00.000Z",
      message: "1 (7) may go from beta to stable from 2026-11-20 16:00 UTC on.",
    });
    test.clock.advance(HOUR_MS);
    const [due] = await decisions();
    expect(due).toMatchObject({
      severity: "act",
      message: "1 (7) can go from beta to stable: every rule passes.",
      command: `dist release promote --app acme --channel stable ${release.id}`,
      since: "2026-11-20T15:00:00.000Z",
    });
    await test.registry.promote("acme", "stable", { release: release.id });
    expect(await lines()).toEqual([]);
  });

  // What was rolled back was judged already: it must not be offered again and again.
  it("is no release that the channel had before, and none older than what it has", async () => {
    await test.registry.createApp("acme", {});
    await test.registry.setChannel("acme", "stable", { policy: { from: "beta" } });
    await publishTar(test.registry, { version: "1", channel: "beta" });
    await test.registry.promote("acme", "stable", { release: "1" });
    test.clock.advance(HOUR_MS);
    await publishTar(test.registry, { version: "2", channel: "beta" });
    expect(await lines()).toEqual(["release.waiting act acme stable 2"]);
    await test.registry.promote("acme", "stable", { release: "2" });
    await test.registry.rollback("acme", "stable");
    expect(await lines()).toEqual([]);
  });

  it("is a release published for a channel that is promoted by hand, the latest one only", async () => {
    await test.registry.createApp("acme", {});
    await test.registry.setChannel("acme", "stable", { policy: { promote: "manual" } });
    await publishTar(test.registry, { version: "1", channel: "stable" });
    test.clock.advance(HOUR_MS);
    await publishTar(test.registry, { version: "2", channel: "stable" });
    expect(await lines()).toEqual(["release.waiting act acme stable 2"]);
    await test.registry.promote("acme", "stable", { release: "2" });
    expect(await lines()).toEqual([]);
  });

  it("is a rollout that stands still", async () => {
    await publishTar(test.registry, { version: "1", channel: "stable" });
    await test.registry.setChannel("acme", "stable", { rollout_percent: 25 });
    const [partial] = await decisions();
    expect(partial).toMatchObject({
      kind: "rollout.partial",
      message: "stable offers 1 to 25 % of devices; it does not widen by itself.",
      command: "dist channel set --app acme --channel stable --rollout-percent 100",
    });
    await test.registry.setChannel("acme", "stable", { rollout_percent: 0 });
    expect(await lines()).toEqual(["rollout.halted act acme stable 1"]);
  });

  it("is what inspection says of a current release, and when its signature ends", async () => {
    await publishTar(test.registry, { version: "1", channel: "stable" });
    await publishTar(test.registry, { version: "2", channel: "beta" });
    sqlOn(test, "UPDATE artifact SET warnings = 1, signed_until = '2026-12-01T00:00:00.000Z'");
    expect((await lines()).toSorted()).toEqual([
      "certificate.expiring warn acme beta 2",
      "certificate.expiring warn acme stable 1",
      "release.findings warn acme beta 2",
      "release.findings warn acme stable 1",
    ]);
    test.clock.advance(11 * DAY_MS);
    const [, , ...expired] = (await lines()).toSorted().toReversed();
    expect(expired).toEqual([
      "certificate.expiring act acme stable 1",
      "certificate.expiring act acme beta 2",
    ]);
  });

  // The date comes out of the file itself, as inspection found it.
  it("is an app whose signer's certificate ends soon", async () => {
    const apk = await uploadApk(test.registry, await demosApk());
    await test.registry.publish({ app: "demos", version: "1.0", channel: "stable", artifacts: [apk] });
    const { artifacts } = await test.registry.getRelease("demos", { release: "1.0" });
    const { identity } = artifacts[0]!.metadata["inspection"] as unknown as Inspection;
    const end = identity.signers[0]!.expires_at!;
    const kinds = async () => (await decisions()).map(({ kind, due_at: due }) => `${kind} ${due}`);
    test.clock.advance(Date.parse(end) - test.clock.nowMs() - 31 * DAY_MS);
    expect(await kinds()).not.toContain(`certificate.expiring ${end}`);
    test.clock.advance(2 * DAY_MS);
    expect(await kinds()).toContain(`certificate.expiring ${end}`);
  });

  it("is a token that ends soon, packages that may go, and a forgotten draft", async () => {
    await test.registry.createToken({ name: "ci", scopes: ["publish"], expires_in: "13d" });
    await test.registry.createToken({ name: "later", scopes: ["publish"], expires_in: "40d" });
    const { id } = await test.registry.createPackage({ kind: "run", retention_class: "transient" });
    const { sha256 } = await test.registry.uploadObject(sourceOf(Buffer.from("four")));
    await test.registry.addPackageFiles(id, [{ path: "a", sha256 }]);
    await test.registry.finalizePackage(id);
    expect(await lines()).toEqual(["token.expiring warn"]);
    test.clock.advance(8 * DAY_MS);
    await test.registry.sweepRetention();
    test.clock.advance(HOUR_MS);
    await test.registry.draftRelease({ app: "acme", version: "1", channel: "beta" });
    test.clock.advance(DAY_MS);
    const found = await decisions();
    expect(found.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
      "draft.idle: The draft of 1 was touched last at 2026-11-28 16:00 UTC; cleanup may take it from 2026-12-05 16:00 UTC on.",
      "package.eligible: Nothing keeps 1 package, 4 B any more. Nothing is deleted until somebody says so.",
      "token.expiring: The token ci ends at 2026-12-03 15:00 UTC.",
    ]);
    expect(found[1]).toMatchObject({ count: 1, size_bytes: 4, command: "dist store cleanup" });
  });

  it("is cut at 25 of a kind, and says so", async () => {
    const sha256 = await uploadTar(test.registry, "one");
    for (let n = 0; n < 26; n += 1) {
      await test.registry.publish({
        app: `app-${n}`,
        version: "1",
        channel: "stable",
        artifacts: [tarArtifact(sha256)],
      });
      await test.registry.setChannel(`app-${n}`, "stable", { rollout_percent: 50 });
    }
    const { decisions: found, more } = await test.registry.storeDecisions();
    expect(found).toHaveLength(25);
    expect(more).toEqual(["rollout.partial"]);
  });
});

describe("who asks", () => {
  beforeEach(async () => {
    for (const app of ["acme", "other"]) {
      for (const channel of ["beta", "stable"]) {
        await publishTar(test.registry, { app, version: `${channel}-1`, channel });
        await test.registry.setChannel(app, channel, { rollout_percent: 50 });
      }
    }
    await test.registry.createToken({ name: "a", scopes: ["read"], app: "acme", expires_in: "1d" });
    await test.registry.createToken({ name: "o", scopes: ["read"], app: "other", expires_in: "1d" });
  });

  it("sees decisions about their app and channel alone, and only of what their scopes are about", async () => {
    expect(await lines(test.as(["read"]))).toHaveLength(4);
    expect((await lines(test.as(["read"], { app: "acme" }))).toSorted()).toEqual([
      "rollout.partial warn acme beta beta-1",
      "rollout.partial warn acme stable stable-1",
    ]);
    expect(await lines(test.as(["read"], { app: "acme", channel: "beta" }))).toEqual([
      "rollout.partial warn acme beta beta-1",
    ]);
    expect(await lines(test.as(["token"], { app: "other" }))).toEqual(["token.expiring warn other"]);
    expect(await lines(test.as(["package.read"]))).toEqual([]);
    expect(await lines(test.as(["admin"], { app: "not-there-yet" }))).toEqual([]);
    expect(await outcomeOf(test.anonymous().storeDecisions())).toBe("auth.missing_token");
  });

  it("sees the store's health only with audit over all of it: it names machines", async () => {
    const health = async (registry: Registry) => (await registry.storeDecisions()).health;
    expect(await health(test.as(["audit"]))).not.toBeNull();
    expect(await health(test.as(["audit"], { app: "acme" }))).toBeNull();
    expect(await health(test.as(["publish", "promote", "token"]))).toBeNull();
  });
});
