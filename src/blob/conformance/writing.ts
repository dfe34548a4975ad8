import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";

import { afterEach, describe, expect, it } from "vitest";

import type { BlobLocation } from "../blob-store.ts";
import {
  chunks,
  collect,
  digestsOf,
  inRandomChunks,
  keys,
  place,
  put,
  readAll,
  uploadIds,
} from "./blob-bytes.ts";
import type { Suite } from "./suite.ts";

const MIB = 1024 * 1024;

/** How bytes come in: in one piece, in steps, and what is left of a transfer that breaks. */
export function writingConformance(suite: Suite): void {
  describe(`${suite.name}: putting`, () => {
    it.each([0, 1, 65_535, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 5 * MIB + 3])(
      "keeps %d bytes and names them by both digests",
      async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes);
        const staged = await suite.store.stage("upl_1", inRandomChunks(bytes));
        expect(staged).toEqual({ uploadId: "upl_1", ...(await digestsOf(bytes)) });
        const location = await suite.store.commit(staged);
        expect(location).toMatchObject({
          sha256: staged.sha256,
          key: suite.keyOf(staged.sha256, "upl_1"),
        });
        expect(await suite.store.size(location)).toBe(sizeBytes);
        expect((await readAll(suite.store, location)).equals(bytes)).toBe(true);
      },
    );

    // Catches a store that keeps the chunk instead of its bytes: it would hold the last chunk over and over.
    it("takes chunks whose memory the source uses again", async () => {
      const chunk = Buffer.alloc(700_000);
      async function* source(): AsyncGenerator<Uint8Array> {
        for (let value = 1; value <= 12; value++) yield chunk.fill(value);
      }
      const location = await put(suite.store, "upl_1", source());
      const expected = Buffer.concat(
        Array.from({ length: 12 }, (_, index) => Buffer.alloc(700_000, index + 1)),
      );
      expect((await readAll(suite.store, location)).equals(expected)).toBe(true);
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
      await suite.store.stage("upl_1", source(), { onProgress: (stagedBytes) => (taken = stagedBytes) });
      expect(taken).toBe(40 * MIB);
    });

    it("is readable after commit and before discard, and keeps the object after discard", async () => {
      const bytes = Buffer.from("between commit and discard");
      const staged = await suite.store.stage("upl_1", chunks(bytes));
      expect(await keys(suite.store)).toEqual([]);
      const location = await suite.store.commit(staged);
      expect(await uploadIds(suite.store)).toEqual(["upl_1"]);
      expect(await readAll(suite.store, location)).toEqual(bytes);
      await suite.store.discard("upl_1");
      expect(await uploadIds(suite.store)).toEqual([]);
      expect(await readAll(suite.store, location)).toEqual(bytes);
    });

    it("commits again, even after discard, and tolerates a second discard", async () => {
      const staged = await suite.store.stage("upl_1", chunks(Buffer.from("twice")));
      const location = await suite.store.commit(staged);
      expect(await suite.store.commit(staged)).toMatchObject(place(location));
      await suite.store.discard("upl_1");
      await suite.store.discard("upl_1");
      expect(await suite.store.commit(staged)).toMatchObject(place(location));
      expect(await keys(suite.store)).toEqual([location.key]);
    });

    it("keeps the same bytes once", async () => {
      const first = await suite.store.stage("upl_1", chunks(Buffer.from("same")));
      const second = await suite.store.stage("upl_2", chunks(Buffer.from("sa"), Buffer.from("me")));
      const location = await suite.store.commit(first);
      expect(await suite.store.commit(second, location)).toMatchObject(place(location));
      expect(await keys(suite.store)).toHaveLength(1);
      if (suite.isByDigest) expect(await suite.store.commit(second)).toEqual(location);
      await suite.store.discard("upl_1");
      await suite.store.discard("upl_2");
      expect(await uploadIds(suite.store)).toEqual([]);
      expect(await keys(suite.store)).toHaveLength(1);
    });

    it("takes the same and other bytes from many writers at once", async () => {
      const same = randomBytes(MIB + 17);
      const locations = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          put(
            suite.store,
            `upl_${index}`,
            inRandomChunks(index % 3 === 0 ? Buffer.from(`own ${index}`) : same),
          ),
        ),
      );
      expect(new Set(locations.map((location) => location.key)).size).toBe(suite.isByDigest ? 5 : 12);
      expect(await keys(suite.store)).toHaveLength(suite.isByDigest ? 5 : 12);
      expect(await uploadIds(suite.store)).toEqual([]);
      expect((await readAll(suite.store, locations[1] as BlobLocation)).equals(same)).toBe(true);
    });

    it("refuses a second upload under one id and leaves the first alone", async () => {
      const staged = await suite.store.stage("upl_1", chunks(Buffer.from("first")));
      await expect(suite.store.stage("upl_1", chunks(Buffer.from("second")))).rejects.toMatchObject({
        code: "blob.upload_exists",
      });
      expect(await readAll(suite.store, await suite.store.commit(staged))).toEqual(Buffer.from("first"));
    });
  });

  describe(`${suite.name}: staging in steps`, () => {
    it("keeps what was synced, reads it back, and ends like a transfer in one piece", async () => {
      const bytes = randomBytes(3 * MIB + 5);
      const staging = await suite.store.begin("upl_1");
      await staging.write(bytes.subarray(0, MIB + 1));
      expect(await staging.sync()).toBe(MIB + 1);
      expect(await staging.sync()).toBe(MIB + 1);
      expect(await collect(await suite.store.readStaged("upl_1", MIB))).toEqual(bytes.subarray(0, MIB));
      // Writing goes on while the bytes before are made durable.
      const [synced] = await Promise.all([staging.sync(), staging.write(bytes.subarray(MIB + 1))]);
      expect(synced).toBeGreaterThanOrEqual(MIB + 1);
      const staged = await staging.finish();
      expect(staged).toEqual({ uploadId: "upl_1", ...(await digestsOf(bytes)) });
      expect(await collect(await suite.store.readStaged("upl_1", bytes.length))).toEqual(bytes);
      const location = await suite.store.commit(staged);
      await suite.store.discard("upl_1");
      expect(await readAll(suite.store, location)).toEqual(bytes);
    });

    it("leaves what was synced to whoever comes later", async () => {
      const staging = await suite.store.begin("upl_1");
      await staging.write(Buffer.from("kept"));
      await staging.sync();
      await staging.close();
      expect((await collect(await suite.store.readStaged("upl_1", 4))).toString()).toBe("kept");
      await expect(suite.store.begin("upl_1")).rejects.toMatchObject({ code: "blob.upload_exists" });
      await suite.store.discard("upl_1");
      await expect(suite.store.readStaged("upl_1", 4)).rejects.toMatchObject({ code: "blob.not_found" });
    });
  });

  describe(`${suite.name}: a transfer that breaks`, () => {
    afterEach(async () => {
      expect(await uploadIds(suite.store)).toEqual([]);
      expect(await keys(suite.store)).toEqual([]);
    });

    // Catches a store that mistakes the client's errors for its own disk's.
    it("passes on what the source raised", async () => {
      const broken = Object.assign(new Error("the client hung up"), { code: "ENOSPC" });
      async function* source(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(3 * MIB);
        throw broken;
      }
      await expect(suite.store.stage("upl_1", source())).rejects.toBe(broken);
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
      await expect(suite.store.stage("upl_1", source(), { onProgress })).rejects.toThrow("no more");
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
      await expect(suite.store.stage("upl_1", source(), { signal: abort.signal, onProgress })).rejects.toBe(
        reason,
      );
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
      await expect(suite.store.stage("upl_1", source(), { signal: abort.signal })).rejects.toBe(reason);
    });

    it("stops at an abort that came with the last chunk, or before the first", async () => {
      const abort = new AbortController();
      const reason = new Error("cancelled");
      async function* source(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(10);
        abort.abort(reason);
      }
      await expect(suite.store.stage("upl_1", source(), { signal: abort.signal })).rejects.toBe(reason);
      await expect(suite.store.stage("upl_2", source(), { signal: abort.signal })).rejects.toBe(reason);
    });

    it("refuses the first byte beyond maxBytes", async () => {
      const bytes = [Buffer.alloc(MIB), Buffer.alloc(MIB), Buffer.alloc(1)];
      await expect(suite.store.stage("upl_1", chunks(...bytes), { maxBytes: 2 * MIB })).rejects.toMatchObject(
        {
          code: "blob.too_large",
          details: { maxBytes: 2 * MIB },
        },
      );
      const fits = await suite.store.stage("upl_2", chunks(...bytes), { maxBytes: 2 * MIB + 1 });
      expect(fits.sizeBytes).toBe(2 * MIB + 1);
      await suite.store.discard("upl_2");
    });

    it("has no object to commit once staging is gone", async () => {
      const staged = await suite.store.stage("upl_1", chunks(Buffer.from("dropped")));
      await suite.store.discard("upl_1");
      await expect(suite.store.commit(staged)).rejects.toMatchObject({ code: "blob.staging_gone" });
    });
  });
}
