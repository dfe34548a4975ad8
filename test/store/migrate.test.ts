import { createHash } from "node:crypto";
import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import { parseDatabaseUrl } from "../../src/config/database-url.ts";
import { migrateStore } from "../../src/registry/migrate/migrate-store.ts";
import { openDatabase } from "../../src/registry/open-database.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import type { ReportOptions } from "../../src/registry/records/pages.ts";
import type { MigrationReport } from "../../src/registry/records/store.ts";
import type { DatabaseSettings } from "../../src/registry/store-settings.ts";
import { fullHistory, HistoryRun } from "../catalog/histories.ts";
import { acmeApk, pngFile, uploadApk } from "../support/acme-apk.ts";
import { engine, freshSchema, postgresUrl } from "../support/test-database.ts";
import {
  bytesOf,
  openTestStore,
  outcomeOf,
  publishTar,
  tarArtifact,
  tarGzBytes,
  type TestStore,
  uploadTar,
} from "../support/test-store.ts";
import { dumpViews, flipBit, makeDirectory, objectPath, overwrite, rowsOf, tamper } from "./store-files.ts";

let source: TestStore;
let target: TestStore;
beforeEach(async () => {
  source = await openTestStore({ directory: await makeDirectory(), blobs: "directory" });
  target = await openTestStore({ directory: await makeDirectory(), blobs: "directory" });
});
afterEach(async () => {
  for (const { close, directory } of [source, target]) {
    await close();
    await rm(directory, { recursive: true, force: true });
  }
});

/** From one open store to another; both are opened once more, as by another process. */
function migrate(options: ReportOptions = {}, from = source, to = target): Promise<MigrationReport> {
  const side = ({ directory, settings, storage, clock }: TestStore) => ({
    directory,
    settings,
    storage,
    clock,
  });
  return migrateStore({ source: side(from), target: side(to) }, options);
}

async function exportOf({ registry }: TestStore): Promise<string> {
  return (await Array.fromAsync(registry.exportStore())).join("");
}

/** Every row of a table that moves, in one order on both engines. */
const stateOf = ({ directory }: TestStore) =>
  Object.fromEntries(
    ["signing_key", "token_use", "lease", "idempotency_key", "download_day", "download_app_day"].map(
      (table) => [table, rowsOf(directory, `SELECT * FROM ${table} ORDER BY 1, 2`)],
    ),
  );

const digestsIn = (store: TestStore) =>
  rowsOf(store.directory, "SELECT sha256 FROM storage_location ORDER BY sha256").map(({ sha256 }) =>
    String(sha256),
  );

/** The target is the source, to its last byte. */
async function expectMoved(): Promise<void> {
  expect(await exportOf(target)).toBe(await exportOf(source));
  const leafHashes = "SELECT seq, leaf_hash FROM event ORDER BY seq";
  expect(rowsOf(target.directory, leafHashes)).toEqual(rowsOf(source.directory, leafHashes));
  expect(dumpViews(target.directory)).toEqual(dumpViews(source.directory));
  expect(stateOf(target)).toEqual(stateOf(source));
  const present =
    "SELECT sha256, blake3, size_bytes, generation FROM storage_location WHERE status = 'present' ORDER BY sha256";
  expect(rowsOf(target.directory, present)).toEqual(rowsOf(source.directory, present));
  for (const sha256 of digestsIn(target)) {
    const bytes = await readFile(objectPath(target.directory, sha256));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  }
  expect(await target.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
  expect(await target.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
}

/** Ends a migration when the log's turn comes: every object is copied then, and no event. */
async function stopAtLog(): Promise<void> {
  const stop = new AbortController();
  const onProgress: ReportOptions["onProgress"] = ({ phase }) => {
    if (phase === "log") stop.abort(new Error("stopped"));
  };
  await expect(migrate({ signal: stop.signal, onProgress })).rejects.toThrow("stopped");
}

describe("a migration", () => {
  it("moves log, views, objects and state, and leaves the source as it was", async () => {
    await new HistoryRun(source).run(fullHistory);
    const before = { text: await exportOf(source), status: await source.registry.storeStatus() };
    const report = await migrate();
    const { log_id, head, storage } = before.status;
    expect(report).toMatchObject({
      ok: true,
      log_id,
      head,
      events: head,
      objects: {
        copied: storage.objects,
        copied_bytes: storage.bytes,
        total: storage.objects,
        total_bytes: storage.bytes,
      },
      uploads_left: 0,
    });
    const [last] = rowsOf(source.directory, "SELECT leaf_hash FROM event ORDER BY seq DESC LIMIT 1");
    expect(report.leaf_hash).toBe(Buffer.from(last!["leaf_hash"]).toString("hex"));
    await expectMoved();
    expect(await exportOf(source)).toBe(before.text);
    expect(await source.registry.storeStatus()).toMatchObject({ log_id, head, storage });
  });

  it("moves icons with the releases that show them", async () => {
    const artifacts = [await uploadApk(source.registry, acmeApk({ icon: pngFile() }))];
    await source.registry.publish({ app: "acme", version: "1", channel: "beta", artifacts });
    await migrate();
    const release = await target.registry.getRelease("acme", { release: "1" });
    const icon = await bytesOf(target.registry, release.artifacts[0]!.icon_sha256!);
    expect(icon.equals(pngFile())).toBe(true);
    expect(await target.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
  });

  it("of an empty store gives the target its identity", async () => {
    const { log_id } = await source.registry.storeStatus();
    expect(await migrate()).toMatchObject({ log_id, head: 0, leaf_hash: null, objects: { total: 0 } });
    await expectMoved();
  });

  it("goes on with the log where it ended", async () => {
    await publishTar(source.registry, { version: "1.0", channel: "beta" });
    const { head } = await migrate();
    await publishTar(target.registry, { version: "1.1", channel: "beta" });
    const [first] = rowsOf(target.directory, `SELECT seq FROM event WHERE seq > ${head} ORDER BY seq`);
    expect(first).toEqual({ seq: head + 1 });
    expect(await target.registry.rebuildStore()).toMatchObject({ ok: true });
  });

  it("moves what signs addresses, what was answered, who needs which bytes, and when tokens were used", async () => {
    await source.registry.createApp("acme", { visibility: "private" });
    const [artifact] = (await publishTar(source.registry, { version: "1", channel: "beta" })).artifacts;
    const link = await source.registry.signDownload("acme", { release: "1" }, artifact!.id);
    const { secret } = await source.registry.createToken({ name: "ci", scopes: ["publish"] });
    await source.store.authenticate(secret!);
    const leased = await uploadTar(source.registry, "not published yet");
    const request = { app: "acme", version: "2", artifacts: [tarArtifact(leased)] };
    const keyed = (store: TestStore) =>
      store.store.as(localPrincipal("tester"), {
        idempotency: { route: "POST /x", key: "k", bodySha256: "b" },
      });
    const answer = await keyed(source).createToken({ name: "once", scopes: ["read"] });
    const begun = await source.registry.createUpload({ size_bytes: 10 });
    const { counted } = await source.registry.openObject(link.sha256, { channel: "beta" });
    source.store.downloads.count(counted!);
    await source.store.downloads.flush();

    expect(await migrate()).toMatchObject({
      state: { signing_keys: 1, token_uses: 1, leases: 1, answers: 1, download_days: 1 },
      uploads_left: 1,
    });
    await expectMoved();
    const presented = {
      target: { kind: "download", sha256: link.sha256, artifact: link.artifact_id },
      expires: String(Date.parse(link.expires_at) / 1000),
      signature: link.signature,
    } as const;
    const visitor = target.store.as(await target.store.authenticateLink(presented));
    expect((await bytesOf(visitor, link.sha256)).equals(tarGzBytes("1"))).toBe(true);
    expect(await target.store.authenticate(secret!)).toMatchObject({ actor: "token:ci" });
    const again = await keyed(target).createToken({ name: "once", scopes: ["read"] });
    expect(again.id).toBe(answer.id);
    expect(await outcomeOf(target.registry.getUpload(begun.id))).toBe("upload.not_found");
    // Leased bytes are known in the target as they were in the source: no second upload is needed.
    expect(await target.registry.publish(request)).toMatchObject({ status: "published" });
  });

  it("takes more rows of state and more objects than one page has", async () => {
    const rows = 2_345;
    for (let n = 0; n < rows; n += 500) {
      const values = Array.from({ length: Math.min(500, rows - n) }, (_, index) => {
        const name = String(n + index).padStart(8, "0");
        return { token: `('tok_${name}', 'x')`, lease: `('${name.slice(0, 5)}', 'p${name}', 'x')` };
      });
      tamper(source.directory, `INSERT INTO token_use VALUES ${values.map(({ token }) => token).join()}`);
      tamper(source.directory, `INSERT INTO lease VALUES ${values.map(({ lease }) => lease).join()}`);
    }
    for (let n = 0; n < 600; n += 1) await uploadTar(source.registry, `number ${n}`);
    expect(await migrate()).toMatchObject({
      objects: { copied: 600 },
      state: { token_uses: rows, leases: rows + 600 },
    });
    expect(stateOf(target)).toEqual(stateOf(source));
    expect(digestsIn(target)).toEqual(digestsIn(source));
  });

  it("lets others publish meanwhile, and a further run brings what came after it", async () => {
    for (let n = 0; n < 50; n += 1) await publishTar(source.registry, { version: `1.${n}`, channel: "beta" });
    const stop = new AbortController();
    let published = 0;
    const publishing = (async () => {
      for (; !stop.signal.aborted; published += 1) {
        await publishTar(source.registry, { version: `2.${published}`, channel: "beta" });
      }
    })();
    let atLog: number | undefined;
    const report = await migrate({
      onProgress: ({ phase }) => void (phase === "log" && (atLog ??= published)),
    });
    stop.abort();
    await publishing;
    expect(atLog).toBeGreaterThan(0);
    // One state of the log, without a gap, that was the source's at some moment.
    const lines = (await exportOf(source)).split("\n").map((line) => line.replace(/,$/, ""));
    const moved = (await exportOf(target)).split("\n").map((line) => line.replace(/,$/, ""));
    expect(moved.slice(1, -2)).toEqual(lines.slice(1, report.head + 1));
    expect(await target.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
    await publishTar(source.registry, { version: "3", channel: "beta" });
    const rest = await migrate();
    expect(rest.events).toBe(rest.head - report.head);
    expect(rest.objects.copied).toBe(rest.objects.total - report.objects.total);
    await expectMoved();
  });

  // The writers of the source wait for what is left only: with more than a moment's worth, copying goes on beside them.
  it("does not stop the writers while much is left to copy", async () => {
    await publishTar(source.registry, { version: "1.0", channel: "beta" });
    const database = await openDatabase(source.settings.database, {
      directory: source.directory,
      create: false,
      clock: systemClock,
    });
    const [held, seen] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const burst = database.write({ actor: "tester", actorId: null }, async (tx) => {
      for (let n = 0; n < 2_500; n += 1) {
        const sha256 = createHash("sha256").update(String(n)).digest("hex");
        await tx.record({ type: "v1.object.deleted", subject: sha256, data: { sha256, size: n } });
      }
      held.resolve();
      await seen.promise;
    });
    await held.promise;
    const rounds: number[] = [];
    const onProgress: ReportOptions["onProgress"] = ({ phase, done, total }) => {
      if (phase !== "log" || done !== total) return;
      rounds.push(done);
      seen.resolve();
    };
    const report = await migrate({ onProgress });
    await burst;
    await database.close();
    expect(rounds.map((done) => done === report.head)).toEqual([false, true, true]);
    await expectMoved();
  });

  it("does not move an object that is being deleted", async () => {
    await publishTar(source.registry, { version: "1.0", channel: "beta" });
    const sha256 = await uploadTar(source.registry, "going");
    tamper(source.directory, `UPDATE storage_location SET status = 'deleting' WHERE sha256 = '${sha256}'`);
    await migrate();
    expect(digestsIn(target)).not.toContain(sha256);
    await expectMoved();
  });
});

describe("a migration that was stopped", () => {
  beforeEach(() => new HistoryRun(source).run(fullHistory));

  it("left a target without an event, and sends nothing twice when it goes on", async () => {
    await stopAtLog();
    const { head, log_id, storage } = await target.registry.storeStatus();
    expect({ head, log_id }).toEqual({ head: 0, log_id: (await source.registry.storeStatus()).log_id });
    expect(digestsIn(target)).toEqual(digestsIn(source));
    expect(await migrate()).toMatchObject({ objects: { copied: 0, total: storage.objects } });
    await expectMoved();
  });

  it("keeps the objects that were copied until then", async () => {
    for (let n = 0; n < 300; n += 1) await uploadTar(source.registry, `number ${n}`);
    const stop = new AbortController();
    const { storage } = await source.registry.storeStatus();
    const onProgress: ReportOptions["onProgress"] = ({ done }) => {
      if (done > storage.bytes / 2) stop.abort(new Error("stopped"));
    };
    await expect(migrate({ signal: stop.signal, onProgress })).rejects.toThrow("stopped");
    const kept = digestsIn(target).length;
    expect(kept).toBeGreaterThan(20);
    expect(kept).toBeLessThan(storage.objects);
    expect(await migrate()).toMatchObject({ objects: { copied: storage.objects - kept } });
    await expectMoved();
  });

  it("takes in what stands in the target without a row, once it is proven", async () => {
    await cp(join(source.directory, "objects"), join(target.directory, "objects"), { recursive: true });
    const [first, second, third] = digestsIn(source);
    // Other bytes of the same length, fewer bytes, and none would all pass for the object if nobody looked.
    await flipBit(objectPath(target.directory, first!));
    await overwrite(objectPath(target.directory, second!), "x");
    await rm(objectPath(target.directory, third!));
    await overwrite(objectPath(target.directory, "ab".repeat(32)), "the source knows nothing of it");
    expect(await migrate()).toMatchObject({ objects: { copied: 3, total: digestsIn(source).length } });
    await expectMoved();
  });

  it("sends again what is gone from the target meanwhile", async () => {
    await stopAtLog();
    const [first] = digestsIn(target);
    await rm(objectPath(target.directory, first!));
    expect(await migrate()).toMatchObject({ objects: { copied: 1 } });
    await expectMoved();
  });

  it("forgets what was deleted from the source meanwhile", async () => {
    await stopAtLog();
    source.clock.advance(30 * 24 * 3600 * 1000);
    const { deleted } = await source.registry.cleanupStore({ apply: true });
    const gone = new Set(deleted.map(({ id }) => id));
    const [object] = digestsIn(target).filter((sha256) => gone.has(sha256));
    expect(object).toBeDefined();
    expect(await migrate()).toMatchObject({ objects: { copied: 0 } });
    expect(digestsIn(target)).not.toContain(object);
    target.clock.advance(30 * 24 * 3600 * 1000);
    await expectMoved();
  });

  it("takes what was deleted and brought back as it is now", async () => {
    const sha256 = await uploadTar(source.registry, "comes and goes");
    await stopAtLog();
    source.clock.advance(2 * 24 * 3600 * 1000);
    await source.registry.cleanupStore({ apply: true });
    await uploadTar(source.registry, "comes and goes");
    expect(await migrate()).toMatchObject({ objects: { copied: 0 } });
    expect(digestsIn(target)).toContain(sha256);
    await expectMoved();
  });
});

describe("a damaged source", () => {
  let artifacts: string[];
  beforeEach(async () => {
    artifacts = [];
    for (const version of ["1", "2", "3", "4"]) {
      artifacts.push((await publishTar(source.registry, { version, channel: "beta" })).artifacts[0]!.sha256);
    }
  });

  it("is named object by object; the others are copied, and nothing is finished", async () => {
    const [changed, missing, shorter] = artifacts as [string, string, string, string];
    await flipBit(objectPath(source.directory, changed));
    await rm(objectPath(source.directory, missing));
    await overwrite(objectPath(source.directory, shorter), "x");
    const error = await migrate().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "migration.source_damaged", kind: "corrupt" });
    const { problems } = (error as { details: { problems: { code: string; target: string }[] } }).details;
    expect(Object.fromEntries(problems.map(({ code, target: named }) => [named, code]))).toEqual({
      [changed]: "object.damaged",
      [missing]: "object.missing",
      [shorter]: "object.wrong_size",
    });
    expect(await target.registry.storeStatus()).toMatchObject({ head: 0 });
    expect(digestsIn(target)).toEqual(
      digestsIn(source).filter((one) => !problems.some((p) => p.target === one)),
    );
    await expect(readFile(objectPath(target.directory, changed))).rejects.toThrow("ENOENT");

    for (const [index, sha256] of artifacts.entries())
      await overwrite(objectPath(source.directory, sha256), tarGzBytes(String(index + 1)));
    expect(await migrate()).toMatchObject({ objects: { copied: 3 } });
    await expectMoved();
  });

  it("of which a row is gone is refused before anything is copied", async () => {
    tamper(source.directory, `DELETE FROM storage_location WHERE sha256 = '${artifacts[0]}'`);
    await expect(migrate()).rejects.toMatchObject({
      code: "migration.source_damaged",
      details: { problems: [{ code: "object.missing", target: artifacts[0] }] },
    });
    expect(digestsIn(target)).toEqual([]);
  });

  it.each([
    ["log.gap", "DELETE FROM event WHERE seq = 2"],
    ["log.gap", "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)"],
    ["log.hash_mismatch", "UPDATE event SET leaf_hash = zeroblob(32) WHERE seq = 4"],
  ])("whose log is damaged gives the target no event: %s (%s)", async (code, sql) => {
    tamper(source.directory, sql);
    await expect(migrate()).rejects.toMatchObject({ code, kind: "corrupt" });
    expect(rowsOf(target.directory, "SELECT seq FROM event")).toEqual([]);
  });
});

describe("a target is refused", () => {
  beforeEach(() => publishTar(source.registry, { version: "1.0", channel: "beta" }));

  it("that holds another log, and stays as it is", async () => {
    await publishTar(target.registry, { version: "9.0", channel: "beta" });
    const before = await exportOf(target);
    await expect(migrate()).rejects.toMatchObject({ code: "migration.other_log", kind: "conflict" });
    expect(await exportOf(target)).toBe(before);
  });

  it("that another migration was begun to", async () => {
    await stopAtLog();
    const other = await openTestStore();
    await publishTar(other.registry, { version: "1.0", channel: "beta" });
    await expect(migrate({}, other)).rejects.toMatchObject({ code: "migration.other_log" });
    await other.close();
  });

  it("that went on by itself after an earlier migration", async () => {
    await migrate();
    await publishTar(target.registry, { version: "2.0", channel: "beta" });
    await expect(migrate()).rejects.toMatchObject({ code: "migration.diverged", kind: "conflict" });
    await publishTar(source.registry, { version: "3.0", channel: "beta" });
    await publishTar(source.registry, { version: "3.1", channel: "beta" });
    const before = await exportOf(target);
    await expect(migrate()).rejects.toMatchObject({ code: "migration.diverged" });
    expect(await exportOf(target)).toBe(before);
  });

  it("that was written to before its migration was finished", async () => {
    await stopAtLog();
    await target.registry.createApp("acme", {});
    await expect(migrate()).rejects.toMatchObject({ code: "migration.diverged" });
  });

  it("that is the source", async () => {
    const before = await exportOf(source);
    const state = stateOf(source);
    await expect(migrate({}, source, source)).rejects.toMatchObject({
      code: "migration.same_place",
      details: { what: "database" },
    });
    // Only the bytes are elsewhere.
    const elsewhere = { ...source, directory: await makeDirectory() };
    await expect(migrate({}, source, elsewhere)).rejects.toMatchObject({
      code: "migration.same_place",
      details: { what: "database" },
    });
    await rm(elsewhere.directory, { recursive: true });
    expect(await exportOf(source)).toBe(before);
    expect(stateOf(source)).toEqual(state);
  });

  // Two stores with one place for bytes: the cleanup of each would take the other's.
  it("that keeps its bytes where the source does", async () => {
    const beside = { ...source, settings: { ...source.settings, database: freshDatabase() } };
    await expect(migrate({}, source, beside)).rejects.toMatchObject({
      code: "migration.same_place",
      details: { what: "storage" },
    });
    expect(await source.registry.verifyStore()).toMatchObject({ ok: true, collectable: [] });
  });
});

it("a source that does not exist is no store, and the target stays empty", async () => {
  const missing = { ...source, settings: { ...source.settings, database: freshDatabase() } };
  const before = await target.registry.storeStatus();
  await expect(migrate({}, missing)).rejects.toMatchObject({ code: "store.load" });
  expect(await target.registry.storeStatus()).toEqual(before);
});

/** A database without a store in it. */
function freshDatabase(): DatabaseSettings {
  return engine === "sqlite" ? { engine, file: "second.db" } : parseDatabaseUrl(postgresUrl(freshSchema()))!;
}
