import { afterEach, beforeEach, describe, expect, it } from "vitest";

import {
  actionsOf,
  eventsDuring,
  openTestStore,
  outcomeOf,
  publishTar,
  sqlOn,
  type TestStore,
  textOf,
  uploadTar,
} from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const DAY_MS = 24 * 3600 * 1000;
const publishAll = async (versions: string, channel: string | null = "beta") => {
  for (const version of versions) {
    await publishTar(test.registry, { version, channel });
    test.clock.advance(1000);
  }
};
const cleanup = (apply = true) => test.registry.cleanupStore({ apply });

/** The versions of `acme` that still stand, in order, after a cleanup. */
async function standing(): Promise<string> {
  await cleanup();
  const { items } = await test.registry.listReleases("acme");
  return items
    .map(({ version }) => version)
    .toSorted()
    .join("");
}

describe("a window over a channel", () => {
  it("of 0 keeps every release it ever pointed at, revoked ones too", async () => {
    await publishAll("ABCDE");
    await test.registry.revokeRelease("acme", { release: "B" });
    expect(await standing()).toBe("ABCDE");
  });

  it("of the app's N keeps the current and the N-1 pointed at most recently", async () => {
    await test.registry.createApp("acme", { retention_keep: 3 });
    await publishAll("ABCDE");
    expect(await standing()).toBe("CDE");
  });

  it("of the channel's own N beats the app's, also where that is 0", async () => {
    await publishAll("ABCD");
    await publishAll("WXYZ", "rc");
    await test.registry.setChannel("acme", "beta", { retention_keep: 2 });
    expect(await standing()).toBe("CDWXYZ");
    await test.registry.updateApp("acme", { retention_keep: 3 });
    await test.registry.setChannel("acme", "beta", { retention_keep: 0 });
    expect(await standing()).toBe("CDXYZ");
    await test.registry.setChannel("acme", "beta", { retention_keep: null });
    await publishAll("EF");
    expect(await standing()).toBe("DEFXYZ");
  });

  it("counts by when a release was last pointed at, not by when it was made", async () => {
    await test.registry.createApp("acme", {});
    await test.registry.setChannel("acme", "beta", { retention_keep: 3 });
    await publishAll("ABCD");
    await test.registry.promote("acme", "beta", { release: "A" });
    expect(await standing()).toBe("ACD");
  });

  it("counts a release once, however often the channel came back to it", async () => {
    await test.registry.createApp("acme", { retention_keep: 3 });
    await publishAll("ABC");
    for (const release of ["B", "C", "B", "C"]) await test.registry.promote("acme", "beta", { release });
    expect(await standing()).toBe("ABC");
  });

  it("gives no place to revoked releases, and lets them go", async () => {
    await test.registry.createApp("acme", { retention_keep: 3 });
    await publishAll("ABCDE");
    await test.registry.revokeRelease("acme", { release: "D" });
    expect(await standing()).toBe("BCE");
  });

  it("holds whatever any channel points at, however old", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("A", "lts");
    await publishAll("ABCD".slice(1));
    await test.registry.setChannel("acme", "old", {});
    await test.registry.promote("acme", "old", { release: "B" });
    expect(await standing()).toBe("ABCD");
  });

  it("and another must both let go", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABCD");
    await test.registry.setChannel("acme", "stable", { retention_keep: 3 });
    for (const release of ["A", "C", "D"]) await test.registry.promote("acme", "stable", { release });
    expect(await standing()).toBe("ACD");
  });

  it("keeps a release one promoted back to before the deletion got to it", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABCD");
    const { deleted } = await cleanup(false);
    expect(deleted.filter(({ kind }) => kind === "release")).toHaveLength(2);
    await test.registry.promote("acme", "beta", { release: "A" });
    expect(await standing()).toBe("AD");
  });
});

describe("releases that were never on a channel", () => {
  it("form one window under the app's value", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("XYZ");
    await publishAll("ABCD", null);
    expect(await standing()).toBe("CDYZ");
  });

  it("are all kept by 0, and leave the window when a channel takes them", async () => {
    await publishAll("ABC", null);
    expect(await standing()).toBe("ABC");
    await test.registry.updateApp("acme", { retention_keep: 2 });
    await test.registry.setChannel("acme", "beta", {});
    await test.registry.promote("acme", "beta", { release: "C" });
    expect(await standing()).toBe("ABC");
  });

  it("give no place to revoked ones", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABC", null);
    await test.registry.revokeRelease("acme", { release: "C" });
    expect(await standing()).toBe("AB");
  });
});

describe("a retention class", () => {
  it("keeps a release that left every window until its period ends, to the millisecond", async () => {
    await test.registry.createApp("acme", { retention_keep: 2, retention_class: "transient" });
    const { release } = await publishTar(test.registry, { version: "A", channel: "beta" });
    for (const version of ["B", "C"]) await publishTar(test.registry, { version, channel: "beta" });
    test.clock.advance(7 * DAY_MS - 1);
    const { reasons } = await cleanup();
    expect(reasons[release.id]).toMatchObject([
      { rule: "class", until: "2026-11-27T15:00:00.000Z", ref: "transient" },
    ]);
    test.clock.advance(1);
    expect(await standing()).toBe("BC");
  });

  it("without an end keeps for good, and an app without a class leaves it to the windows", async () => {
    await test.registry.createApp("acme", { retention_keep: 2, retention_class: "permanent-record" });
    await publishAll("A");
    await test.registry.updateApp("acme", { retention_class: null });
    await publishAll("BCD");
    test.clock.advance(20 * 365 * DAY_MS);
    expect(await standing()).toBe("ACD");
  });

  it("whose period ended does not delete what a window keeps", async () => {
    await test.registry.createApp("acme", { retention_class: "transient" });
    await publishAll("AB");
    test.clock.advance(30 * DAY_MS);
    expect(await standing()).toBe("AB");
  });
});

describe("bytes", () => {
  const objects = () => sqlOn(test, "SELECT sha256 FROM storage_location").map(({ sha256 }) => sha256);

  it("that somebody leases stay until the lease ends", async () => {
    const sha256 = await uploadTar(test.as(["publish"]), "waiting");
    test.clock.advance(DAY_MS - 1);
    expect((await cleanup()).deleted).toEqual([]);
    test.clock.advance(1);
    expect((await cleanup()).deleted).toEqual([{ id: sha256, kind: "object", bytes: expect.any(Number) }]);
    expect(objects()).toEqual([]);
    expect(sqlOn(test, "SELECT * FROM lease")).toEqual([]);
  });

  it("stay while any live release refers to them, and go with the last", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    const first = await publishTar(test.registry, { version: "A", channel: "beta", text: "shared" });
    const { sha256 } = first.artifacts[0]!;
    await publishAll("B");
    await publishTar(test.registry, { version: "C", channel: "beta", text: "shared" });
    expect(await standing()).toBe("BC");
    expect(await textOf(test.registry, sha256)).toContain("shared");
    await publishAll("DE");
    const { deleted } = await cleanup();
    expect(deleted.map(({ id }) => id)).toContain(sha256);
    expect(objects()).not.toContain(sha256);
    expect(await outcomeOf(textOf(test.registry, sha256))).toBe("package.deleted");
  });

  it("shared with another app stay for that app", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABC");
    const { artifacts } = await publishTar(test.registry, { app: "other", version: "1", text: "A" });
    expect(await standing()).toBe("BC");
    expect(await textOf(test.anonymous(), artifacts[0]!.sha256)).toContain("A");
  });

  it("that come back after their deletion are stored again", async () => {
    await uploadTar(test.registry, "x");
    test.clock.advance(DAY_MS);
    const events = await eventsDuring(test.registry, async () => {
      await cleanup();
      await publishTar(test.registry, { version: "A", text: "x" });
    });
    expect(actionsOf(events).slice(0, 3)).toEqual(["object.deleted", "store.cleaned", "object.stored"]);
    expect((await test.registry.verifyStore()).problems).toEqual([]);
  });
});

describe("a deleted release", () => {
  it("keeps its record, file list and manifest, and its version stays taken", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    const { release, artifacts } = await publishTar(test.registry, { version: "A", channel: "beta" });
    await publishAll("BC");
    expect(await standing()).toBe("BC");
    for (const ref of [release.id, "A"]) {
      expect(await test.anonymous().getRelease("acme", { release: ref })).toMatchObject({
        id: release.id,
        status: "deleted",
        deleted_at: expect.any(String),
        current_in: [],
        manifest_sha256: release.manifest_sha256,
        url: release.url,
        artifacts: [{ id: artifacts[0]!.id, sha256: artifacts[0]!.sha256, url: null }],
      });
    }
    const files = sqlOn(test, "SELECT path FROM package_file WHERE package_id = ?", release.package_id);
    expect(files.map(({ path }) => path)).toEqual(["linux/universal/acme.tar.gz"]);
    expect(await outcomeOf(textOf(test.anonymous(), artifacts[0]!.sha256))).toBe("package.deleted");
    expect(await outcomeOf(publishTar(test.registry, { version: "A" }))).toBe("transaction.integrity");
    expect(await outcomeOf(test.registry.promote("acme", "beta", { release: "A" }))).toBe(
      "release.not_published",
    );
    expect((await test.registry.rebuildStore()).problems).toEqual([]);
    expect((await test.registry.verifyStore()).problems).toEqual([]);
  });

  it("has one event for itself, its package and each object, and the run one of its own", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABC");
    const events = await eventsDuring(test.registry, () => cleanup());
    expect(actionsOf(events)).toEqual([
      "release.deleted",
      "package.deleted",
      "object.deleted",
      "store.cleaned",
    ]);
    expect(events.at(-1)!.metadata).toMatchObject({ releases: 1, drafts: 0, objects: 1 });
  });

  it("is deleted once: a second run finds nothing and records nothing", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABC");
    await cleanup();
    const events = await eventsDuring(test.registry, async () => {
      expect((await cleanup()).deleted).toEqual([]);
    });
    expect(events).toEqual([]);
  });
});

describe("a dry run", () => {
  it("says exactly what applying does, and changes nothing", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABCDE");
    await publishAll("VWXY", null);
    await test.registry.revokeRelease("acme", { release: "E" });
    await test.registry.draftRelease({ app: "acme", version: "idle" });
    await uploadTar(test.registry, "left over");
    test.clock.advance(7 * DAY_MS);
    await test.registry.draftRelease({ app: "acme", version: "open" });
    await uploadTar(test.registry, "fresh");
    const rows = () =>
      ["lease", "log_head", "storage_location"].map((table) =>
        sqlOn(test, `SELECT * FROM ${table} ORDER BY 1, 2`),
      );
    const before = rows();
    let dry: Awaited<ReturnType<typeof cleanup>> | undefined;
    const events = await eventsDuring(test.registry, async () => {
      dry = await test.registry.cleanupStore();
    });
    expect(events).toEqual([]);
    expect(rows()).toEqual(before);
    expect(dry!.applied).toBe(false);
    const kinds = Map.groupBy(dry!.deleted, ({ kind }) => kind);
    expect([kinds.get("release")?.length, kinds.get("draft")?.length]).toEqual([5, 1]);
    // Of five releases and the upload nobody published.
    expect(kinds.get("object")).toHaveLength(6);
    expect(await cleanup()).toEqual({ ...dry!, applied: true });
  });

  it("and its application reach beyond the rows that are read at once", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    for (let index = 0; index < 140; index++)
      await publishTar(test.registry, { version: `${index}`, channel: "beta" });
    const dry = await cleanup(false);
    const kinds = Map.groupBy(dry.deleted, ({ kind }) => kind);
    expect([kinds.get("release")?.length, kinds.get("object")?.length]).toEqual([138, 138]);
    expect(await cleanup()).toEqual({ ...dry, applied: true });
    expect((await test.registry.listReleases("acme")).items.map(({ version }) => version)).toEqual([
      "139",
      "138",
    ]);
  });

  it("gives a reason for everything it names", async () => {
    await test.registry.createApp("acme", { retention_keep: 2 });
    await publishAll("ABC");
    const { kept, deleted, reasons } = await cleanup(false);
    expect([...kept, ...deleted].map(({ id }) => id).toSorted()).toEqual(Object.keys(reasons).toSorted());
    const ruleOf = async (version: string) =>
      reasons[(await test.registry.getRelease("acme", { release: version })).id]!.map(({ rule }) => rule);
    expect(await ruleOf("A")).toEqual(["window.left"]);
    expect(await ruleOf("B")).toEqual(["channel.window"]);
    expect(await ruleOf("C")).toEqual(["channel.current", "channel.window"]);
  });
});
