import { randomBytes } from "node:crypto";

import { beforeEach, describe, expect, it } from "vitest";

import type { BlobLocation, StagedBlob } from "../blob-store.ts";
import { chunks, collect, collectPassing, keys, place, put, readAll, uploadIds } from "./blob-bytes.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;

/** What is there: put back, taken away, read, locked, listed. */
export function keepingConformance(suite: Suite): void {
  describe(`${suite.name}: ensuring and removing`, () => {
    let staged: StagedBlob;
    let location: BlobLocation;
    beforeEach(async () => {
      staged = await suite.store.stage("upl_1", chunks(Buffer.from("kept")));
      location = await suite.store.commit(staged);
    });

    it("leaves an object that is there", async () => {
      expect(await suite.store.ensure(staged, location)).toBe(true);
      await suite.store.discard("upl_1");
      expect(await suite.store.ensure(staged, location)).toBe(true);
    });

    // In a fresh place, where places are: a removal that comes late must not take what was put back.
    it("puts a removed object back from staging", async () => {
      await suite.store.remove(location);
      expect(await suite.store.size(location)).toBeNull();
      expect(await suite.store.ensure(staged, location)).toBe(suite.isByDigest);
      const again = await suite.store.commit(staged, location);
      expect(again.key === location.key).toBe(suite.isByDigest);
      expect(await readAll(suite.store, again)).toEqual(Buffer.from("kept"));
      expect(await suite.store.commit(staged)).toMatchObject(place(again));
      expect(await keys(suite.store)).toEqual([again.key]);
    });

    it("says so when object and staging are both gone", async () => {
      await suite.store.discard("upl_1");
      await suite.store.remove(location);
      expect(await suite.store.ensure(staged, location)).toBe(false);
      expect(await keys(suite.store)).toEqual([]);
    });

    // Catches bytes put under a digest that is not theirs.
    it("refuses to put bytes back under another digest", async () => {
      await expect(suite.store.ensure(staged, suite.absent)).rejects.toThrow("own digest");
    });

    it("removes only what it is told, and what is missing without complaint", async () => {
      const other = await put(suite.store, "upl_2", chunks(Buffer.from("other")));
      await suite.store.remove(location);
      await suite.store.remove(location);
      await suite.store.remove(suite.absent);
      expect(await keys(suite.store)).toEqual([other.key]);
    });
  });

  describe(`${suite.name}: reading`, () => {
    const bytes = randomBytes(MIB + 5);
    let location: BlobLocation;
    beforeEach(async () => {
      location = await put(suite.store, "upl_1", chunks(bytes));
    });

    it.each([
      ["the start only", { start: 300_000 }, bytes.subarray(300_000)],
      ["start to end", { start: 10, end: 19 }, bytes.subarray(10, 20)],
      ["one byte", { start: 7, end: 7 }, bytes.subarray(7, 8)],
      ["the last byte", { start: MIB + 4 }, bytes.subarray(MIB + 4)],
      ["across reads", { start: 262_143, end: 786_433 }, bytes.subarray(262_143, 786_434)],
      ["an end beyond the object", { start: MIB, end: 10 * MIB }, bytes.subarray(MIB)],
    ])("cuts %s", async (_what, range, expected) => {
      const stream = await suite.store.read(location, range);
      expect((await collect(stream)).equals(expected)).toBe(true);
      expect((await collectPassing(await suite.store.readChunks(location, range))).equals(expected)).toBe(
        true,
      );
    });

    it.each([
      ["a start at the end", { start: MIB + 5 }],
      ["a start beyond the end", { start: 10 * MIB, end: 11 * MIB }],
      ["an end before the start", { start: 5, end: 4 }],
      ["a negative start", { start: -1 }],
      ["a fraction", { start: 0.5 }],
      ["no number", { start: Number.NaN }],
    ])("refuses %s", async (_what, range) => {
      await expect(suite.store.read(location, range)).rejects.toMatchObject({ code: "blob.range_invalid" });
      await expect(suite.store.readChunks(location, range)).rejects.toMatchObject({
        code: "blob.range_invalid",
      });
    });

    it("reads an empty object, of which no range can be cut", async () => {
      const empty = await put(suite.store, "upl_2", chunks());
      expect(await suite.store.size(empty)).toBe(0);
      expect(await readAll(suite.store, empty)).toHaveLength(0);
      expect(await collectPassing(await suite.store.readChunks(empty))).toHaveLength(0);
      await expect(suite.store.read(empty, { start: 0 })).rejects.toMatchObject({
        code: "blob.range_invalid",
      });
      const random = await suite.store.openRandom(empty);
      expect(await random.read(0, 10)).toHaveLength(0);
      await random.close();
    });

    it("reads at any place, fewer bytes only at the end", async () => {
      const random = await suite.store.openRandom(location);
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
      expect(await suite.store.size(suite.absent)).toBeNull();
      await expect(suite.store.read(suite.absent)).rejects.toMatchObject({ code: "blob.not_found" });
      await expect(suite.store.readChunks(suite.absent)).rejects.toMatchObject({ code: "blob.not_found" });
      await expect(suite.store.openRandom(suite.absent)).rejects.toMatchObject({ code: "blob.not_found" });
    });

    it("goes on reading an object that is removed meanwhile", async () => {
      const stream = await suite.store.read(location);
      await suite.store.remove(location);
      expect((await collect(stream)).equals(bytes)).toBe(true);
    });
  });

  describe(`${suite.name}: locks`, () => {
    it("are refused, and what was to be locked can be removed", async () => {
      const location = await put(suite.store, "upl_1", chunks(Buffer.from("free")));
      const request = { sizeBytes: 4, untilMs: Date.now() + 60_000 };
      await expect(suite.store.lock(location, request)).rejects.toMatchObject({
        code: "blob.no_object_lock",
      });
      expect(await suite.store.lockedUntil(location)).toBeNull();
      await suite.store.remove(location);
      expect(await suite.store.size(location)).toBeNull();
    });
  });

  describe(`${suite.name}: listing and health`, () => {
    it("is empty and well before the first write", async () => {
      expect(await keys(suite.store)).toEqual([]);
      expect(await uploadIds(suite.store)).toEqual([]);
      await suite.store.health();
      expect(await uploadIds(suite.store)).toEqual([]);
    });

    it("lists objects in key order, with their sizes", async () => {
      const expected = [];
      for (let index = 0; index < 40; index++) {
        const location = await put(suite.store, `upl_${index}`, chunks(Buffer.alloc(index, index)));
        expected.push({ key: location.key, sha256: location.sha256, sizeBytes: index });
      }
      expected.sort((a, b) => (a.key < b.key ? -1 : 1));
      expect(await Array.fromAsync(suite.store.list())).toMatchObject(expected);
    });

    it("lists uploads in name order, with their sizes and times", async () => {
      const before = Date.now();
      for (const [uploadId, sizeBytes] of [
        ["upl_b", 2],
        ["upl_a", 3],
        ["UPL_c", 0],
      ] as const) {
        await suite.store.stage(uploadId, chunks(Buffer.alloc(sizeBytes)));
      }
      const entries = await Array.fromAsync(suite.store.listStaging());
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
}
