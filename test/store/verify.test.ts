import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type CanonicalValue, decodeCanonical, encodeCanonical } from "../../src/base/cbor.ts";
import { leafHash } from "../../src/log/event-codec.ts";
import type { VerifyReport } from "../../src/registry/records/store.ts";
import { engine } from "../support/test-database.ts";
import { openTestStore, publishTar, sourceOf, tarGzBytes, type TestStore } from "../support/test-store.ts";
import {
  dumpViews,
  flipBit,
  makeDirectory,
  objectPath,
  overwrite,
  rowsOf,
  snapshot,
  tamper,
} from "./store-files.ts";

const day = 24 * 3600 * 1000;

let directory: string;
let store: TestStore;
/** The artifact of the published release. */
let artifact: string;
let manifest: string;

beforeEach(async () => {
  directory = await makeDirectory();
  store = await openTestStore({ directory, blobs: "directory" });
  const published = await publishTar(store.registry, { version: "1.0", channel: "beta" });
  artifact = published.artifacts[0]!.sha256;
  manifest = published.release.manifest_sha256;
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

const verify = () => store.registry.verifyStore();

/** What is wrong, as `code target` lines; verification itself must never change a thing. */
async function problemsOf(): Promise<string[]> {
  const { ok, problems } = await verify();
  expect(ok).toBe(problems.length === 0);
  return problems.map(({ code, target }) => `${code} ${target}`);
}

const collectableOf = async (): Promise<VerifyReport["collectable"]> => {
  const report = await verify();
  expect(report.problems).toEqual([]);
  return report.collectable;
};

describe("a sound store", () => {
  it("has no problem, and says what was looked at", async () => {
    expect(await verify()).toEqual({
      ok: true,
      problems: [],
      collectable: [],
      checked: {
        events: (await store.registry.storeStatus()).head,
        objects: 2,
        bytes: (await store.registry.storeStatus()).storage.bytes,
        references: 4,
      },
    });
  });

  it("with nothing in it has none either", async () => {
    const empty = await makeDirectory();
    const fresh = await openTestStore({ directory: empty, blobs: "directory" });
    expect(await fresh.registry.verifyStore()).toMatchObject({ ok: true, problems: [], collectable: [] });
    await fresh.close();
    await rm(empty, { recursive: true });
  });

  it.runIf(engine === "sqlite")("whose database is a file of no bytes has none", async () => {
    const empty = await makeDirectory();
    await overwrite(join(empty, "dist.db"), "");
    const fresh = await openTestStore({ directory: empty, blobs: "directory" });
    expect(await fresh.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
    await fresh.close();
    await rm(empty, { recursive: true });
  });

  it("needs the scope admin", async () => {
    await expect(store.as(["publish", "promote"]).verifyStore()).rejects.toMatchObject({
      code: "auth.missing_scope",
    });
  });
});

describe("writing", () => {
  // A check that repairs, records or cleans hides what it found from the next one.
  it("is none of verification's business, whatever it finds", async () => {
    await store.registry.uploadObject(sourceOf(tarGzBytes("loose")));
    await overwrite(join(directory, "staging", "upl_left"), "left");
    await flipBit(objectPath(directory, artifact));
    tamper(directory, "UPDATE event SET actor = 'mallory' WHERE seq = 1; DELETE FROM channel");
    if (engine === "sqlite") tamper(directory, "PRAGMA wal_checkpoint(TRUNCATE)");
    const before = { files: await snapshot(directory), views: dumpViews(directory) };
    const events = rowsOf(directory, "SELECT * FROM event");
    expect((await problemsOf()).length).toBeGreaterThan(0);
    expect({ files: await snapshot(directory), views: dumpViews(directory) }).toEqual(before);
    expect(rowsOf(directory, "SELECT * FROM event")).toEqual(events);
  });
});

describe("bytes", () => {
  it.each(["artifact", "manifest"])("of one flipped bit are object.damaged (%s)", async (which) => {
    const sha256 = which === "artifact" ? artifact : manifest;
    await flipBit(objectPath(directory, sha256));
    expect(await problemsOf()).toEqual([`object.damaged ${sha256}`]);
  });

  it.each([
    ["cut off", tarGzBytes("1").subarray(1)],
    ["empty", new Uint8Array()],
    ["longer", tarGzBytes("1".repeat(1000))],
  ])("that are %s are object.wrong_size", async (_, bytes) => {
    await overwrite(objectPath(directory, artifact), bytes);
    expect(await problemsOf()).toEqual([`object.wrong_size ${artifact}`]);
  });

  // The size column is what a download announces; bytes that hash right do not make it true.
  it("of another size than recorded are object.wrong_size", async () => {
    tamper(directory, `UPDATE storage_location SET size_bytes = 1 WHERE sha256 = '${artifact}'`);
    expect(await problemsOf()).toEqual([`object.wrong_size ${artifact}`]);
  });

  it("whose second digest differs are object.damaged", async () => {
    tamper(
      directory,
      `UPDATE storage_location SET blake3 = '${"0".repeat(64)}' WHERE sha256 = '${artifact}'`,
    );
    expect(await problemsOf()).toEqual([`object.damaged ${artifact}`]);
  });

  it("that are gone are object.missing", async () => {
    await rm(objectPath(directory, artifact));
    expect(await problemsOf()).toEqual([`object.missing ${artifact}`]);
  });

  it("all gone are all missing", async () => {
    await rm(join(directory, "objects"), { recursive: true });
    expect((await problemsOf()).toSorted()).toEqual(
      [artifact, manifest].map((sha256) => `object.missing ${sha256}`).toSorted(),
    );
  });

  it("in whose place stands a folder are object.unreadable", async () => {
    await rm(objectPath(directory, artifact));
    await mkdir(objectPath(directory, artifact));
    expect(await problemsOf()).toEqual([`object.unreadable ${artifact}`]);
  });

  it("of a revoked release, and of long notes, are needed too", async () => {
    const notes = "Long. ".repeat(4_000);
    const draft = await store.registry.draftRelease({ app: "acme", version: "2.0", notes });
    await store.registry.revokeRelease("acme", { release: "1.0" });
    await flipBit(objectPath(directory, artifact));
    await rm(objectPath(directory, draft.notes_sha256!));
    expect((await problemsOf()).toSorted()).toEqual([
      `object.damaged ${artifact}`,
      `object.missing ${draft.notes_sha256}`,
    ]);
  });
});

describe("an object's row", () => {
  it("that is missing is object.missing, and the file is not offered to cleanup", async () => {
    tamper(directory, `DELETE FROM storage_location WHERE sha256 = '${artifact}'`);
    const report = await verify();
    expect(report.problems).toMatchObject([{ code: "object.missing", target: artifact }]);
    expect(report.collectable).toEqual([]);
    // The only copy of bytes that a release needs must outlive its row.
    const cleaned = await store.registry.cleanupStore({ apply: true });
    expect(cleaned.deleted).toEqual([]);
    await store.registry.uploadObject(sourceOf(tarGzBytes("1.0")));
    expect(await problemsOf()).toEqual([]);
  });

  it("that says deleting is object.missing when something needs the bytes", async () => {
    tamper(directory, `UPDATE storage_location SET status = 'deleting' WHERE sha256 = '${artifact}'`);
    expect(await problemsOf()).toEqual([`object.missing ${artifact}`]);
  });

  it("that says deleting is collectable when nothing does", async () => {
    const { sha256, size_bytes: bytes } = await store.registry.uploadObject(sourceOf(tarGzBytes("loose")));
    tamper(directory, `UPDATE storage_location SET status = 'deleting' WHERE sha256 = '${sha256}'`);
    expect(await collectableOf()).toEqual([{ id: sha256, kind: "object", bytes }]);
  });
});

describe("what nothing needs is collectable and no problem:", () => {
  it("an object once its lease is over", async () => {
    const { sha256, size_bytes: bytes } = await store.registry.uploadObject(sourceOf(tarGzBytes("loose")));
    expect(await collectableOf()).toEqual([]);
    store.clock.advance(day + 1);
    expect(await collectableOf()).toEqual([{ id: sha256, kind: "object", bytes }]);
  });

  it("damaged bytes among them", async () => {
    const { sha256 } = await store.registry.uploadObject(sourceOf(tarGzBytes("loose")));
    store.clock.advance(day + 1);
    await flipBit(objectPath(directory, sha256));
    expect(await collectableOf()).toMatchObject([{ id: sha256 }]);
  });

  it("a file without a row, and staging that was left", async () => {
    const sha256 = "ab".repeat(32);
    await overwrite(objectPath(directory, sha256), "left by a crash");
    await overwrite(join(directory, "staging", "upl_left"), "left");
    expect(await collectableOf()).toEqual([
      { id: `objects/ab/${sha256}`, kind: "file", bytes: 15 },
      { id: "upl_left", kind: "staging", bytes: 4 },
    ]);
  });

  it("but not what somebody else put there: nobody asked for its removal", async () => {
    await overwrite(join(directory, "objects", "README"), "mine");
    await overwrite(join(directory, "objects", "ab", "notes.txt"), "mine");
    expect(await collectableOf()).toEqual([]);
  });
});

describe("the log", () => {
  const bytesOfSecond = () =>
    rowsOf(directory, "SELECT bytes FROM event WHERE seq = 2")[0]!["bytes"] as Uint8Array;
  const last = "(SELECT max(seq) FROM event)";

  it("with an event deleted has a log.gap", async () => {
    tamper(directory, "DELETE FROM event WHERE seq = 3");
    expect(await problemsOf()).toEqual(["log.gap event 4"]);
  });

  it("with its first event deleted has a log.gap", async () => {
    tamper(directory, "DELETE FROM event WHERE seq = 1");
    expect(await problemsOf()).toEqual(["log.gap event 2"]);
  });

  it.each([
    ["its last event deleted", `DELETE FROM event WHERE seq = ${last}`],
    ["every event deleted", "DELETE FROM event"],
    ["a head that is ahead", "UPDATE log_head SET head = head + 1"],
    ["a head that is behind", "UPDATE log_head SET head = head - 1"],
  ])("with %s has a log.gap at its head", async (_, sql) => {
    tamper(directory, sql);
    expect(await problemsOf()).toEqual(["log.gap log head"]);
  });

  it("with one byte of an event changed is log.hash_mismatch", async () => {
    const bytes = bytesOfSecond();
    bytes[bytes.length - 1]! ^= 1;
    tamper(directory, "UPDATE event SET bytes = ? WHERE seq = 2", bytes);
    expect(await problemsOf()).toEqual(["log.hash_mismatch event 2"]);
  });

  // A row of any length can stand in the table: it must be reported, not end the run.
  it("with bytes longer than any event is log.hash_mismatch", async () => {
    tamper(directory, "UPDATE event SET bytes = zeroblob(70000) WHERE seq = 2");
    expect(await problemsOf()).toEqual(["log.hash_mismatch event 2"]);
  });

  it("with a leaf hash changed is log.hash_mismatch", async () => {
    tamper(directory, "UPDATE event SET leaf_hash = zeroblob(32) WHERE seq = 2");
    expect(await problemsOf()).toEqual(["log.hash_mismatch event 2"]);
  });

  // Who can write the table can write a fitting hash as well; what is no event is found all the same.
  it.each<[string, string, (event: { [key: string]: CanonicalValue }) => Uint8Array]>([
    ["that lack a key", "log.malformed_event", ({ actor: _, ...event }) => encodeCanonical(event)],
    ["of another place", "log.malformed_event", (event) => encodeCanonical({ ...event, seq: 99 })],
    ["in no canonical form", "log.malformed_event", () => Uint8Array.of(0x18, 0x01)],
    ["of an unknown type", "log.unknown_event_type", (event) => encodeCanonical({ ...event, type: "v9.x" })],
    ["that say something else", "log.column_differs", (event) => encodeCanonical({ ...event, actor: "x" })],
  ])("with bytes %s and a hash that fits is %s", async (_, code, forge) => {
    const forged = forge(decodeCanonical(bytesOfSecond()) as { [key: string]: CanonicalValue });
    tamper(directory, "UPDATE event SET bytes = ?, leaf_hash = ? WHERE seq = 2", forged, leafHash(forged));
    expect(await problemsOf()).toEqual([`${code} event 2`]);
  });

  // People and filters read the columns; a lie there must not stand beside true bytes.
  it.each(["type", "at", "actor", "subject", "app_id", "data"])(
    "with the column %s changed is log.column_differs",
    async (column) => {
      tamper(
        directory,
        `UPDATE event SET ${column} = ${column} || ' ' WHERE app_id IS NOT NULL AND seq = ${last}`,
      );
      expect(await problemsOf()).toEqual([
        `log.column_differs event ${(await store.registry.storeStatus()).head}`,
      ]);
    },
  );
});

describe("a reference that is broken", () => {
  it.each<[string, string, (ids: Record<string, string>) => string[]]>([
    [
      "an artifact whose release is gone",
      "UPDATE artifact SET release_id = 'rel_gone'",
      ({ artifact_id, release_id }) => [artifact_id!, release_id!],
    ],
    ["an artifact whose file is gone", "UPDATE artifact SET path = 'x'", ({ artifact_id }) => [artifact_id!]],
    [
      "an artifact with other bytes than its file",
      `UPDATE artifact SET sha256 = '${"0".repeat(64)}'`,
      ({ artifact_id }) => [artifact_id!],
    ],
    ["an app that is gone", "DELETE FROM app", ({ release_id }) => [release_id!]],
    [
      "a package that is gone",
      "DELETE FROM package",
      ({ release_id, package_id, path }) => [release_id!, `${package_id}/${path}`],
    ],
    ["a release without artifacts", "DELETE FROM artifact", ({ release_id }) => [release_id!]],
    [
      "a channel that points at nothing there is",
      "UPDATE channel SET current_release_id = 'rel_gone'",
      ({ app_id }) => [`${app_id}/beta`],
    ],
    [
      "a channel that points at a revoked release",
      "UPDATE release SET status = 'revoked'",
      ({ app_id }) => [`${app_id}/beta`],
    ],
    [
      "a finalized package without a manifest",
      "UPDATE package SET manifest_sha256 = NULL",
      ({ package_id }) => [package_id!],
    ],
  ])("is named: %s", async (_, sql, targets) => {
    const [ids] = rowsOf(
      directory,
      "SELECT a.id AS artifact_id, a.release_id, a.app_id, a.path, r.package_id FROM artifact a JOIN release r ON r.id = a.release_id",
    );
    tamper(directory, sql);
    expect((await problemsOf()).toSorted()).toEqual(
      targets(ids as Record<string, string>)
        .map((target) => `reference.broken ${target}`)
        .toSorted(),
    );
  });

  it("to bytes that no row knows is object.missing", async () => {
    const lost = "0".repeat(64);
    tamper(directory, `UPDATE package SET manifest_sha256 = '${lost}'`);
    expect(await problemsOf()).toEqual([`object.missing ${lost}`]);
  });
});

// PostgreSQL's own check has its test in test/postgres.
describe.runIf(engine === "sqlite")("the database file", () => {
  it("with an index that lost its rows is store.damaged", async () => {
    const database = new DatabaseSync(join(directory, "dist.db"), { defensive: false });
    database.exec(`PRAGMA writable_schema = ON;
      UPDATE sqlite_schema SET sql = 'CREATE INDEX event_type ON event (actor, seq)' WHERE name = 'event_type'`);
    database.close();
    await store.close();
    store = await openTestStore({ directory, blobs: "directory" });
    expect(await problemsOf()).toEqual(["store.damaged database"]);
  });
});

describe("a run", () => {
  it("stops when asked", async () => {
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(store.registry.verifyStore({ signal })).rejects.toThrow("stop");
  });
});
