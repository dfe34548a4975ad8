import { createHash, randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { delay } from "../base/async.ts";
import { createDualHasher } from "../base/digest.ts";
import type { BlobLocation, BlobStore, PassingChunks, StagedBlob } from "./blob-store.ts";

const MIB = 1024 * 1024;

/** Of bytes that no test stores. */
const SOME_DIGEST = createHash("sha256").update("never stored").digest("hex");

/** Makes an empty store, and what takes it away again. */
export type OpenForTest = () => Promise<{ readonly store: BlobStore; readonly cleanup: () => Promise<void> }>;

/** What adapters of the port promise differently. */
export interface Promises {
  /**
   * Where this upload of the object stands. With the digest alone in its name the same bytes stand once, and stand where they
   * did when they are put back; with the upload's id every upload has its own place.
   */
  readonly keyOf: (sha256: string, uploadId: string) => string;
}

const byDigest: Promises = { keyOf: (sha256) => `objects/${sha256.slice(0, 2)}/${sha256}` };

/** What every adapter of the port promises, as one vitest suite. */
export function blobConformance(name: string, open: OpenForTest, { keyOf }: Promises = byDigest): void {
  const isByDigest = keyOf(SOME_DIGEST, "upl_1") === keyOf(SOME_DIGEST, "upl_2");
  const absent = absentLocation(keyOf);
  let store: BlobStore;
  let cleanup: () => Promise<void>;

  beforeEach(async () => ({ store, cleanup } = await open()));
  afterEach(() => cleanup());

  describe(`${name}: putting`, () => {
    it.each([0, 1, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 5 * MIB + 3])(
      "keeps %d bytes and names them by both digests",
      async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes);
        const staged = await store.stage("upl_1", inRandomChunks(bytes));
        expect(staged).toEqual({ uploadId: "upl_1", ...(await digestsOf(bytes)) });
        const location = await store.commit(staged);
        expect(location).toMatchObject({
          sha256: staged.sha256,
          key: keyOf(staged.sha256, "upl_1"),
        });
        expect(await store.size(location)).toBe(sizeBytes);
        expect((await readAll(store, location)).equals(bytes)).toBe(true);
      },
    );

    // Catches a store that keeps the chunk instead of its bytes: it would hold the last chunk over and over.
    it("takes chunks whose memory the source uses again", async () => {
      const chunk = Buffer.alloc(700_000);
      async function* source(): AsyncGenerator<Uint8Array> {
        for (let value = 1; value <= 12; value++) yield chunk.fill(value);
      }
      const location = await put(store, "upl_1", source());
      const expected = Buffer.concat(
        Array.from({ length: 12 }, (_, index) => Buffer.alloc(700_000, index + 1)),
      );
      expect((await readAll(store, location)).equals(expected)).toBe(true);
    });

    // Catches a store that reads ahead of its writes: a fast client and a slow disk would fill the memory.
    it("asks for a chunk only after taking the one before", async () => {
      let taken = 0;
      let yielded = 0;
      async function* source(): AsyncGenerator<Uint8Array> {
        for (; yielded < 40; yielded++) {
          expect(taken).toBe(yielded * MIB);
          yield Buffer.alloc(MIB, yielded);
        }
      }
      await store.stage("upl_1", source(), { onProgress: (stagedBytes) => (taken = stagedBytes) });
      expect(taken).toBe(40 * MIB);
    });

    it("is readable after commit and before discard, and keeps the object after discard", async () => {
      const bytes = Buffer.from("between commit and discard");
      const staged = await store.stage("upl_1", chunks(bytes));
      expect(await keys(store)).toEqual([]);
      const location = await store.commit(staged);
      expect(await uploadIds(store)).toEqual(["upl_1"]);
      expect(await readAll(store, location)).toEqual(bytes);
      await store.discard("upl_1");
      expect(await uploadIds(store)).toEqual([]);
      expect(await readAll(store, location)).toEqual(bytes);
    });

    it("commits again, even after discard, and tolerates a second discard", async () => {
      const staged = await store.stage("upl_1", chunks(Buffer.from("twice")));
      const location = await store.commit(staged);
      expect(await store.commit(staged)).toMatchObject(place(location));
      await store.discard("upl_1");
      await store.discard("upl_1");
      expect(await store.commit(staged)).toMatchObject(place(location));
      expect(await keys(store)).toEqual([location.key]);
    });

    it("keeps the same bytes once", async () => {
      const first = await store.stage("upl_1", chunks(Buffer.from("same")));
      const second = await store.stage("upl_2", chunks(Buffer.from("sa"), Buffer.from("me")));
      const location = await store.commit(first);
      expect(await store.commit(second, location)).toMatchObject(place(location));
      expect(await keys(store)).toHaveLength(1);
      if (isByDigest) expect(await store.commit(second)).toEqual(location);
      await store.discard("upl_1");
      await store.discard("upl_2");
      expect(await uploadIds(store)).toEqual([]);
      expect(await keys(store)).toHaveLength(1);
    });

    it("takes the same and other bytes from many writers at once", async () => {
      const same = randomBytes(MIB + 17);
      const locations = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          put(store, `upl_${index}`, inRandomChunks(index % 3 === 0 ? Buffer.from(`own ${index}`) : same)),
        ),
      );
      expect(new Set(locations.map((location) => location.key)).size).toBe(isByDigest ? 5 : 12);
      expect(await keys(store)).toHaveLength(isByDigest ? 5 : 12);
      expect(await uploadIds(store)).toEqual([]);
      expect((await readAll(store, locations[1] as BlobLocation)).equals(same)).toBe(true);
    });

    it("refuses a second upload under one id and leaves the first alone", async () => {
      const staged = await store.stage("upl_1", chunks(Buffer.from("first")));
      await expect(store.stage("upl_1", chunks(Buffer.from("second")))).rejects.toMatchObject({
        code: "blob.upload_exists",
      });
      expect(await readAll(store, await store.commit(staged))).toEqual(Buffer.from("first"));
    });
  });

  describe(`${name}: staging in steps`, () => {
    it("keeps what was synced, reads it back, and ends like a transfer in one piece", async () => {
      const bytes = randomBytes(3 * MIB + 5);
      const staging = await store.begin("upl_1");
      await staging.write(bytes.subarray(0, MIB + 1));
      expect(await staging.sync()).toBe(MIB + 1);
      expect(await staging.sync()).toBe(MIB + 1);
      expect(await collect(await store.readStaged("upl_1", MIB))).toEqual(bytes.subarray(0, MIB));
      // Writing goes on while the bytes before are made durable.
      const [synced] = await Promise.all([staging.sync(), staging.write(bytes.subarray(MIB + 1))]);
      expect(synced).toBeGreaterThanOrEqual(MIB + 1);
      const staged = await staging.finish();
      expect(staged).toEqual({ uploadId: "upl_1", ...(await digestsOf(bytes)) });
      expect(await collect(await store.readStaged("upl_1", bytes.length))).toEqual(bytes);
      const location = await store.commit(staged);
      await store.discard("upl_1");
      expect(await readAll(store, location)).toEqual(bytes);
    });

    it("leaves what was synced to whoever comes later", async () => {
      const staging = await store.begin("upl_1");
      await staging.write(Buffer.from("kept"));
      await staging.sync();
      await staging.close();
      expect((await collect(await store.readStaged("upl_1", 4))).toString()).toBe("kept");
      await expect(store.begin("upl_1")).rejects.toMatchObject({ code: "blob.upload_exists" });
      await store.discard("upl_1");
      await expect(store.readStaged("upl_1", 4)).rejects.toMatchObject({ code: "blob.not_found" });
    });
  });

  describe(`${name}: a transfer that breaks`, () => {
    afterEach(async () => {
      expect(await uploadIds(store)).toEqual([]);
      expect(await keys(store)).toEqual([]);
    });

    // Catches a store that mistakes the client's errors for its own disk's.
    it("passes on what the source raised", async () => {
      const broken = Object.assign(new Error("the client hung up"), { code: "ENOSPC" });
      async function* source(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(3 * MIB);
        throw broken;
      }
      await expect(store.stage("upl_1", source())).rejects.toBe(broken);
    });

    it("passes on what the progress callback raised, and closes the source", async () => {
      let closed = false;
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield Buffer.alloc(1000);
        } finally {
          closed = true;
        }
      }
      const onProgress = (): void => {
        throw new RangeError("no more");
      };
      await expect(store.stage("upl_1", source(), { onProgress })).rejects.toThrow("no more");
      expect(closed).toBe(true);
    });

    it("stops at an abort between chunks, and closes the source", async () => {
      const abort = new AbortController();
      const reason = new Error("cancelled");
      let closed = false;
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          for (;;) {
            yield Buffer.alloc(MIB);
            await setImmediate();
          }
        } finally {
          closed = true;
        }
      }
      const onProgress = (stagedBytes: number): void => {
        if (stagedBytes >= 3 * MIB) abort.abort(reason);
      };
      await expect(store.stage("upl_1", source(), { signal: abort.signal, onProgress })).rejects.toBe(reason);
      await setImmediate();
      expect(closed).toBe(true);
    });

    // Catches a store that looks at the signal only when a chunk arrives: a stalled client would hold its upload for ever.
    it("stops at an abort while the source is silent", async () => {
      const abort = new AbortController();
      const reason = new Error("cancelled");
      async function* source(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(10);
        queueMicrotask(() => abort.abort(reason));
        await new Promise(() => {});
      }
      await expect(store.stage("upl_1", source(), { signal: abort.signal })).rejects.toBe(reason);
    });

    it("stops at an abort that came with the last chunk, or before the first", async () => {
      const abort = new AbortController();
      const reason = new Error("cancelled");
      async function* source(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(10);
        abort.abort(reason);
      }
      await expect(store.stage("upl_1", source(), { signal: abort.signal })).rejects.toBe(reason);
      await expect(store.stage("upl_2", source(), { signal: abort.signal })).rejects.toBe(reason);
    });

    it("refuses the first byte beyond maxBytes", async () => {
      const bytes = [Buffer.alloc(MIB), Buffer.alloc(MIB), Buffer.alloc(1)];
      await expect(store.stage("upl_1", chunks(...bytes), { maxBytes: 2 * MIB })).rejects.toMatchObject({
        code: "blob.too_large",
        details: { maxBytes: 2 * MIB },
      });
      const fits = await store.stage("upl_2", chunks(...bytes), { maxBytes: 2 * MIB + 1 });
      expect(fits.sizeBytes).toBe(2 * MIB + 1);
      await store.discard("upl_2");
    });

    it("has no object to commit once staging is gone", async () => {
      const staged = await store.stage("upl_1", chunks(Buffer.from("dropped")));
      await store.discard("upl_1");
      await expect(store.commit(staged)).rejects.toMatchObject({ code: "blob.staging_gone" });
    });
  });

  describe(`${name}: ensuring and removing`, () => {
    let staged: StagedBlob;
    let location: BlobLocation;
    beforeEach(async () => {
      staged = await store.stage("upl_1", chunks(Buffer.from("kept")));
      location = await store.commit(staged);
    });

    it("leaves an object that is there", async () => {
      expect(await store.ensure(staged, location)).toBe(true);
      await store.discard("upl_1");
      expect(await store.ensure(staged, location)).toBe(true);
    });

    // In a fresh place, where places are: a removal that comes late must not take what was put back.
    it("puts a removed object back from staging", async () => {
      await store.remove(location);
      expect(await store.size(location)).toBeNull();
      expect(await store.ensure(staged, location)).toBe(isByDigest);
      const again = await store.commit(staged, location);
      expect(again.key === location.key).toBe(isByDigest);
      expect(await readAll(store, again)).toEqual(Buffer.from("kept"));
      expect(await store.commit(staged)).toMatchObject(place(again));
      expect(await keys(store)).toEqual([again.key]);
    });

    it("says so when object and staging are both gone", async () => {
      await store.discard("upl_1");
      await store.remove(location);
      expect(await store.ensure(staged, location)).toBe(false);
      expect(await keys(store)).toEqual([]);
    });

    // Catches bytes put under a digest that is not theirs.
    it("refuses to put bytes back under another digest", async () => {
      await expect(store.ensure(staged, absent)).rejects.toThrow("own digest");
    });

    it("removes only what it is told, and what is missing without complaint", async () => {
      const other = await put(store, "upl_2", chunks(Buffer.from("other")));
      await store.remove(location);
      await store.remove(location);
      await store.remove(absent);
      expect(await keys(store)).toEqual([other.key]);
    });
  });

  describe(`${name}: reading`, () => {
    const bytes = randomBytes(MIB + 5);
    let location: BlobLocation;
    beforeEach(async () => {
      location = await put(store, "upl_1", chunks(bytes));
    });

    it.each([
      ["the start only", { start: 300_000 }, bytes.subarray(300_000)],
      ["start to end", { start: 10, end: 19 }, bytes.subarray(10, 20)],
      ["one byte", { start: 7, end: 7 }, bytes.subarray(7, 8)],
      ["the last byte", { start: MIB + 4 }, bytes.subarray(MIB + 4)],
      ["across reads", { start: 262_143, end: 786_433 }, bytes.subarray(262_143, 786_434)],
      ["an end beyond the object", { start: MIB, end: 10 * MIB }, bytes.subarray(MIB)],
    ])("cuts %s", async (_what, range, expected) => {
      const stream = await store.read(location, range);
      expect((await collect(stream)).equals(expected)).toBe(true);
      expect((await collectPassing(await store.readChunks(location, range))).equals(expected)).toBe(true);
    });

    it.each([
      ["a start at the end", { start: MIB + 5 }],
      ["a start beyond the end", { start: 10 * MIB, end: 11 * MIB }],
      ["an end before the start", { start: 5, end: 4 }],
      ["a negative start", { start: -1 }],
      ["a fraction", { start: 0.5 }],
      ["no number", { start: Number.NaN }],
    ])("refuses %s", async (_what, range) => {
      await expect(store.read(location, range)).rejects.toMatchObject({ code: "blob.range_invalid" });
      await expect(store.readChunks(location, range)).rejects.toMatchObject({ code: "blob.range_invalid" });
    });

    it("reads an empty object, of which no range can be cut", async () => {
      const empty = await put(store, "upl_2", chunks());
      expect(await store.size(empty)).toBe(0);
      expect(await readAll(store, empty)).toHaveLength(0);
      expect(await collectPassing(await store.readChunks(empty))).toHaveLength(0);
      await expect(store.read(empty, { start: 0 })).rejects.toMatchObject({ code: "blob.range_invalid" });
      const random = await store.openRandom(empty);
      expect(await random.read(0, 10)).toHaveLength(0);
      await random.close();
    });

    it("reads at any place, fewer bytes only at the end", async () => {
      const random = await store.openRandom(location);
      expect(random.sizeBytes).toBe(MIB + 5);
      expect(Buffer.from(await random.read(500_000, 600_000))).toEqual(bytes.subarray(500_000));
      expect(Buffer.from(await random.read(3, 4))).toEqual(bytes.subarray(3, 7));
      expect(await random.read(MIB, Number.MAX_SAFE_INTEGER)).toHaveLength(5);
      expect(await random.read(10 * MIB, 4)).toHaveLength(0);
      // A negative place would mean "from the end" or "wherever the file stands", depending on the adapter.
      await expect(random.read(-1, 4)).rejects.toThrow("offset");
      await expect(random.read(0, -1)).rejects.toThrow("length");
      await random.close();
    });

    it("says when there is no such object", async () => {
      expect(await store.size(absent)).toBeNull();
      await expect(store.read(absent)).rejects.toMatchObject({ code: "blob.not_found" });
      await expect(store.readChunks(absent)).rejects.toMatchObject({ code: "blob.not_found" });
      await expect(store.openRandom(absent)).rejects.toMatchObject({ code: "blob.not_found" });
    });

    it("goes on reading an object that is removed meanwhile", async () => {
      const stream = await store.read(location);
      await store.remove(location);
      expect((await collect(stream)).equals(bytes)).toBe(true);
    });
  });

  // Buckets with object lock have tests of their own: this is the store that has none.
  describe(`${name}: locks`, () => {
    it("are refused, and what was to be locked can be removed", async () => {
      const location = await put(store, "upl_1", chunks(Buffer.from("free")));
      const request = { sizeBytes: 4, untilMs: Date.now() + 60_000 };
      await expect(store.lock(location, request)).rejects.toMatchObject({ code: "blob.no_object_lock" });
      expect(await store.lockedUntil(location)).toBeNull();
      await store.remove(location);
      expect(await store.size(location)).toBeNull();
    });
  });

  describe(`${name}: listing and health`, () => {
    it("is empty and well before the first write", async () => {
      expect(await keys(store)).toEqual([]);
      expect(await uploadIds(store)).toEqual([]);
      await store.health();
      expect(await uploadIds(store)).toEqual([]);
    });

    it("lists objects in key order, with their sizes", async () => {
      const expected = [];
      for (let index = 0; index < 40; index++) {
        const location = await put(store, `upl_${index}`, chunks(Buffer.alloc(index, index)));
        expected.push({ key: location.key, sha256: location.sha256, sizeBytes: index });
      }
      expected.sort((a, b) => (a.key < b.key ? -1 : 1));
      expect(await Array.fromAsync(store.list())).toMatchObject(expected);
    });

    it("lists uploads in name order, with their sizes and times", async () => {
      const before = Date.now();
      for (const [uploadId, sizeBytes] of [
        ["upl_b", 2],
        ["upl_a", 3],
        ["UPL_c", 0],
      ] as const) {
        await store.stage(uploadId, chunks(Buffer.alloc(sizeBytes)));
      }
      const entries = await Array.fromAsync(store.listStaging());
      expect(entries.map(({ uploadId, sizeBytes }) => [uploadId, sizeBytes])).toEqual([
        ["UPL_c", 0],
        ["upl_a", 3],
        ["upl_b", 2],
      ]);
      for (const { modifiedAtMs } of entries) {
        // A file system's clock ticks more coarsely than the process's.
        expect(Math.abs(modifiedAtMs - before)).toBeLessThan(60_000);
      }
    });
  });

  describe(`${name}: names made by an attacker`, () => {
    const sha256 = createHash("sha256").update("attacker").digest("hex");
    const folder = sha256.slice(0, 2);

    it.each([
      ["a way out", { sha256, key: `objects/../../${sha256}` }],
      ["a way into staging", { sha256, key: "staging/upl_1" }],
      ["the database", { sha256, key: "dist.db" }],
      ["an absolute path", { sha256, key: "/etc/passwd" }],
      ["another object's key", { sha256, key: absent.key }],
      ["a wrong folder", { sha256, key: `objects/${folder === "00" ? "01" : "00"}/${sha256}` }],
      ["capital letters", { sha256: sha256.toUpperCase(), key: `objects/${folder}/${sha256.toUpperCase()}` }],
      ["a line end", { sha256: `${sha256}\n`, key: `objects/${folder}/${sha256}\n` }],
      [
        "a digest that is a path",
        { sha256: "../../../../etc/passwd", key: "objects/../../../../../etc/passwd" },
      ],
      ["nothing", { sha256: "", key: "" }],
    ])("refuses a key that is %s", async (_what, location) => {
      const staged = { uploadId: "upl_1", sha256: location.sha256, blake3: "", sizeBytes: 0 };
      const refusal = { code: "blob.invalid_key" };
      await expect(store.size(location)).rejects.toMatchObject(refusal);
      await expect(store.read(location)).rejects.toMatchObject(refusal);
      await expect(store.openRandom(location)).rejects.toMatchObject(refusal);
      await expect(store.remove(location)).rejects.toMatchObject(refusal);
      await expect(store.lock(location, { sizeBytes: 0, untilMs: 0 })).rejects.toMatchObject(refusal);
      await expect(store.lockedUntil(location)).rejects.toMatchObject(refusal);
      await expect(store.ensure(staged, location)).rejects.toMatchObject(refusal);
      expect(() => store.url(location)).toThrow(expect.objectContaining(refusal));
    });

    it("refuses to commit under what is no digest", async () => {
      const staged = await store.stage("upl_1", chunks());
      await expect(store.commit({ ...staged, sha256: "../x" })).rejects.toMatchObject({
        code: "blob.invalid_key",
      });
    });

    it.each(["", ".", "..", "../dist.db", "a/b", "a\\b", "a.b", "upl\0", "upl\n", "ü", "a".repeat(65)])(
      "refuses the upload id %j, without reading the source",
      async (uploadId) => {
        const refusal = { code: "blob.invalid_upload_id" };
        let asked = false;
        async function* source(): AsyncGenerator<Uint8Array> {
          asked = true;
          yield Buffer.alloc(1);
        }
        await expect(store.stage(uploadId, source())).rejects.toMatchObject(refusal);
        await expect(store.begin(uploadId)).rejects.toMatchObject(refusal);
        await expect(store.readStaged(uploadId, 0)).rejects.toMatchObject(refusal);
        expect(asked).toBe(false);
        await expect(store.discard(uploadId)).rejects.toMatchObject(refusal);
        const staged = { uploadId, sha256: absent.sha256, blake3: "", sizeBytes: 0 };
        await expect(store.commit(staged)).rejects.toMatchObject(refusal);
        await expect(store.ensure(staged, absent)).rejects.toMatchObject(refusal);
      },
    );
  });
}

/** Where the bytes stand, whoever put them there. */
function place({ sha256, key }: BlobLocation): BlobLocation {
  return { sha256, key };
}

/** Stages, commits and discards. */
export async function put(
  store: BlobStore,
  uploadId: string,
  source: AsyncIterable<Uint8Array>,
): Promise<BlobLocation> {
  const location = await store.commit(await store.stage(uploadId, source));
  await store.discard(uploadId);
  return location;
}

/** A source of just these chunks. */
export async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

/** A well-formed location at which nothing stands. */
export function absentLocation(keyOf = byDigest.keyOf): BlobLocation {
  return { sha256: SOME_DIGEST, key: keyOf(SOME_DIGEST, "upl_1") };
}

/** The keys of everything listed. */
export async function keys(store: BlobStore): Promise<string[]> {
  return (await Array.fromAsync(store.list())).map((entry) => entry.key);
}

/** The ids of everything staged. */
export async function uploadIds(store: BlobStore): Promise<string[]> {
  return (await Array.fromAsync(store.listStaging())).map((entry) => entry.uploadId);
}

/** All bytes of a stream. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

/** The bytes of chunks whose memory is used again, each looked at late: a reader may be slow. */
async function collectPassing(passing: PassingChunks): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const chunk of passing) {
    await delay(1);
    copies.push(Buffer.from(chunk));
  }
  return Buffer.concat(copies);
}

async function readAll(store: BlobStore, location: BlobLocation): Promise<Buffer> {
  return collect(await store.read(location));
}

async function digestsOf(bytes: Uint8Array) {
  const hasher = await createDualHasher();
  hasher.update(bytes);
  return hasher.digest();
}

/** Chunks of 1 byte to 300 kB, now and then an empty one. */
async function* inRandomChunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength;) {
    if (Math.random() < 0.1) yield new Uint8Array(0);
    const length = 1 + Math.floor(Math.random() ** 2 * 300_000);
    yield bytes.subarray(offset, offset + length);
    offset += length;
  }
}
