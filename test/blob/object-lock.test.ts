import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { delay } from "../../src/base/async.ts";
import { DistError } from "../../src/base/errors.ts";
import { chunks, collect, keys, put } from "../../src/blob/conformance/blob-bytes.ts";
import type { BlobLocation, BlobStore } from "../../src/blob/blob-store.ts";
import { openS3BlobStore } from "../../src/blob/s3/s3.ts";
import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import type { S3 } from "@aws-sdk/client-s3";
import { lockingS3Settings, plainS3, rgwTools } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import { every, first, startFaultProxy } from "./fault-proxy.ts";

const BYTES = Buffer.from("to be kept");
const sizeBytes = BYTES.length;

needs(...rgwTools)("locks on Ceph RGW", () => {
  let settings: S3Settings;
  let store: BlobStore;
  let s3: S3;
  let location: BlobLocation;
  let at: { Bucket: string; Key: string };
  beforeEach(async () => {
    settings = await lockingS3Settings();
    store = openS3BlobStore(settings);
    s3 = plainS3(settings);
    location = await put(store, "upl_1", chunks(BYTES));
    at = { Bucket: settings.bucket, Key: settings.prefix + location.key };
  });
  afterEach(async () => {
    await store.close();
    s3.destroy();
  });

  const inMs = (ms: number) => Date.now() + ms;
  const nameOf = (call: Promise<unknown>) =>
    call.then(
      () => "done",
      (error: Error) => error.name,
    );
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => "done",
      (error: unknown) => (error instanceof DistError ? error.code : error),
    );
  const versions = async () => {
    const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket: at.Bucket });
    return [Versions.length, DeleteMarkers.length];
  };
  const expired = (untilMs: number) => delay(untilMs - Date.now() + 1_100);

  it("bind everybody who has the credentials, until they run out", async () => {
    const untilMs = inMs(4_000);
    expect(await store.lockedUntil(location)).toBeNull();
    const lock = await store.lock(location, { sizeBytes, untilMs });
    expect(lock.untilMs).toBe(Math.ceil(untilMs / 1000) * 1000);
    expect(await store.lockedUntil(location)).toBe(lock.untilMs);
    const version = { ...at, VersionId: lock.version };
    const retention = (Mode: "COMPLIANCE" | "GOVERNANCE", ms: number) =>
      nameOf(
        s3.putObjectRetention({
          ...version,
          BypassGovernanceRetention: true,
          Retention: { Mode, RetainUntilDate: new Date(ms) },
        }),
      );
    expect(await nameOf(s3.deleteObject(version))).toBe("AccessDenied");
    expect(await nameOf(s3.deleteObject({ ...version, BypassGovernanceRetention: true }))).toBe(
      "AccessDenied",
    );
    expect(await retention("COMPLIANCE", lock.untilMs - 1_000)).toBe("AccessDenied");
    expect(await retention("GOVERNANCE", lock.untilMs)).toBe("AccessDenied");
    expect(await nameOf(s3.putObjectLegalHold({ ...version, LegalHold: { Status: "OFF" } }))).toBe("done");
    expect(await nameOf(s3.deleteObject(version))).toBe("AccessDenied");
    expect(await nameOf(s3.deleteBucket({ Bucket: at.Bucket }))).toBe("BucketNotEmpty");
    const refusal = { code: "blob.locked", details: { until: new Date(lock.untilMs).toISOString() } };
    await expect(store.remove(location)).rejects.toMatchObject(refusal);
    expect(await collect(await store.read(location))).toEqual(BYTES);
    await expired(lock.untilMs);
    await store.remove(location);
    expect(await versions()).toEqual([0, 0]);
  });

  it("are extended, and never shortened", async () => {
    const long = await store.lock(location, { sizeBytes, untilMs: inMs(60_000) });
    for (const untilMs of [inMs(1_000), inMs(30_000)])
      expect(await store.lock(location, { sizeBytes, untilMs, version: long.version })).toEqual(long);
    const longer = await store.lock(location, { sizeBytes, untilMs: inMs(90_000), version: long.version });
    expect(longer.version).toBe(long.version);
    expect(longer.untilMs).toBeGreaterThan(long.untilMs);
    expect(await store.lockedUntil(location)).toBe(longer.untilMs);
  });

  // Catches one that takes "that would shorten it" for a failure, where another was faster with a later date.
  it("are extended by many at once, each as far as it wants at least", async () => {
    const wanted = Array.from({ length: 12 }, (_, index) => inMs(60_000 - index * 4_000));
    const locks = await Promise.all(wanted.map((untilMs) => store.lock(location, { sizeBytes, untilMs })));
    for (const [index, { untilMs }] of locks.entries())
      expect(untilMs).toBeGreaterThanOrEqual(wanted[index]!);
    expect(await store.lockedUntil(location)).toBeGreaterThanOrEqual(wanted[0]!);
  });

  it("replace one that its setter could lift, and keep its date where that is later", async () => {
    const untilMs = Math.ceil(inMs(60_000) / 1000) * 1000;
    await s3.putObjectRetention({
      ...at,
      Retention: { Mode: "GOVERNANCE", RetainUntilDate: new Date(untilMs) },
    });
    const lock = await store.lock(location, { sizeBytes, untilMs: inMs(1_000) });
    expect(lock.untilMs).toBe(untilMs);
    const { Retention } = await s3.getObjectRetention({ ...at, VersionId: lock.version });
    expect(Retention).toEqual({ Mode: "COMPLIANCE", RetainUntilDate: new Date(untilMs) });
  });

  describe("of what was hidden or covered behind the store's back", () => {
    it.each([
      ["a delete marker", () => s3.deleteObject(at)],
      ["other bytes", () => s3.putObject({ ...at, Body: "forged" })],
      ["other bytes of the same length", () => s3.putObject({ ...at, Body: "TO BE KEPT" })],
    ])("by %s are extended on the bytes that were locked", async (_what, hide) => {
      const { version } = await store.lock(location, { sizeBytes, untilMs: inMs(10_000) });
      await hide();
      const lock = await store.lock(location, { sizeBytes, untilMs: inMs(60_000), version });
      expect(lock.version).toBe(version);
      const { Body } = await s3.getObject({ ...at, VersionId: version });
      expect(await Body!.transformToString()).toBe(BYTES.toString());
    });

    it("are refused where what stands there cannot be the object", async () => {
      await s3.putObject({ ...at, Body: "forged" });
      expect(await codeOf(store.lock(location, { sizeBytes, untilMs: inMs(60_000) }))).toBe("blob.damaged");
      expect(await store.lockedUntil(location)).toBeNull();
      await store.remove(location);
      expect(await codeOf(store.lock(location, { sizeBytes, untilMs: inMs(60_000) }))).toBe("blob.not_found");
    });

    it("keep the bytes when the rest of the key is removed", async () => {
      const { untilMs, version } = await store.lock(location, { sizeBytes, untilMs: inMs(60_000) });
      await s3.putObject({ ...at, Body: "forged" });
      await s3.deleteObject(at);
      expect(await versions()).toEqual([2, 1]);
      expect(await keys(store)).toEqual([]);
      await expect(store.remove(location)).rejects.toMatchObject({
        code: "blob.locked",
        details: { until: new Date(untilMs).toISOString() },
      });
      expect(await versions()).toEqual([1, 0]);
      expect(await keys(store)).toEqual([location.key]);
      expect((await s3.headObject(at)).VersionId).toBe(version);
    });
  });

  it("go on for ever where somebody put a legal hold on the object", async () => {
    await s3.putObjectLegalHold({ ...at, LegalHold: { Status: "ON" } });
    expect(await store.lockedUntil(location)).toBe(Infinity);
    await expect(store.remove(location)).rejects.toMatchObject({
      code: "blob.locked",
      details: { until: null },
    });
    await s3.putObjectLegalHold({ ...at, LegalHold: { Status: "OFF" } });
    await store.remove(location);
  });

  describe("are not taken for granted", () => {
    // Ceph keeps such a date as 32 bits of seconds, without a word.
    it("when the store keeps another date than it was told", async () => {
      const untilMs = Date.parse("2400-01-01T00:00:00.000Z");
      await expect(store.lock(location, { sizeBytes, untilMs })).rejects.toMatchObject({
        code: "blob.lock_failed",
        details: { wanted: "2400-01-01T00:00:00.000Z", found: expect.stringMatching(/^19/) },
      });
    });

    it("when the store refuses them", async () => {
      const proxy = await startFaultProxy(settings.endpoint!);
      const behind = openS3BlobStore({ ...settings, endpoint: proxy.endpoint });
      try {
        proxy.rule = every("PutObjectRetention", { kind: "refuse", status: 403, code: "AccessDenied" });
        const refused = behind.lock(location, { sizeBytes, untilMs: inMs(60_000) });
        expect(await codeOf(refused)).toBe("blob.access_denied");
      } finally {
        await behind.close();
        await proxy.close();
      }
    });

    it("when the store's answer is lost", async () => {
      const proxy = await startFaultProxy(settings.endpoint!);
      const behind = openS3BlobStore({ ...settings, endpoint: proxy.endpoint });
      try {
        proxy.rule = first(2, "PutObjectRetention", { kind: "lose" });
        const lock = await behind.lock(location, { sizeBytes, untilMs: inMs(60_000) });
        expect(await store.lockedUntil(location)).toBe(lock.untilMs);
      } finally {
        await behind.close();
        await proxy.close();
      }
    });
  });

  // A plain deletion there leaves a marker, and the bytes below it for ever.
  it("come with versions, of which none is left of bytes that arrived damaged", async () => {
    const proxy = await startFaultProxy(settings.endpoint!);
    const behind = openS3BlobStore({ ...settings, endpoint: proxy.endpoint });
    try {
      proxy.rule = first(1, "HeadObject", { kind: "another etag", etag: "0".repeat(32) });
      expect(await codeOf(put(behind, "upl_2", chunks(BYTES)))).toBe("blob.write_failed");
      expect(await versions()).toEqual([1, 0]);
    } finally {
      await behind.close();
      await proxy.close();
    }
  });

  it("are found out about, and a default retention of the bucket's makes the store unfit", async () => {
    expect(await store.abilities()).toMatchObject({ versioning: true, object_lock: true });
    await store.health();
    expect(await versions()).toEqual([1, 0]);
    await s3.putObjectLockConfiguration({
      Bucket: at.Bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: "Enabled",
        Rule: { DefaultRetention: { Mode: "COMPLIANCE", Days: 1 } },
      },
    });
    expect(await codeOf(store.health())).toBe("blob.locked");
  });
});
