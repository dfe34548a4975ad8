import type { S3 } from "@aws-sdk/client-s3";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { delay } from "../../src/base/async.ts";
import { parseDuration } from "../../src/base/duration.ts";
import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import { migrateStore } from "../../src/registry/migrate/migrate-store.ts";
import type { CleanupReport } from "../../src/registry/records/store.ts";
import type { StoreSettings } from "../../src/registry/store-settings.ts";
import { every, type FaultProxy, first, startFaultProxy } from "../blob/fault-proxy.ts";
import { lockingS3Settings, plainS3, rgwTools, testS3Settings } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import {
  openTestStore,
  outcomeOf,
  publishTar,
  RunningClock,
  sourceOf,
  sqlOn,
  testSettings,
  type TestStore,
} from "../support/test-store.ts";

/** Seconds in place of months: what these tests wait for runs out on the object store's own clock. */
const AHEAD_MS = 8_000;
const lockSettings: Partial<StoreSettings> = {
  lockAheadMs: AHEAD_MS,
  retentionClasses: { ...testSettings.retentionClasses, transient: parseDuration("2s") },
};

needs(...rgwTools)("a store whose bucket has object lock", () => {
  let directory: string;
  let bucket: S3Settings;
  let proxy: FaultProxy;
  let test: TestStore;
  let s3: S3;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "dist-lock-"));
    bucket = await lockingS3Settings();
    proxy = await startFaultProxy(bucket.endpoint!);
    s3 = plainS3(bucket);
    test = await open();
  });
  afterEach(async () => {
    await test.close();
    await proxy.close();
    s3.destroy();
    await rm(directory, { recursive: true });
  });

  const open = (settings: Partial<StoreSettings> = lockSettings) =>
    openTestStore({
      directory,
      settings,
      storage: { kind: "s3", ...bucket, endpoint: proxy.endpoint },
      clock: new RunningClock(),
    });
  const restart = async () => {
    await test.close();
    test = await open();
  };

  /** A finalized package of these texts, each a file of its own. */
  async function packageOf(texts: readonly string[], retention_class = "transient"): Promise<string> {
    const id = await openPackageOf(texts, retention_class);
    await test.registry.finalizePackage(id);
    return id;
  }
  async function openPackageOf(texts: readonly string[], retention_class = "transient"): Promise<string> {
    const { id } = await test.registry.createPackage({ kind: "run", retention_class });
    const sources = texts.map((text) => sourceOf(Buffer.from(text)));
    const objects = await test.registry.uploadObjects(sources);
    const files = objects.map(({ sha256 }, index) => ({ path: `file${index}`, sha256 }));
    await test.registry.addPackageFiles(id, files);
    return id;
  }
  const retention = (id: string) => test.registry.getRetention(id);
  const lockOf = async (id: string) => (await retention(id)).lock;
  const hold = async (id: string) => (await test.registry.holdPackage(id, { reason: "dispute" })).id;
  const release = (id: string, holdId: string) =>
    test.registry.releaseHold(id, holdId, { reason: "settled" });
  const mirror = () => test.store.mirrorLocks();
  const cleanup = () => test.registry.cleanupStore({ apply: true });
  const until = (time: string | null) => delay(Date.parse(time!) - Date.now() + 1_000);
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

  /** The digests of a package's files, in order, and of its manifest at the end. */
  async function digestsOf(id: string): Promise<string[]> {
    const { items } = await test.registry.listPackageFiles(id);
    const { manifest_sha256: manifest } = await test.registry.getPackage(id);
    return [...items.map(({ sha256 }) => sha256), ...(manifest === null ? [] : [manifest])];
  }
  const keyOf = (sha256: string) =>
    String(
      sqlOn(test, "SELECT physical_key FROM storage_location WHERE sha256 = ?", sha256)[0]?.["physical_key"],
    );
  const at = (sha256: string) => ({ Bucket: bucket.bucket, Key: bucket.prefix + keyOf(sha256) });
  /** Until when the bucket itself says that the object is locked. */
  async function lockedUntil(sha256: string): Promise<string | null> {
    const { ObjectLockRetainUntilDate: date, ObjectLockMode: mode } = await s3.headObject(at(sha256));
    return date !== undefined && mode === "COMPLIANCE" ? date.toISOString() : null;
  }
  /** What comes of every way there is to get rid of an object with the store's own credentials. */
  async function attack(sha256: string): Promise<Set<string>> {
    const { VersionId, ObjectLockRetainUntilDate: lockedUntilDate } = await s3.headObject(at(sha256));
    const version = { ...at(sha256), VersionId };
    await s3.putObjectLegalHold({ ...version, LegalHold: { Status: "ON" } });
    await s3.putObjectLegalHold({ ...version, LegalHold: { Status: "OFF" } });
    const sooner = (Mode: "COMPLIANCE" | "GOVERNANCE") => ({
      ...version,
      BypassGovernanceRetention: true,
      // Not so soon that it is past when it arrives: that is refused for another reason.
      Retention: { Mode, RetainUntilDate: new Date(Number(lockedUntilDate) - 1_000) },
    });
    const tried = await Promise.allSettled([
      s3.deleteObject(version),
      s3.deleteObject({ ...version, BypassGovernanceRetention: true }),
      s3.putObjectRetention(sooner("COMPLIANCE")),
      s3.putObjectRetention(sooner("GOVERNANCE")),
    ]);
    const { Errors: [error] = [] } = await s3.deleteObjects({
      Bucket: bucket.bucket,
      Delete: { Objects: [{ Key: version.Key, VersionId }] },
    });
    const names = tried.map((one) => (one.status === "rejected" ? (one.reason as Error).name : "done"));
    return new Set([...names, error?.Code ?? "done"]);
  }
  const rulesOf = ({ kept, reasons }: CleanupReport, kind: string) =>
    kept.flatMap((entry) =>
      entry.kind === kind ? reasons[entry.id]!.map(({ rule }) => [entry.id, rule]) : [],
    );
  const goneOf = ({ deleted }: CleanupReport, kind: string) =>
    deleted.flatMap((entry) => (entry.kind === kind ? entry.id : [])).toSorted();

  it("lets nobody delete what a class keeps, before its date; afterwards a cleanup does", async () => {
    const id = await packageOf(["one", "two"]);
    await test.registry.extendRetention(id, { new_expires_at: inSeconds(8), reason: "audit" });
    expect(await retention(id)).toMatchObject({ lock: "pending", locked_until: null });
    expect(await mirror()).toEqual({ objects: 3, pending: 0, problems: [] });
    const { lock, locked_until, current_expires_at } = await retention(id);
    expect(lock).toBe("applied");
    expect(locked_until! >= current_expires_at!).toBe(true);
    const digests = await digestsOf(id);
    for (const sha256 of digests) {
      expect(await lockedUntil(sha256)).toBe(locked_until);
      expect(await attack(sha256)).toEqual(new Set(["AccessDenied"]));
    }
    expect(goneOf(await cleanup(), "object")).toEqual([]);
    expect((await test.registry.verifyPackage(id)).ok).toBe(true);
    await until(locked_until);
    const report = await cleanup();
    expect(goneOf(report, "package")).toEqual([id]);
    expect(goneOf(report, "object")).toEqual(digests.slice(0, 2).toSorted());
    const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket: bucket.bucket });
    expect([Versions.map(({ Key }) => Key), DeleteMarkers]).toEqual([[at(digests[2]!).Key], []]);
    expect(await retention(id)).toMatchObject({ lock: null, locked_until: null });
    expect((await test.registry.verifyStore()).problems).toEqual([]);
  });

  it("renews what a hold keeps, and lets go when it is released and the lock ran out", async () => {
    const id = await packageOf(["held"]);
    const holdId = await hold(id);
    await mirror();
    const { locked_until: before } = await retention(id);
    expect(Date.parse(before!)).toBeGreaterThan(Date.now() + AHEAD_MS / 2);
    const [sha256] = (await digestsOf(id)) as [string];
    expect(await attack(sha256)).toEqual(new Set(["AccessDenied"]));
    expect(await mirror()).toMatchObject({ objects: 0 });
    await restart();
    await delay(Date.parse(before!) - AHEAD_MS / 2 - Date.now() + 100);
    expect(await mirror()).toEqual({ objects: 2, pending: 0, problems: [] });
    const { locked_until: renewed, lock } = await retention(id);
    expect([renewed! > before!, lock, await lockedUntil(sha256)]).toEqual([true, "applied", renewed]);
    await until(before);
    expect(await attack(sha256)).toEqual(new Set(["AccessDenied"]));

    await release(id, holdId);
    await mirror();
    expect(sqlOn(test, "SELECT renew_at FROM package_lock")).toEqual([{ renew_at: null }]);
    const dry = await test.registry.cleanupStore();
    const real = await cleanup();
    for (const report of [dry, real]) {
      expect([goneOf(report, "package"), goneOf(report, "object")]).toEqual([[id], []]);
      expect(rulesOf(report, "object")).toEqual([[sha256, "lock"]]);
      expect(report.reasons[sha256]).toMatchObject([{ until: renewed }]);
    }
    expect((await test.registry.verifyStore()).collectable).toEqual([]);
    expect(await attack(sha256)).toEqual(new Set(["AccessDenied"]));
    await until(renewed);
    expect(goneOf(await cleanup(), "object")).toEqual([sha256]);
  });

  it("locks what several packages name as long as any of them asks, in whatever order they come", async () => {
    for (const [seconds, otherSeconds] of [
      [60, 90],
      [90, 60],
    ] as const) {
      const ids: string[] = [];
      for (const [index, extension] of [seconds, otherSeconds].entries()) {
        const id = await packageOf([`shared ${seconds}`, `own ${seconds} ${index}`]);
        await test.registry.extendRetention(id, { new_expires_at: inSeconds(extension), reason: "audit" });
        await mirror();
        ids.push(id);
      }
      const ends = await Promise.all(ids.map(async (id) => (await retention(id)).current_expires_at!));
      const latest = ends.toSorted().at(-1)!;
      for (const [index, id] of ids.entries()) {
        const [shared, own] = (await digestsOf(id)) as [string, string];
        expect((await lockedUntil(shared))! >= latest).toBe(true);
        expect((await lockedUntil(own))! >= ends[index]!).toBe(true);
        expect((await lockedUntil(own))! < latest).toBe(ends[index] !== latest);
        expect(await lockOf(id)).toBe("applied");
      }
    }
  });

  it("locks a permanent record ahead, and a failed package, but none that is still open", async () => {
    const permanent = await packageOf(["for ever"], "permanent-record");
    const failed = await openPackageOf(["broke off"], "raw-evidence");
    await test.registry.failPackage(failed, { reason: "the run broke off" });
    const opened = await openPackageOf(["going on"], "raw-evidence");
    await hold(opened);
    await mirror();
    expect(await Promise.all([permanent, failed, opened].map(lockOf))).toEqual([
      "applied",
      "applied",
      "pending",
    ]);
    const [sha256] = (await digestsOf(opened)) as [string];
    expect(await lockedUntil(sha256)).toBeNull();
    const { current_expires_at: end, locked_until: locked } = await retention(failed);
    expect(locked! >= end!).toBe(true);
    await test.registry.finalizePackage(opened);
    await mirror();
    expect(await lockOf(opened)).toBe("applied");
  });

  it("locks of a release what its class, an extension or a hold keeps, and not what a channel does", async () => {
    const { release: plain, artifacts } = await publishTar(test.registry, { version: "1", channel: "beta" });
    await test.registry.createApp("kept", { retention_class: "raw-evidence" });
    const { release: kept } = await publishTar(test.registry, { app: "kept", version: "1", channel: "beta" });
    await mirror();
    // Both have the same bytes.
    expect(await Promise.all([plain.package_id, kept.package_id].map(lockOf))).toEqual([null, "applied"]);
    const { manifest_sha256: manifest } = await test.registry.getRelease("acme", { release: "1" });
    expect(await lockedUntil(manifest!)).toBeNull();
    expect(await lockedUntil(artifacts[0]!.sha256)).not.toBeNull();
    await hold(plain.package_id);
    await mirror();
    expect(await lockOf(plain.package_id)).toBe("applied");
    expect(await lockedUntil(manifest!)).not.toBeNull();
  });

  describe("works no more than is asked", () => {
    const asked = async (work: () => Promise<unknown>) => {
      const before = proxy.seen.length;
      await work();
      return proxy.seen.slice(before).map(({ operation }) => operation);
    };

    it("after a hold or an extension that changes nothing, and when nothing happened", async () => {
      const id = await packageOf(["far"], "raw-evidence");
      expect(await asked(mirror)).not.toEqual([]);
      expect(await asked(mirror)).toEqual([]);
      await hold(id);
      await publishTar(test.registry, { version: "1" });
      expect(await asked(mirror)).toEqual([]);
      expect(await lockOf(id)).toBe("applied");
      await test.registry.extendRetention(id, {
        new_expires_at: inSeconds(300 * 24 * 3600),
        reason: "audit",
      });
      expect(await lockOf(id)).toBe("pending");
      const operations = await asked(mirror);
      expect(operations.filter((operation) => operation === "PutObjectRetention")).toHaveLength(2);
      expect(await lockOf(id)).toBe("applied");
    });

    it("after a restart, and goes on where a run broke off", async () => {
      const texts = Array.from({ length: 40 }, (_, index) => `text ${index}`);
      const id = await packageOf(texts, "raw-evidence");
      let allowed = 25;
      proxy.rule = ({ operation }) =>
        operation === "PutObjectRetention" && allowed-- <= 0
          ? { kind: "refuse", status: 400, code: "Broken" }
          : undefined;
      expect(await outcomeOf(mirror())).toBe("blob.write_failed");
      expect(await lockOf(id)).toBe("pending");
      const [{ count } = { count: 0 }] = sqlOn(
        test,
        "SELECT count(*) AS count FROM storage_location WHERE locked_until IS NOT NULL",
      );
      expect(Number(count)).toBe(25);
      proxy.rule = () => undefined;
      await restart();
      expect(await mirror()).toEqual({ objects: 16, pending: 0, problems: [] });
      expect(await lockOf(id)).toBe("applied");
      await restart();
      expect(await mirror()).toEqual({ objects: 0, pending: 0, problems: [] });
    });

    it("and ends at once when it is told to", async () => {
      await packageOf(["one"], "raw-evidence");
      const stopped = new AbortController();
      stopped.abort();
      await expect(test.store.mirrorLocks(stopped.signal)).rejects.toThrow();
      expect(await mirror()).toMatchObject({ objects: 2 });
    });
  });

  it("locks the others when one object cannot be, says which, and tries again", async () => {
    const id = await packageOf(["well", "damaged", "gone"], "raw-evidence");
    const other = await packageOf(["other"], "raw-evidence");
    const [, damaged, gone] = (await digestsOf(id)) as [string, string, string];
    await s3.putObject({ ...at(damaged), Body: "something else" });
    await s3.deleteObject(at(gone));
    const report = await mirror();
    expect(report).toMatchObject({ objects: 4, pending: 1 });
    expect(report.problems.map(({ code, target }) => [code, target]).toSorted()).toEqual(
      [
        ["blob.damaged", damaged],
        ["blob.not_found", gone],
      ].toSorted(),
    );
    expect(await Promise.all([id, other].map(lockOf))).toEqual(["pending", "applied"]);
    for (const sha256 of [damaged, gone]) {
      const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({
        Bucket: bucket.bucket,
        Prefix: at(sha256).Key,
      });
      const [over] = [...DeleteMarkers, ...Versions].filter(({ IsLatest }) => IsLatest === true);
      await s3.deleteObject({ ...at(sha256), VersionId: over!.VersionId });
    }
    await delay(AHEAD_MS / 4);
    expect(await mirror()).toEqual({ objects: 2, pending: 0, problems: [] });
    expect(await lockOf(id)).toBe("applied");
  });

  it("locks bytes anew that were hidden behind its back, and sent again", async () => {
    const id = await packageOf(["hidden"], "raw-evidence");
    await mirror();
    const [sha256] = (await digestsOf(id)) as [string];
    const before = keyOf(sha256);
    await s3.deleteObject(at(sha256));
    expect((await test.registry.verifyStore()).problems).toMatchObject([{ code: "object.missing" }]);
    await test.registry.uploadObject(sourceOf(Buffer.from("hidden")));
    expect(keyOf(sha256)).not.toBe(before);
    expect(await retention(id)).toMatchObject({ lock: "pending", locked_until: null });
    expect(await mirror()).toEqual({ objects: 1, pending: 0, problems: [] });
    expect(await lockOf(id)).toBe("applied");
    expect(await attack(sha256)).toEqual(new Set(["AccessDenied"]));
  });

  describe("keeps what is locked and was forgotten", () => {
    /** As in a store that was restored to before it was locked: an object that nothing needs. */
    async function forgotten(): Promise<string> {
      const id = await packageOf(["forgotten"]);
      const holdId = await hold(id);
      await mirror();
      await release(id, holdId);
      sqlOn(test, "DELETE FROM package_lock");
      sqlOn(test, "UPDATE storage_location SET locked_until = NULL, locked_version = NULL");
      await until((await retention(id)).current_expires_at);
      return (await digestsOf(id))[0]!;
    }

    /** The same bytes, in a place of their own. */
    async function expectBroughtAgain(sha256: string, before: string): Promise<void> {
      const id = await packageOf(["forgotten"], "raw-evidence");
      expect((await digestsOf(id))[0]).toBe(sha256);
      expect(at(sha256).Key).not.toBe(before);
      expect((await test.registry.verifyPackage(id)).ok).toBe(true);
    }

    it("because it asks, and deletes the rest", async () => {
      const sha256 = await forgotten();
      const other = await packageOf(["free"]);
      const [free] = (await digestsOf(other)) as [string];
      await until((await retention(other)).current_expires_at);
      const report = await cleanup();
      expect([rulesOf(report, "object"), goneOf(report, "object")]).toEqual([[[sha256, "lock"]], [free]]);
    });

    // What another node locked between the question and the deletion.
    it("because the object store refuses, and deletes the rest", async () => {
      const sha256 = await forgotten();
      const other = await packageOf(["free"]);
      const [free] = (await digestsOf(other)) as [string];
      await until((await retention(other)).current_expires_at);
      const key = at(sha256).Key;
      let answered = false;
      proxy.rule = ({ operation, path }) => {
        if (operation !== "HeadObject" || !path.endsWith(key) || answered) return undefined;
        answered = true;
        return { kind: "refuse", status: 404, code: "NoSuchKey" };
      };
      const report = await cleanup();
      expect(answered).toBe(true);
      expect([rulesOf(report, "object"), goneOf(report, "object")]).toEqual([[[sha256, "lock"]], [free]]);
      expect(sqlOn(test, "SELECT sha256 FROM storage_location WHERE sha256 = ?", sha256)).toEqual([]);
      // The same bytes can be brought again; what is locked goes when it can.
      await expectBroughtAgain(sha256, key);
      expect((await test.registry.verifyStore()).problems).toEqual([]);
      expect((await s3.headObject({ Bucket: bucket.bucket, Key: key })).ContentLength).toBe(9);
    });

    it("and takes bytes again whose deletion was begun and is refused", async () => {
      const sha256 = await forgotten();
      const key = at(sha256).Key;
      sqlOn(test, "UPDATE storage_location SET status = 'deleting' WHERE sha256 = ?", sha256);
      const report = await cleanup();
      expect(rulesOf(report, "object")).toEqual([[sha256, "lock"]]);
      await expectBroughtAgain(sha256, key);
    });
  });

  it("keeps a file without a row as long as it is locked", async () => {
    await test.close();
    test = await open({ ...lockSettings, expireAfterMs: 60_000 });
    const id = await packageOf(["moved"], "raw-evidence");
    await mirror();
    const [sha256] = (await digestsOf(id)) as [string];
    const key = keyOf(sha256);
    sqlOn(test, "UPDATE storage_location SET physical_key = ? WHERE sha256 = ?", `${key}x`, sha256);
    // An upload may be about to record what is younger.
    test.clock.nowMs = () => Date.now() + 11 * 60_000;
    for (const apply of [false, true])
      expect(rulesOf(await test.registry.cleanupStore({ apply }), "file")).toEqual([[key, "lock"]]);
  });

  it("moves away, and another moves into such a bucket, which is locked there anew", async () => {
    const id = await packageOf(["moving"], "raw-evidence");
    await mirror();
    const other = await lockingS3Settings();
    const target = await openTestStore({
      settings: lockSettings,
      storage: { kind: "s3", ...other },
      clock: new RunningClock(),
    });
    try {
      const side = ({ directory: place, settings, storage, clock }: TestStore) => ({
        directory: place,
        settings,
        storage,
        clock,
      });
      expect(await migrateStore({ source: side(test), target: side(target) }, {})).toMatchObject({
        ok: true,
      });
      expect(await target.registry.getRetention(id)).toMatchObject({ lock: "pending", locked_until: null });
      expect(await target.store.mirrorLocks()).toEqual({ objects: 2, pending: 0, problems: [] });
      expect(await target.registry.getRetention(id)).toMatchObject({ lock: "applied" });
      expect((await target.registry.verifyStore()).problems).toEqual([]);
    } finally {
      await target.close();
    }
  });

  describe("is refused", () => {
    const refusal = async (storage: S3Settings) => {
      const other = await openTestStore({ settings: lockSettings, storage: { kind: "s3", ...storage } });
      const problems = (await other.registry.storeStatus()).problems.map(({ code }) => code);
      const outcome = await outcomeOf(other.store.requireStorage());
      await other.close();
      return [outcome, problems];
    };

    it("where the bucket has none", async () => {
      expect(await refusal(await testS3Settings())).toEqual(["blob.no_object_lock", ["blob.no_object_lock"]]);
      expect(await refusal(bucket)).toEqual(["ok", []]);
    });

    // Staging could not be removed.
    it("where the bucket locks by itself", async () => {
      await s3.putObjectLockConfiguration({
        Bucket: bucket.bucket,
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          Rule: { DefaultRetention: { Mode: "COMPLIANCE", Days: 1 } },
        },
      });
      expect(await refusal(bucket)).toEqual(["blob.locked", ["blob.locked"]]);
    });

    it("while it does not answer, and nothing is noted as locked", async () => {
      const id = await packageOf(["one"], "raw-evidence");
      proxy.rule = every("HeadObject", { kind: "refuse", status: 400, code: "Broken" });
      expect(await outcomeOf(mirror())).toBe("blob.read_failed");
      expect(await lockOf(id)).toBe("pending");
      proxy.rule = first(1, "HeadObject", { kind: "refuse", status: 503, code: "SlowDown" });
      expect(await mirror()).toEqual({ objects: 2, pending: 0, problems: [] });
    });
  });

  it("locks nothing unless it is told to, and then what was there before", async () => {
    await test.close();
    test = await open({ ...lockSettings, lockAheadMs: null });
    const id = await packageOf(["before"], "raw-evidence");
    expect(await mirror()).toEqual({ objects: 0, pending: 0, problems: [] });
    expect(await retention(id)).toMatchObject({ lock: null, locked_until: null });
    await restart();
    expect(await lockOf(id)).toBe("pending");
    await mirror();
    expect(await lockOf(id)).toBe("applied");
  });
});
