import { createHash, randomBytes } from "node:crypto";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openStore, type Store } from "../../src/registry/open-store.ts";
import type { Principal } from "../../src/registry/principal.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import type { UploadPiece } from "../../src/registry/records/objects.ts";
import { openTestStore, sqlOn, stagedNames, testSettings, type TestStore } from "../support/test-store.ts";

const MIB = 1024 * 1024;
const HOUR_MS = 3600 * 1000;

let test: TestStore;
const others: Store[] = [];
beforeEach(async () => (test = await openTestStore()));
afterEach(async () => {
  for (const store of others.splice(0)) await store.close();
  await test.close();
});

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const staged = () => stagedNames(test);
const parts = () => sqlOn(test, "SELECT * FROM upload_part").length;

/** A piece of these bytes, which then breaks off with `error`. */
function piece(offset: number, bytes: Uint8Array, error?: Error): UploadPiece {
  return {
    offset,
    open: async function* () {
      for (let at = 0; at < bytes.length; at += 300_000) yield bytes.subarray(at, at + 300_000);
      if (error !== undefined) throw error;
    },
  };
}

/** A second process, as far as uploads go: it shares nothing but where the store is. */
async function elsewhere(): Promise<Store> {
  const { directory, clock, settings, storage } = test;
  const store = await openStore({ directory, create: false, settings, storage, clock });
  others.push(store);
  return store;
}

const cut = new Error("the connection was cut");

describe("an upload in pieces", () => {
  it("becomes an object with its last byte, leased, with nothing left beside it", async () => {
    const bytes = randomBytes(5 * MIB + 7);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length, metadata: "a MQ==" });
    expect(await test.registry.getUpload(id)).toEqual({
      id,
      size_bytes: bytes.length,
      offset: 0,
      metadata: "a MQ==",
      expires_at: "2026-11-21T15:00:00.000Z",
      object: null,
    });
    const first = await test.registry.appendUpload(id, piece(0, bytes.subarray(0, 2 * MIB)));
    expect([first.offset, first.object]).toEqual([2 * MIB, null]);
    const last = await test.registry.appendUpload(id, piece(2 * MIB, bytes.subarray(2 * MIB)));
    expect(last.object).toMatchObject({
      sha256: sha256Of(bytes),
      size_bytes: bytes.length,
      existed: false,
      lease_expires_at: "2026-11-21T15:00:00.000Z",
    });
    // One file for pieces that follow each other in one process: nothing is copied at the end.
    expect(await staged()).toEqual([]);
    expect(parts()).toBe(0);
    expect(await test.registry.getUpload(id)).toEqual(last);
    // Sent once more, as by a client that lost the answer.
    expect(await test.registry.appendUpload(id, piece(bytes.length, Buffer.alloc(0)))).toEqual(last);
    expect(await test.registry.lookupObject(sha256Of(bytes))).toMatchObject({ size_bytes: bytes.length });
  });

  it("of no bytes is whole when it begins", async () => {
    const upload = await test.registry.createUpload({ size_bytes: 0 });
    expect(upload.object).toMatchObject({ sha256: sha256Of(Buffer.alloc(0)), size_bytes: 0 });
  });

  it("keeps what arrived before a piece broke off, and goes on there", async () => {
    const bytes = randomBytes(4 * MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    await expect(test.registry.appendUpload(id, piece(0, bytes.subarray(0, MIB + 3), cut))).rejects.toBe(cut);
    const { offset } = await test.registry.getUpload(id);
    expect(offset).toBe(MIB + 3);
    const whole = await test.registry.appendUpload(id, piece(offset, bytes.subarray(offset)));
    expect(whole.object?.sha256).toBe(sha256Of(bytes));
  });

  it("goes on in other processes, and is put together from the parts that each wrote", async () => {
    const bytes = randomBytes(3 * MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    let offset = 0;
    for (const store of [test.store, await elsewhere(), test.store, await elsewhere()]) {
      const registry = store.as(localPrincipal("tester"));
      const next = offset === 2 * MIB + 300 ? bytes.length : offset + MIB - 100;
      const end = Math.min(next, bytes.length);
      ({ offset } = await registry.appendUpload(id, piece(offset, bytes.subarray(offset, end))));
    }
    await test.registry.appendUpload(id, piece(offset, bytes.subarray(offset)));
    expect((await test.registry.getUpload(id)).object?.sha256).toBe(sha256Of(bytes));
    expect([await staged(), parts()]).toEqual([[], 0]);
  });

  // Catches a session that says it has everything while there is no object: its client would believe it done.
  it("whose process ended before the object was made is completed by whoever asks", async () => {
    const bytes = randomBytes(2 * MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    await test.registry.appendUpload(id, piece(0, bytes.subarray(0, MIB)));
    // All of it is recorded, but whoever did that does not come to make the object.
    await expect(test.registry.appendUpload(id, piece(MIB, bytes.subarray(MIB), cut))).rejects.toBe(cut);
    expect(sqlOn(test, "SELECT offset_bytes, status FROM upload_session")).toEqual([
      { offset_bytes: bytes.length, status: "open" },
    ]);
    const [here, there] = await Promise.all([
      test.registry.getUpload(id),
      (await elsewhere()).as(localPrincipal("tester")).getUpload(id),
    ]);
    expect(here.object?.sha256).toBe(sha256Of(bytes));
    expect(there).toEqual(here);
    expect([await staged(), parts()]).toEqual([[], 0]);
  });

  it("refuses another offset, more bytes than it has, and what is no size", async () => {
    const { id } = await test.registry.createUpload({ size_bytes: 10 });
    const { registry } = test;
    await registry.appendUpload(id, piece(0, Buffer.from("abc")));
    await expect(registry.appendUpload(id, piece(0, Buffer.from("abc")))).rejects.toMatchObject({
      code: "upload.offset_mismatch",
      details: { offset: 3 },
    });
    await expect(
      registry.appendUpload(id, { ...piece(3, Buffer.alloc(8)), sizeBytes: 8 }),
    ).rejects.toMatchObject({ code: "blob.too_large" });
    await expect(registry.appendUpload(id, piece(3, Buffer.alloc(8)))).rejects.toMatchObject({
      code: "blob.too_large",
    });
    expect(await registry.getUpload(id)).toMatchObject({ offset: 3, object: null });
    for (const size of [-1, 1.5, Number.NaN]) {
      await expect(registry.createUpload({ size_bytes: size })).rejects.toMatchObject({
        code: "upload.invalid_size",
      });
    }
    const tooMuch = { size_bytes: testSettings.maxUploadBytes + 1 };
    await expect(registry.createUpload(tooMuch)).rejects.toMatchObject({ code: "blob.too_large" });
    await expect(registry.createUpload({ size_bytes: 1, metadata: "x".repeat(4097) })).rejects.toMatchObject({
      code: "upload.invalid_metadata",
    });
  });

  it("of somebody else is not there, and who may not upload begins none", async () => {
    const { id } = await test.as(["publish"], { name: "a" }).createUpload({ size_bytes: 10 });
    const stranger = test.as(["publish"], { name: "b" });
    const refusal = { code: "upload.not_found" };
    await expect(stranger.getUpload(id)).rejects.toMatchObject(refusal);
    await expect(stranger.appendUpload(id, piece(0, Buffer.from("x")))).rejects.toMatchObject(refusal);
    await expect(stranger.endUpload(id)).rejects.toMatchObject(refusal);
    const reader = test.as(["read"]);
    await expect(reader.createUpload({ size_bytes: 1 })).rejects.toMatchObject({
      code: "auth.missing_scope",
    });
    await expect(test.anonymous().getUpload(id)).rejects.toMatchObject({ code: "auth.missing_token" });
  });

  it("counts a piece under a checksum whole or not at all", async () => {
    const bytes = randomBytes(MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    const half = bytes.subarray(0, MIB / 2);
    const checksum = (of: Uint8Array) => ({
      algorithm: "sha1",
      digest: createHash("sha1").update(of).digest(),
    });
    const wrong = { ...piece(0, half), checksum: checksum(bytes) };
    await expect(test.registry.appendUpload(id, wrong)).rejects.toMatchObject({
      code: "upload.checksum_mismatch",
    });
    const broken = { ...piece(0, half, cut), checksum: checksum(half) };
    await expect(test.registry.appendUpload(id, broken)).rejects.toBe(cut);
    expect([(await test.registry.getUpload(id)).offset, await staged()]).toEqual([0, []]);
    await test.registry.appendUpload(id, { ...piece(0, half), checksum: checksum(half) });
    const whole = await test.registry.appendUpload(id, piece(MIB / 2, bytes.subarray(MIB / 2)));
    expect(whole.object?.sha256).toBe(sha256Of(bytes));
    expect(await staged()).toEqual([]);
  });

  it("comes in a bounded number of parts", async () => {
    const { id } = await test.registry.createUpload({ size_bytes: 20_000 });
    sqlOn(
      test,
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
       INSERT INTO upload_part SELECT ?, i, 1, 'upl_' || i FROM n`,
      id,
    );
    sqlOn(test, "UPDATE upload_session SET offset_bytes = 10000");
    await expect(test.registry.appendUpload(id, piece(10_000, Buffer.from("x")))).rejects.toMatchObject({
      code: "upload.too_many_parts",
    });
  });
});

describe("two writers of one upload", () => {
  /** A piece that waits before its second half until it is let go. */
  function held(offset: number, bytes: Uint8Array) {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const open = async function* () {
      yield bytes.subarray(0, bytes.length / 2);
      begun.resolve();
      await gate.promise;
      yield bytes.subarray(bytes.length / 2);
    };
    return { piece: { offset, open }, begun: begun.promise, release: () => gate.resolve() };
  }

  it("here: the newer one takes over where the older one has come to", async () => {
    const bytes = randomBytes(2 * MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    const first = held(0, bytes);
    const older = test.registry.appendUpload(id, first.piece);
    const outcome = expect(older).rejects.toMatchObject({ code: "upload.taken_over" });
    await first.begun;
    await expect(test.registry.appendUpload(id, piece(0, bytes))).rejects.toMatchObject({
      code: "upload.offset_mismatch",
      details: { offset: MIB },
    });
    await outcome;
    first.release();
    const whole = await test.registry.appendUpload(id, piece(MIB, bytes.subarray(MIB)));
    expect(whole.object?.sha256).toBe(sha256Of(bytes));
  });

  it("here: asking for the offset records what has come and stops nobody", async () => {
    const bytes = randomBytes(2 * MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    const first = held(0, bytes);
    const appended = test.registry.appendUpload(id, first.piece);
    await first.begun;
    expect((await test.registry.getUpload(id)).offset).toBe(MIB);
    first.release();
    expect((await appended).object?.sha256).toBe(sha256Of(bytes));
  });

  // Catches an offset that two processes move: bytes of both would stand in one upload.
  it("in two processes: the older one's bytes do not count", async () => {
    const bytes = randomBytes(2 * MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    const first = held(0, randomBytes(2 * MIB));
    const older = test.registry.appendUpload(id, first.piece);
    const outcome = expect(older).rejects.toMatchObject({ code: "upload.taken_over" });
    await first.begun;
    const other = (await elsewhere()).as(localPrincipal("tester"));
    await other.appendUpload(id, piece(0, bytes.subarray(0, MIB / 2)));
    first.release();
    await outcome;
    const whole = await other.appendUpload(id, piece(MIB / 2, bytes.subarray(MIB / 2)));
    expect(whole.object?.sha256).toBe(sha256Of(bytes));
    expect(await staged()).toEqual([]);
  });

  it("many at once, here and elsewhere: one wins each offset and no byte is lost or mixed", async () => {
    const bytes = randomBytes(3 * MIB);
    const { id } = await test.registry.createUpload({ size_bytes: bytes.length });
    const stores = [test.store, await elsewhere(), test.store, await elsewhere()];
    const send = async (store: Store): Promise<string> => {
      const registry = store.as(localPrincipal("tester"));
      for (let tries = 0; tries < 200; tries++) {
        const { offset, object } = await registry.getUpload(id);
        if (object !== null) return object.sha256;
        const end = Math.min(bytes.length, offset + 1 + Math.floor(Math.random() * 700_000));
        await registry
          .appendUpload(id, piece(offset, bytes.subarray(offset, end)))
          .catch((error: unknown) => {
            expect(error).toMatchObject({
              code: expect.stringMatching(/^upload\.(offset_mismatch|taken_over)$/),
            });
          });
      }
      return "never";
    };
    expect(new Set(await Promise.all(stores.map(send)))).toEqual(new Set([sha256Of(bytes)]));
    expect([await staged(), parts()]).toEqual([[], 0]);
  });
});

describe("an upload that ends otherwise", () => {
  it("is forgotten with its bytes when its client says so; the object of a whole one stays", async () => {
    const { registry } = test;
    const { id } = await registry.createUpload({ size_bytes: 10 });
    await registry.appendUpload(id, piece(0, Buffer.from("abc")));
    await registry.endUpload(id);
    await expect(registry.getUpload(id)).rejects.toMatchObject({ code: "upload.not_found" });
    expect(await staged()).toEqual([]);
    const whole = await registry.createUpload({ size_bytes: 3 });
    await registry.appendUpload(whole.id, piece(0, Buffer.from("abc")));
    await registry.endUpload(whole.id);
    expect(await registry.lookupObject(sha256Of(Buffer.from("abc")))).not.toBeNull();
  });

  it("expires a day after its last byte, with an event; neither a moving one nor a whole one does", async () => {
    const { registry, store, clock } = test;
    const [moving, still] = [
      await registry.createUpload({ size_bytes: 10 }),
      await registry.createUpload({ size_bytes: 10 }),
    ];
    const whole = await registry.createUpload({ size_bytes: 3 });
    await registry.appendUpload(still.id, piece(0, Buffer.from("four")));
    await registry.appendUpload(whole.id, piece(0, Buffer.from("abc")));
    clock.advance(23 * HOUR_MS);
    await registry.appendUpload(moving.id, piece(0, Buffer.from("abc")));
    clock.advance(2 * HOUR_MS);
    await expect(registry.getUpload(still.id)).rejects.toMatchObject({ code: "upload.expired" });
    await expect(registry.appendUpload(still.id, piece(4, Buffer.from("x")))).rejects.toMatchObject({
      code: "upload.expired",
    });
    expect(await store.expireUploads()).toBe(1);
    expect(await store.expireUploads()).toBe(0);
    await expect(registry.getUpload(still.id)).rejects.toMatchObject({ code: "upload.expired" });
    expect((await registry.getUpload(moving.id)).offset).toBe(3);
    expect((await registry.getUpload(whole.id)).object).not.toBeNull();
    expect((await registry.listAudit({ action: "upload.expired" })).items).toMatchObject([
      { actor: "system", target_id: still.id, metadata: { bytes: 4 } },
    ]);
    expect(await staged()).toHaveLength(1);
    clock.advance(9 * 24 * HOUR_MS);
    await store.expireUploads();
    expect(sqlOn(test, "SELECT status FROM upload_session")).toEqual([{ status: "expired" }]);
  });

  // Catches a cleanup that looks at a file's age only: a slow upload's first bytes are older than its last.
  it("is not taken by a cleanup while it moves; an expired one is, and a dry run says so", async () => {
    const { registry, clock } = test;
    const { id } = await registry.createUpload({ size_bytes: 10 });
    await registry.appendUpload(id, piece(0, Buffer.from("abc")));
    clock.advance(Date.now() - clock.nowMs() + 20 * HOUR_MS);
    const other = (await elsewhere()).as(localPrincipal("tester"));
    await expect(other.getUpload(id)).rejects.toMatchObject({ code: "upload.expired" });
    const [row] = sqlOn(test, "SELECT staging_id FROM upload_part");
    const expired = [{ id: row?.["staging_id"], kind: "staging", bytes: 3 }];
    expect((await registry.cleanupStore()).deleted).toEqual(expired);
    sqlOn(test, "UPDATE upload_session SET expires_at = '2999-01-01T00:00:00.000Z'");
    clock.advance(48 * HOUR_MS);
    expect((await registry.cleanupStore({ apply: true })).deleted).toEqual([]);
    sqlOn(test, "UPDATE upload_session SET expires_at = '2026-01-01T00:00:00.000Z'");
    expect((await registry.cleanupStore({ apply: true })).deleted).toEqual(expired);
    expect(await staged()).toEqual([]);
  });

  it("stops with the store, and what has come is there afterwards", async () => {
    const { id } = await test.registry.createUpload({ size_bytes: 100 });
    const store = await elsewhere();
    const principal: Principal = localPrincipal("tester");
    const begun = Promise.withResolvers<void>();
    const appended = store.as(principal).appendUpload(id, {
      offset: 0,
      open: async function* () {
        yield Buffer.from("so far");
        begun.resolve();
        await new Promise(() => {});
      },
    });
    const outcome = expect(appended).rejects.toMatchObject({ code: "upload.taken_over" });
    await begun.promise;
    await store.close();
    await outcome;
    others.length = 0;
    expect((await test.registry.getUpload(id)).offset).toBe(6);
  });
});
