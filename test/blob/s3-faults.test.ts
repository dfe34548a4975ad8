import { randomBytes } from "node:crypto";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { BlobStore } from "../../src/blob/blob-store.ts";
import { chunks, collect, keys, put, uploadIds } from "../../src/blob/conformance/blob-bytes.ts";
import { openS3BlobStore } from "../../src/blob/s3/s3.ts";
import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import { rgwTools, testS3Settings } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import { every, type Fault, type FaultProxy, first, startFaultProxy } from "./fault-proxy.ts";

const MIB = 1024 * 1024;
/** Two full parts and a short one. */
const LARGE = 16 * MIB + 3;

/** Does not wait for what is broken. */
const timing = { connectMs: 1_000, idleMs: 30_000, firstWaitMs: 5, attempts: 3 };

let settings: S3Settings;
let proxy: FaultProxy;
let store: BlobStore;

const slowDown: Fault = { kind: "refuse", status: 503, code: "SlowDown" };
const broken: Fault = { kind: "refuse", status: 500, code: "InternalError" };
const wrongEtag: Fault = { kind: "another etag", etag: "0".repeat(32) };

needs(...rgwTools)("an object store that fails", () => {
  beforeEach(async () => {
    const direct = await testS3Settings();
    proxy = await startFaultProxy(direct.endpoint!);
    settings = { ...direct, endpoint: proxy.endpoint };
    store = openS3BlobStore(settings, timing);
  });
  afterEach(async () => {
    await store.close();
    await proxy.close();
  });

  const countOf = (operation: string) => proxy.seen.filter((seen) => seen.operation === operation).length;
  /** Everything below the store's prefix but objects. */
  const leftOver = async () => {
    proxy.rule = () => undefined;
    return uploadIds(store);
  };

  describe("for a moment", () => {
    it.each([
      ["500", "PutObject", 10, broken],
      ["503 SlowDown", "PutObject", 10, slowDown],
      ["an answer that is lost", "PutObject", 10, { kind: "lose" }],
      ["a byte that is damaged on its way", "PutObject", 10, { kind: "damage request" }],
      ["503 SlowDown", "HeadObject", 10, slowDown],
      ["an answer that is lost", "CreateMultipartUpload", LARGE, { kind: "lose" }],
      ["503 SlowDown", "UploadPart", LARGE, slowDown],
      ["a byte that is damaged on its way", "UploadPart", LARGE, { kind: "damage request" }],
      ["an answer that is lost", "UploadPart", LARGE, { kind: "lose" }],
      ["500", "CompleteMultipartUpload", LARGE, broken],
      ["an answer that is lost", "CompleteMultipartUpload", LARGE, { kind: "lose" }],
      ["an answer that is lost", "CopyObject", LARGE, { kind: "lose" }],
    ] as const)("by %s to %s: the object is there once, and right", async (_what, operation, size, fault) => {
      const bytes = randomBytes(size);
      proxy.rule = first(2, operation, fault);
      const location = await put(store, "upl_1", chunks(bytes));
      expect(countOf(operation)).toBeGreaterThanOrEqual(3);
      expect((await collect(await store.read(location))).equals(bytes)).toBe(true);
      expect(await keys(store)).toEqual([location.key]);
      expect(await leftOver()).toEqual([]);
    });

    it.each([
      ["a body that breaks off", { kind: "cut", afterBytes: 100_000 }],
      ["a body that breaks off before its first byte", { kind: "cut", afterBytes: 0 }],
      ["503 SlowDown", slowDown],
      ["an answer that is lost", { kind: "lose" }],
    ] as const)("by %s to GetObject: reading goes on where it stopped", async (_what, fault) => {
      const bytes = randomBytes(MIB);
      const location = await put(store, "upl_1", chunks(bytes));
      proxy.rule = first(2, "GetObject", fault);
      expect((await collect(await store.read(location))).equals(bytes)).toBe(true);
      proxy.rule = first(2, "GetObject", fault);
      const middle = await collect(await store.read(location, { start: 1000, end: 900_000 }));
      expect(middle.equals(bytes.subarray(1000, 900_001))).toBe(true);
    });

    it("by breaking off far more often than it is asked again, but further each time", async () => {
      const bytes = randomBytes(MIB);
      const location = await put(store, "upl_1", chunks(bytes));
      proxy.rule = every("GetObject", { kind: "cut", afterBytes: 150_000 });
      expect((await collect(await store.read(location))).equals(bytes)).toBe(true);
      expect(countOf("GetObject")).toBeGreaterThan(timing.attempts);
    });
  });

  describe("for good", () => {
    it.each([
      ["503 SlowDown", "PutObject", 10, slowDown],
      ["silence", "PutObject", 10, { kind: "silence" }],
      ["other bytes than were sent", "HeadObject", 10, wrongEtag],
      ["500", "UploadPart", LARGE, broken],
      ["other bytes than were sent", "UploadPart", LARGE, wrongEtag],
      ["500", "CompleteMultipartUpload", LARGE, broken],
      ["other bytes than were sent", "HeadObject", LARGE, wrongEtag],
      ["500", "CopyObject", LARGE, broken],
      ["bytes damaged on their way, every time,", "PutObject", 10, { kind: "damage request" }],
    ] as const)("by %s to %s: nothing is acknowledged", async (_what, operation, size, fault) => {
      const impatient = openS3BlobStore(settings, { ...timing, idleMs: 500 });
      proxy.rule = every(operation, fault);
      await expect(put(impatient, "upl_1", chunks(randomBytes(size)))).rejects.toMatchObject({
        code: "blob.write_failed",
      });
      proxy.rule = () => undefined;
      expect(await keys(impatient)).toEqual([]);
      await impatient.discard("upl_1");
      expect(await uploadIds(impatient)).toEqual([]);
      await impatient.close();
    });

    it("by damaging a copy: nothing is acknowledged, and no object is left", async () => {
      const staged = await store.stage("upl_1", chunks(randomBytes(LARGE)));
      proxy.rule = ({ operation }) =>
        operation === "CopyObject" || operation === "UploadPartCopy" ? wrongEtag : undefined;
      await expect(store.commit(staged)).rejects.toMatchObject({ code: "blob.write_failed" });
      await store.discard("upl_1");
      expect(await leftOver()).toEqual([]);
    });

    it.each([
      ["a body that never gets on", { kind: "cut", afterBytes: 0 }],
      ["500", broken],
    ] as const)("by %s: a stream fails, and never ends early", async (_what, fault) => {
      const location = await put(store, "upl_1", chunks(randomBytes(MIB)));
      proxy.rule = every("GetObject", fault);
      const reading = store.read(location).then((stream) => collect(stream));
      await expect(reading).rejects.toMatchObject({ code: "blob.read_failed" });
    });

    it("by not being there: uploads, looks and readiness say so", async () => {
      const location = await put(store, "upl_1", chunks(randomBytes(10)));
      const gone = openS3BlobStore({ ...settings, endpoint: "http://127.0.0.1:9" }, timing);
      const refusal = { code: "blob.write_failed" };
      await expect(put(gone, "upl_2", chunks(randomBytes(10)))).rejects.toMatchObject(refusal);
      await expect(gone.health()).rejects.toMatchObject(refusal);
      await expect(gone.size(location)).rejects.toMatchObject({ code: "blob.read_failed" });
      await gone.close();
    });
  });

  // Amazon hashes a copy anew, so that its ETag proves nothing.
  it("a store that names copies otherwise gets them part by part", async () => {
    const bytes = randomBytes(LARGE);
    proxy.rule = every("CopyObject", wrongEtag);
    const location = await put(store, "upl_1", chunks(bytes));
    expect(countOf("UploadPartCopy")).toBe(3);
    expect((await collect(await store.read(location))).equals(bytes)).toBe(true);
    expect(await leftOver()).toEqual([]);
  });

  it("staged bytes that are read back damaged are no upload", async () => {
    const staging = await store.begin("upl_1");
    await staging.write(randomBytes(LARGE));
    await staging.sync();
    await staging.close();
    for (const at of [5, 9 * MIB]) {
      proxy.rule = every("GetObject", { kind: "damage answer", at });
      // Only one object is that long: the other is a piece of three bytes.
      await expect(collect(await store.readStaged("upl_1", LARGE))).rejects.toMatchObject({
        code: "blob.damaged",
      });
    }
    proxy.rule = () => undefined;
    expect(await collect(await store.readStaged("upl_1", LARGE))).toHaveLength(LARGE);
    await store.discard("upl_1");
  });

  it("a reader that goes away takes its connection along", async () => {
    const location = await put(store, "upl_1", chunks(randomBytes(32 * MIB)));
    const before = await proxy.connections();
    const streams = await Promise.all([1, 2, 3].map(() => store.read(location)));
    for (const stream of streams) await new Promise((resolve) => stream.once("readable", resolve));
    expect(await proxy.connections()).toBeGreaterThanOrEqual(3);
    for (const stream of streams) stream.destroy();
    await vi.waitFor(async () => expect(await proxy.connections()).toBeLessThanOrEqual(Math.max(before, 1)));
  });
});
