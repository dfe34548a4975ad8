import { randomBytes, randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { chunks, collect, keys, put, uploadIds } from "../../src/blob/conformance/blob-bytes.ts";
import { blobConformance } from "../../src/blob/conformance/blob-conformance.ts";
import type { BlobStore } from "../../src/blob/blob-store.ts";
import { openS3BlobStore } from "../../src/blob/s3/s3.ts";
import { partBytes } from "../../src/blob/s3/part-sizes.ts";
import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import { Secret } from "../../src/base/secret.ts";
import { plainS3, rgwTools, testS3Settings } from "../support/object-store.ts";
import { needs } from "../support/required-tools.ts";
import { startFaultProxy } from "./fault-proxy.ts";

const MIB = 1024 * 1024;
/** Two full parts and a short one. */
const LARGE = 16 * MIB + 3;

needs(...rgwTools)("bytes on Ceph RGW", () => {
  blobConformance(
    "S3",
    async () => {
      const store = openS3BlobStore(await testS3Settings());
      return { store, cleanup: () => store.close() };
    },
    { keyOf: (sha256, uploadId) => `objects/${sha256.slice(0, 2)}/${sha256}/${uploadId}` },
  );

  let settings: S3Settings;
  let store: BlobStore;
  const opened: BlobStore[] = [];
  beforeEach(async () => {
    settings = await testS3Settings();
    store = open();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  /** Another process, as far as the store goes. */
  function open(changes: Partial<S3Settings> = {}): BlobStore {
    const one = openS3BlobStore({ ...settings, ...changes });
    opened.push(one);
    return one;
  }

  /** Every key below the prefix, and every upload of parts that was not completed. */
  async function everything() {
    const s3 = plainS3(settings);
    const under = { Bucket: settings.bucket, Prefix: settings.prefix };
    const { Contents = [] } = await s3.listObjectsV2(under);
    const { Uploads = [] } = await s3.listMultipartUploads(under);
    s3.destroy();
    return [...Contents, ...Uploads].map(({ Key }) => Key!.slice(settings.prefix.length));
  }

  describe("an object of several parts", () => {
    it("is the same bytes, and leaves nothing in staging", async () => {
      const bytes = randomBytes(LARGE);
      const staged = await store.stage("upl_1", chunks(bytes));
      expect(await everything()).toEqual(["staging/upl_1/parts"]);
      const location = await store.commit(staged);
      await store.discard("upl_1");
      expect((await collect(await store.read(location))).equals(bytes)).toBe(true);
      expect(await everything()).toEqual([location.key]);
      const s3 = plainS3(settings);
      const head = await s3.headObject({ Bucket: settings.bucket, Key: settings.prefix + location.key });
      s3.destroy();
      expect(head.ETag).toMatch(/-3"$/);
    });

    // Twelve parts at once, and memory for eight: the others wait on the disk.
    it("is the same bytes when many come at once, and leaves nothing on the disk", async () => {
      const spoolDirectory = join(settings.spoolDirectory, randomUUID());
      const busy = open({ spoolDirectory });
      const bodies = Array.from({ length: 12 }, () => randomBytes(LARGE));
      const locations = await Promise.all(
        bodies.map(async (bytes, index) => {
          const staged = await busy.stage(`upl_${index}`, chunks(bytes));
          const location = await busy.commit(staged);
          await busy.discard(`upl_${index}`);
          return location;
        }),
      );
      for (const [index, location] of locations.entries()) {
        expect((await collect(await busy.read(location))).equals(bodies[index]!)).toBe(true);
      }
      expect(await readdir(spoolDirectory)).toEqual([]);
    });

    it("that broke off leaves nothing, and one that was left is listed until it is discarded", async () => {
      const error = new Error("cut");
      async function* source() {
        yield randomBytes(LARGE);
        throw error;
      }
      await expect(store.stage("upl_1", source())).rejects.toBe(error);
      expect(await everything()).toEqual([]);
      const staging = await store.begin("upl_2");
      await staging.write(randomBytes(LARGE));
      await staging.close();
      const before = Date.now() - 60_000;
      const [entry, ...others] = await Array.fromAsync(open().listStaging());
      expect([entry, others]).toMatchObject([{ uploadId: "upl_2", sizeBytes: 16 * MIB }, []]);
      expect(entry!.modifiedAtMs).toBeGreaterThan(before);
      await open().discard("upl_2");
      expect(await everything()).toEqual([]);
    });

    it("is read at any place with few requests", async () => {
      const bytes = randomBytes(LARGE);
      const location = await put(store, "upl_1", chunks(bytes));
      const proxy = await startFaultProxy(settings.endpoint!);
      const random = await open({ endpoint: proxy.endpoint }).openRandom(location);
      for (let offset = 0; offset < 4096; offset += 64)
        expect(Buffer.from(await random.read(offset, 64))).toEqual(bytes.subarray(offset, offset + 64));
      const across = 256 * 1024 - 10;
      expect(Buffer.from(await random.read(across, 20))).toEqual(bytes.subarray(across, across + 20));
      expect(proxy.seen.map(({ operation }) => operation)).toEqual(["GetObject", "GetObject"]);
      await proxy.close();
    });
  });

  it("parts hold the largest object, in the number that S3 takes", () => {
    const TIB = 1024 ** 4;
    let sum = 0;
    for (let number = 1; number <= 10_000; number++) {
      expect(partBytes(number)).toBeGreaterThanOrEqual(5 * MIB);
      expect(partBytes(number)).toBeLessThanOrEqual(5 * 1024 * MIB);
      sum += partBytes(number);
    }
    expect(sum).toBeGreaterThan(5 * TIB);
  });

  describe("an upload in steps", () => {
    // Catches bytes that were acknowledged and are on one machine's disk only.
    it("is read by another process, to the last byte that was synced", async () => {
      const bytes = randomBytes(LARGE + 100);
      const staging = await store.begin("upl_1");
      for (const stop of [10, 5000, 9 * MIB, LARGE]) {
        const start = await staging.sync();
        await staging.write(bytes.subarray(start, stop));
        expect(await staging.sync()).toBe(stop);
      }
      await staging.write(bytes.subarray(LARGE));
      expect(await uploadIds(open())).toEqual(["upl_1"]);
      for (const size of [7, 5001, 8 * MIB, LARGE]) {
        const read = await collect(await open().readStaged("upl_1", size));
        expect(read.equals(bytes.subarray(0, size))).toBe(true);
      }
      await expect(
        open()
          .readStaged("upl_1", LARGE + 100)
          .then(collect),
      ).rejects.toMatchObject({
        code: "blob.damaged",
      });
      // The parts are the other's now.
      await staging.write(randomBytes(8 * MIB));
      await expect(staging.finish()).rejects.toMatchObject({ code: "blob.staging_gone" });
      await staging.close();
      await open().discard("upl_1");
      expect(await everything()).toEqual([]);
    });

    it("ends like one in one piece, with no bytes copied through this process", async () => {
      const bytes = randomBytes(LARGE);
      const staging = await store.begin("upl_1");
      for (let start = 0; start < LARGE; start += 3 * MIB) {
        await staging.write(bytes.subarray(start, start + 3 * MIB));
        await staging.sync();
      }
      const staged = await staging.finish();
      const location = await store.commit(staged);
      await store.discard("upl_1");
      expect((await collect(await store.read(location))).equals(bytes)).toBe(true);
      expect(await everything()).toEqual([location.key]);
    });
  });

  it("shares a bucket with others", async () => {
    const other = openS3BlobStore(await testS3Settings());
    await put(store, "upl_1", chunks(Buffer.from("mine")));
    expect([await keys(other), await uploadIds(other)]).toEqual([[], []]);
    await other.close();
  });

  it("reports what is no object, and nothing can be asked for under such a key", async () => {
    const sha256 = "ab".repeat(32);
    const s3 = plainS3(settings);
    const strays = [
      "README",
      `ab/${sha256}`,
      `cd/${sha256}/upl_1`,
      `ab/${sha256}/upl_1/x`,
      `ab/${sha256}/upl-1`,
    ];
    for (const name of strays)
      await s3.putObject({
        Bucket: settings.bucket,
        Key: `${settings.prefix}objects/${name}`,
        Body: "stray",
      });
    s3.destroy();
    const entries = await Array.fromAsync(store.list());
    expect(entries.map(({ key, sha256: digest }) => [key, digest])).toEqual(
      strays.map((name) => [`objects/${name}`, null]).toSorted(),
    );
    for (const { key } of entries)
      await expect(store.remove({ sha256, key })).rejects.toMatchObject({ code: "blob.invalid_key" });
  });

  describe("a bucket that keeps versions", () => {
    it("keeps none of what is removed", async () => {
      const s3 = plainS3(settings);
      const bucket = `versions-${randomUUID()}`;
      await s3.createBucket({ Bucket: bucket });
      await s3.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } });
      const versioned = open({ bucket });
      const location = await put(versioned, "upl_1", chunks(randomBytes(LARGE)));
      await versioned.remove(location);
      await versioned.health();
      expect(await versioned.size(location)).toBeNull();
      const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket: bucket });
      expect([Versions, DeleteMarkers]).toEqual([[], []]);
      expect(await versioned.abilities()).toMatchObject({ versioning: true });
      s3.destroy();
    });
  });

  it("says what it can do, and leaves nothing behind", async () => {
    const abilities = {
      checks_content_md5: true,
      conditional_put: true,
      ranges: true,
      versioning: false,
      object_lock: false,
    };
    expect(await store.abilities()).toEqual(abilities);
    expect(await everything()).toEqual([]);
  });

  describe("refuses to work", () => {
    it.each([
      ["without its bucket", { bucket: "not-there" }, "blob.bucket_missing"],
      ["for an unknown user", { accessKeyId: "nobody" }, "blob.access_denied"],
      ["with a wrong secret", { secretAccessKey: new Secret("5ecret") }, "blob.access_denied"],
      ["without its authorities", { caFile: "/nowhere/ca.pem" }, "blob.ca_unreadable"],
    ] as const)("%s, and tells no secret", async (_what, changes, code) => {
      const refusing = open(changes);
      const error = await refusing.health().then(
        () => undefined,
        (refused: unknown) => refused,
      );
      expect(error).toMatchObject({ code });
      expect(`${JSON.stringify(error)}${String((error as Error).stack)}`).not.toMatch(/5ecret|dist-secret/);
      await expect(put(refusing, "upl_1", chunks(Buffer.from("x")))).rejects.toMatchObject({ code });
    });

    it("with a clock that is an hour off", async () => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
      try {
        await expect(open().health()).rejects.toMatchObject({ code: "blob.clock_skewed" });
      } finally {
        vi.useRealTimers();
      }
    });
  });

  describe("an address for others", () => {
    const head = { disposition: 'attachment; filename="a b.tar.gz"', contentType: "application/gzip" };

    it("gives the bytes under the name that is asked for, until it ends", async () => {
      const location = await put(store, "upl_1", chunks(Buffer.from("hello")));
      const redirecting = open({ downloads: "redirect" });
      const address = await redirecting.presign(location, { ...head, expiresInSeconds: 60 });
      const answer = await fetch(address!);
      expect(await answer.text()).toBe("hello");
      expect(answer.headers.get("content-disposition")).toBe(head.disposition);
      expect(answer.headers.get("content-type")).toBe(head.contentType);
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 120_000 });
      const past = await redirecting.presign(location, { ...head, expiresInSeconds: 60 });
      vi.useRealTimers();
      expect((await fetch(past!)).status).toBe(403);
    });

    it("is not made where bytes go through the server", async () => {
      const location = await put(store, "upl_1", chunks(Buffer.from("hello")));
      expect(await store.presign(location, { ...head, expiresInSeconds: 60 })).toBeNull();
    });
  });
});
