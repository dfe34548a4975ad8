import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { toTimestamp } from "../../src/base/clock.ts";
import { openStore } from "../../src/registry/open-store.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import {
  actionsOf,
  eventsDuring,
  eventsOf,
  openTestStore,
  outcomeOf,
  publishTar,
  sourceOf,
  type TestStore,
} from "../support/test-store.ts";

const DAY = 24 * 3600 * 1000;

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(async () => {
  await test.close();
});

const inDays = (days: number) => toTimestamp(test.clock.nowMs() + days * DAY);
/** A finalized package of a class; its one file holds `text`. */
const finalized = async (retention_class = "transient", text = retention_class) => {
  const { id } = await test.registry.createPackage({ kind: "run", retention_class });
  const { sha256 } = await test.registry.uploadObject(sourceOf(Buffer.from(text)));
  await test.registry.addPackageFiles(id, [{ path: "file", sha256 }]);
  await test.registry.finalizePackage(id);
  return id;
};
const rulesOf = async (id: string) => (await test.registry.getRetention(id)).reasons.map(({ rule }) => rule);
const sweep = () => test.registry.sweepRetention();
const retentionActions = async () =>
  actionsOf(await eventsOf(test.registry)).filter((action) => action.startsWith("retention.deletion"));

describe("a class", () => {
  it("gives its period from the creation on; years are calendar years", async () => {
    const expires = async (retention_class: string) =>
      (await test.registry.getRetention(await finalized(retention_class))).current_expires_at;
    expect(await expires("transient")).toBe("2026-11-27T15:00:00.000Z");
    expect(await expires("raw-evidence")).toBe("2027-05-19T15:00:00.000Z");
    expect(await expires("summary-evidence")).toBe("2029-11-20T15:00:00.000Z");
    expect(await expires("release-evidence")).toBe("2033-11-20T15:00:00.000Z");
    expect(await expires("permanent-record")).toBeNull();
  });

  it("is named with its default period", async () => {
    expect((await test.registry.retentionClasses()).items).toEqual([
      { name: "transient", default_duration: "7d", is_default: false },
      { name: "raw-evidence", default_duration: "180d", is_default: true },
      { name: "summary-evidence", default_duration: "3y", is_default: false },
      { name: "release-evidence", default_duration: "7y", is_default: false },
      { name: "permanent-record", default_duration: null, is_default: false },
    ]);
  });

  // Catches a period that is computed when it is looked at instead of once.
  it("changed later leaves what it gave as it was", async () => {
    const id = await finalized();
    const before = await test.registry.getRetention(id);
    const { directory, storage, clock, settings } = test;
    const other = await openStore({
      directory,
      create: false,
      storage,
      clock,
      settings: { ...settings, retentionClasses: { ...settings.retentionClasses, transient: null } },
    });
    const registry = other.as(localPrincipal("other"));
    expect(await registry.getRetention(id)).toEqual(before);
    const { id: next } = await registry.createPackage({ kind: "run", retention_class: "transient" });
    expect((await registry.getRetention(next)).current_expires_at).toBeNull();
    await other.close();
  });
});

describe("an extension", () => {
  it("moves the date later, and says why", async () => {
    const id = await finalized();
    const extended = await test.registry.extendRetention(id, {
      new_expires_at: "2027-01-01T01:00:00+01:00",
      reason: "The audit asks for it.",
    });
    expect(extended).toMatchObject({
      package_id: id,
      current_expires_at: "2027-01-01T00:00:00.000Z",
      extensions: [
        {
          new_expires_at: "2027-01-01T00:00:00.000Z",
          previous_expires_at: "2026-11-27T15:00:00.000Z",
          reason: "The audit asks for it.",
          actor: "local:tester",
        },
      ],
    });
    test.clock.advance(10 * DAY);
    expect(await rulesOf(id)).toEqual(["extension"]);
  });

  it.each([
    ["of the same date", "2026-11-27T15:00:00.000Z", "Why.", "retention.not_later"],
    ["of an earlier date", "2026-11-21T00:00:00Z", "Why.", "retention.not_later"],
    ["of a date that has passed", "2026-11-20T14:59:59Z", "Why.", "retention.not_later"],
    ["without a reason", "2027-01-01T00:00:00Z", "", "retention.reason_required"],
    ["with blanks for a reason", "2027-01-01T00:00:00Z", " \t", "retention.reason_required"],
    ["until no time", "tomorrow", "Why.", "request.invalid_time"],
    ["until a day there is not", "2027-02-30T00:00:00Z", "Why.", "request.invalid_time"],
  ])("%s is refused and changes nothing", async (_, new_expires_at, reason, code) => {
    const id = await finalized();
    const events = await eventsDuring(test.registry, async () =>
      expect(await outcomeOf(test.registry.extendRetention(id, { new_expires_at, reason }))).toBe(code),
    );
    expect(events).toEqual([]);
  });

  it("later than a date that has passed must be later than now", async () => {
    const id = await finalized();
    test.clock.advance(30 * DAY);
    const until = async (days: number) =>
      outcomeOf(test.registry.extendRetention(id, { new_expires_at: inDays(days), reason: "Why." }));
    expect(await until(0)).toBe("retention.not_later");
    expect(await until(1)).toBe("ok");
  });

  it("of what is kept for ever is refused", async () => {
    const id = await finalized("permanent-record");
    const request = { new_expires_at: inDays(1), reason: "Why." };
    expect(await outcomeOf(test.registry.extendRetention(id, request))).toBe("retention.permanent");
  });
});

describe("holds", () => {
  it("are a set: each is released by itself, and one is enough to keep", async () => {
    const id = await finalized();
    const first = await test.registry.holdPackage(id, { reason: "Dispute.", case: "A-1" });
    const second = await test.registry.holdPackage(id, { reason: "Dispute." });
    expect(first).toMatchObject({
      package_id: id,
      reason: "Dispute.",
      case: "A-1",
      actor: "local:tester",
      applied_at: "2026-11-20T15:00:00.000Z",
      released_at: null,
      released_by: null,
      release_reason: null,
    });
    test.clock.advance(8 * DAY);
    expect(await rulesOf(id)).toEqual(["hold", "hold"]);
    const released = await test.registry.releaseHold(id, first.id, { reason: "Settled." });
    expect(released).toMatchObject({ released_by: "local:tester", release_reason: "Settled." });
    expect(await test.registry.getRetention(id)).toMatchObject({
      holds: [{ id: second.id }],
      eligible_for_deletion: false,
    });
    await test.registry.releaseHold(id, second.id, { reason: "Settled." });
    expect(await test.registry.getRetention(id)).toMatchObject({
      holds: [],
      eligible_for_deletion: true,
      reasons: [{ rule: "period.ended", until: "2026-11-27T15:00:00.000Z", ref: "transient" }],
    });
  });

  it("need a reason, and are released once", async () => {
    const id = await finalized();
    const other = await finalized("transient", "other");
    const hold = await test.registry.holdPackage(id, { reason: "Dispute." });
    const { registry } = test;
    const outcomes = await eventsDuring(registry, async () => {
      expect(await outcomeOf(registry.holdPackage(id, { reason: "" }))).toBe("retention.reason_required");
      expect(await outcomeOf(registry.releaseHold(id, hold.id, { reason: "" }))).toBe(
        "retention.reason_required",
      );
      expect(await outcomeOf(registry.releaseHold(id, "hold_none", { reason: "Why." }))).toBe(
        "hold.not_found",
      );
      expect(await outcomeOf(registry.releaseHold(other, hold.id, { reason: "Why." }))).toBe(
        "hold.not_found",
      );
    });
    expect(outcomes).toEqual([]);
    await registry.releaseHold(id, hold.id, { reason: "Settled." });
    expect(await outcomeOf(registry.releaseHold(id, hold.id, { reason: "Again." }))).toBe(
      "hold.already_released",
    );
  });

  it("keep a release that has left every window", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    const { release } = await publishTar(test.registry, { version: "1", channel: "beta" });
    await test.registry.holdPackage(release.package_id, { reason: "Dispute." });
    await publishTar(test.registry, { version: "2", channel: "beta" });
    await publishTar(test.registry, { version: "3", channel: "beta" });
    expect(await rulesOf(release.package_id)).toEqual(["hold"]);
    const report = await test.registry.cleanupStore({ apply: true });
    expect(report.deleted).toEqual([]);
    expect(report.reasons[release.id]).toMatchObject([{ rule: "hold" }]);
  });
});

describe("a sweep", () => {
  it("marks once what has come to its end, and deletes nothing", async () => {
    const id = await finalized();
    await finalized("raw-evidence");
    expect(await sweep()).toMatchObject({ ok: true, marked: [], unmarked: [] });
    test.clock.advance(7 * DAY - 1);
    expect(await sweep()).toMatchObject({ marked: [] });
    test.clock.advance(1);
    expect(await test.registry.getRetention(id)).toMatchObject({
      eligible_for_deletion: true,
      marked_at: null,
    });
    const events = await eventsDuring(test.registry, async () => {
      expect(await sweep()).toEqual({
        ok: true,
        at: "2026-11-27T15:00:00.000Z",
        marked: [id],
        unmarked: [],
      });
      expect(await sweep()).toMatchObject({ marked: [], unmarked: [] });
    });
    expect(events).toMatchObject([
      { action: "retention.deletion_eligible", target_id: id, metadata: { rules: ["period.ended"] } },
    ]);
    expect(await test.registry.getRetention(id)).toMatchObject({ marked_at: "2026-11-27T15:00:00.000Z" });
    expect(await test.registry.openPackageFile(id, "file")).toMatchObject({ size_bytes: 9 });
  });

  it.each([
    ["a hold", (id: string) => test.registry.holdPackage(id, { reason: "Dispute." })],
    [
      "an extension",
      (id: string) => test.registry.extendRetention(id, { new_expires_at: inDays(1), reason: "Why." }),
    ],
  ])("is taken back by %s, in its transaction", async (_, act) => {
    const id = await finalized();
    test.clock.advance(8 * DAY);
    await sweep();
    const events = await eventsDuring(test.registry, () => act(id));
    expect(actionsOf(events)[1]).toBe("retention.deletion_ineligible");
    expect(await test.registry.getRetention(id)).toMatchObject({
      eligible_for_deletion: false,
      marked_at: null,
    });
    expect(await sweep()).toMatchObject({ marked: [], unmarked: [] });
  });

  it("marks anew what was let go again", async () => {
    const id = await finalized();
    test.clock.advance(8 * DAY);
    await sweep();
    const hold = await test.registry.holdPackage(id, { reason: "Dispute." });
    await sweep();
    await test.registry.releaseHold(id, hold.id, { reason: "Settled." });
    expect(await sweep()).toMatchObject({ marked: [id] });
    expect(await retentionActions()).toEqual([
      "retention.deletion_eligible",
      "retention.deletion_ineligible",
      "retention.deletion_eligible",
    ]);
  });

  it("marks releases that left their windows, and promotion takes that back", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    const { release } = await publishTar(test.registry, { version: "1", channel: "beta" });
    await publishTar(test.registry, { version: "2", channel: "beta" });
    expect(await sweep()).toMatchObject({ marked: [] });
    await publishTar(test.registry, { version: "3", channel: "beta" });
    expect(await sweep()).toMatchObject({ marked: [release.package_id] });
    expect(await sweep()).toMatchObject({ marked: [], unmarked: [] });
    const events = await eventsDuring(test.registry, () =>
      test.registry.promote("acme", "beta", { release: "1" }),
    );
    expect(actionsOf(events)).toEqual(["channel.promoted", "retention.deletion_ineligible"]);
  });

  it("takes back itself what a wider window keeps again", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    const { release } = await publishTar(test.registry, { version: "1", channel: "beta" });
    await publishTar(test.registry, { version: "2", channel: "beta" });
    await publishTar(test.registry, { version: "3", channel: "beta" });
    await sweep();
    await test.registry.updateApp("acme", { retention_keep: 3 });
    expect(await sweep()).toMatchObject({ marked: [], unmarked: [release.package_id] });
  });

  it("marks a release of a class when its period ends after it left its windows", async () => {
    await test.registry.createApp("acme", { retention_keep: 2, retention_class: "transient" });
    const { release } = await publishTar(test.registry, { version: "1", channel: "beta" });
    await publishTar(test.registry, { version: "2", channel: "beta" });
    await publishTar(test.registry, { version: "3", channel: "beta" });
    expect(await sweep()).toMatchObject({ marked: [] });
    test.clock.advance(7 * DAY);
    expect(await sweep()).toMatchObject({ marked: [release.package_id] });
  });

  it("by two at once records each transition once", async () => {
    const ids = await Promise.all(["a", "b", "c"].map((text) => finalized("transient", text)));
    const { directory, storage, clock, settings } = test;
    const other = await openStore({ directory, create: false, storage, clock, settings });
    test.clock.advance(8 * DAY);
    const reports = await Promise.all([sweep(), other.as(localPrincipal("other")).sweepRetention()]);
    await other.close();
    expect(reports.flatMap(({ marked }) => marked).toSorted()).toEqual(ids.toSorted());
    expect(await retentionActions()).toHaveLength(3);
  });

  // Catches periods that end because somebody set a clock forward and back.
  it("does not go by a clock that stands before the last event", async () => {
    await finalized();
    test.clock.advance(-1);
    expect(await outcomeOf(sweep())).toBe("clock.skew");
    test.clock.advance(1);
    expect(await outcomeOf(sweep())).toBe("ok");
  });

  it("needs the scope", async () => {
    expect(await outcomeOf(test.as(["package.write"]).sweepRetention())).toBe("auth.missing_scope");
    expect(await outcomeOf(test.as(["retention"]).sweepRetention())).toBe("ok");
    const hold = test.as(["package.write"]).holdPackage(await finalized(), { reason: "Why." });
    expect(await outcomeOf(hold)).toBe("auth.missing_scope");
  });
});

describe("the list of what may go", () => {
  it("judges by the moment it is asked, and pages by when each came to its end", async () => {
    const [a, b] = [await finalized("transient", "a"), await finalized("transient", "b")];
    await test.registry.extendRetention(b, { new_expires_at: inDays(8), reason: "Why." });
    const eligible = async (page = {}) =>
      (await test.registry.listPackages({ eligible: true, ...page })).items.map(({ id }) => id);
    expect(await eligible()).toEqual([]);
    test.clock.advance(7 * DAY);
    expect(await eligible()).toEqual([a]);
    test.clock.advance(DAY);
    expect(await eligible()).toEqual([b, a]);
    const first = await test.registry.listPackages({ eligible: true, limit: 1 });
    expect(await eligible({ limit: 1, after: first.next! })).toEqual([a]);
    await test.registry.holdPackage(a, { reason: "Dispute." });
    expect(await eligible()).toEqual([b]);
  });
});

describe("a list of packages", () => {
  const listed = async (id: string) => {
    const found = (await test.registry.listPackages()).items.find((item) => item.id === id)!;
    return [found.kept_by, found.due_at];
  };
  const releaseOf = async (id: string) =>
    (await test.registry.listPackages()).items.find((item) => item.id === id)!.release;

  it("says what keeps each, as its own record does", async () => {
    const id = await finalized();
    const until = inDays(7);
    const kept = { holds: 0, expires_at: until, channels: [] };
    expect(await listed(id)).toEqual([kept, null]);
    await test.registry.holdPackage(id, { reason: "Dispute." });
    await test.registry.holdPackage(id, { reason: "Another." });
    expect(await listed(id)).toEqual([{ ...kept, holds: 2 }, null]);
    test.clock.advance(8 * DAY);
    expect(await listed(id)).toEqual([{ ...kept, holds: 2 }, null]);
    for (const { id: one } of (await test.registry.getRetention(id)).holds)
      await test.registry.releaseHold(id, one, { reason: "Settled." });
    expect(await listed(id)).toEqual([kept, until]);
    expect((await test.registry.getRetention(id)).eligible_for_deletion).toBe(true);
    expect(await listed(await finalized("permanent-record"))).toEqual([{ ...kept, expires_at: null }, null]);
  });

  it("names the channels that point at a release", async () => {
    const { release } = await publishTar(test.registry, { version: "1", channel: "beta" });
    await test.registry.setChannel("acme", "alpha", {});
    await test.registry.promote("acme", "alpha", { release: "1" });
    expect(await listed(release.package_id)).toEqual([
      { holds: 0, expires_at: null, channels: ["alpha", "beta"] },
      null,
    ]);
    const { id: release_id, version, build } = release;
    expect(await releaseOf(release.package_id)).toEqual({ release_id, version, build });
    expect(await releaseOf(await finalized())).toBeNull();
  });
});

describe("deletion", () => {
  it("by cleanup takes what may go, and leaves record, manifest and history", async () => {
    const id = await finalized("transient", "goes");
    const kept = await finalized("raw-evidence", "stays");
    test.clock.advance(8 * DAY);
    const manifest = await test.registry.packageManifest(id);
    const dry = await test.registry.cleanupStore({});
    expect(dry.deleted).toMatchObject([
      { id, kind: "package" },
      { kind: "object", bytes: 4 },
    ]);
    expect(dry.kept).toMatchObject([{ id: kept, kind: "package" }]);
    expect(dry.reasons[id]).toMatchObject([{ rule: "period.ended" }]);
    expect(dry.reasons[kept]).toMatchObject([{ rule: "class" }]);
    expect(await test.registry.getPackage(id)).toMatchObject({ status: "finalized" });
    const applied = await test.registry.cleanupStore({ apply: true });
    expect(applied.deleted).toEqual(dry.deleted);
    expect(await test.registry.getPackage(id)).toMatchObject({
      status: "deleted",
      deleted_at: "2026-11-28T15:00:00.000Z",
      file_count: 1,
    });
    const { registry } = test;
    expect(await registry.packageManifest(id)).toEqual(manifest);
    expect((await registry.listPackageFiles(id)).items).toHaveLength(1);
    expect(await outcomeOf(registry.openPackageFile(id, "file"))).toBe("package.deleted");
    expect(await outcomeOf(registry.verifyPackage(id))).toBe("package.deleted");
    const [file] = (await registry.listPackageFiles(id)).items;
    expect(await outcomeOf(registry.openObject(file!.sha256))).toBe("package.deleted");
    expect(await registry.getRetention(id)).toMatchObject({
      eligible_for_deletion: false,
      reasons: [{ rule: "deleted" }],
    });
    expect((await registry.retentionHistory(id)).items.map(({ type }) => type)).toEqual([
      "v1.retention.default_applied",
    ]);
    for (const refused of [
      () => registry.holdPackage(id, { reason: "Late." }),
      () => registry.extendRetention(id, { new_expires_at: inDays(9), reason: "Late." }),
    ])
      expect(await outcomeOf(refused())).toBe("package.deleted");
    expect(await registry.cleanupStore({ apply: true })).toMatchObject({ deleted: [] });
    expect(await sweep()).toMatchObject({ marked: [], unmarked: [] });
    expect(await registry.verifyStore()).toMatchObject({ ok: true });
    expect(await registry.rebuildStore()).toMatchObject({ ok: true });
  });

  it("leaves bytes that another package names", async () => {
    await finalized("transient", "shared");
    const kept = await finalized("raw-evidence", "shared");
    test.clock.advance(8 * DAY);
    await test.registry.cleanupStore({ apply: true });
    expect(await test.registry.verifyPackage(kept)).toMatchObject({ ok: true });
  });

  it("takes a package that was never finalized when its period ended, too", async () => {
    const { id } = await test.registry.createPackage({ kind: "run", retention_class: "transient" });
    test.clock.advance(8 * DAY);
    expect((await test.registry.cleanupStore({ apply: true })).deleted).toMatchObject([{ id }]);
  });
});

describe("history", () => {
  it("is the retention events as recorded, paged, oldest first", async () => {
    const id = await finalized();
    const hold = await test.registry.holdPackage(id, { reason: "Dispute.", case: "A-1" });
    await test.registry.extendRetention(id, { new_expires_at: inDays(30), reason: "Why." });
    await test.registry.releaseHold(id, hold.id, { reason: "Settled." });
    const { items } = await test.registry.retentionHistory(id);
    expect(items.map(({ type }) => type)).toEqual([
      "v1.retention.default_applied",
      "v1.retention.hold_applied",
      "v1.retention.extended",
      "v1.retention.hold_released",
    ]);
    expect(items[1]).toMatchObject({
      actor: "local:tester",
      subject: id,
      data: { hold_id: hold.id, reason: "Dispute.", case: "A-1" },
    });
    const page = await test.registry.retentionHistory(id, { limit: 3 });
    expect((await test.registry.retentionHistory(id, { after: page.next! })).items).toEqual(items.slice(3));
  });
});
