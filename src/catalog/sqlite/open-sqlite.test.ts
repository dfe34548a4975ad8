import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../base/clock.ts";
import { migrations } from "../schema/migrations.ts";
import { logHead } from "../transaction.ts";
import { SqliteConnection } from "./connection.ts";
import { openSqliteDatabase } from "./sqlite-database.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-open-"));
  path = join(directory, "dist.db");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (create = false) => openSqliteDatabase({ path, create, clock: systemClock });

/** A store with a log long enough to fill more than a page or two. */
/** Adds an event that leaves a row in a view. */
async function recordToken(): Promise<void> {
  const database = await open();
  const data = {
    token_id: "tok_1",
    name: "ci",
    token_hash: "00",
    scopes: ["read"],
    app: null,
    channel: null,
  };
  await database.write({ actor: "local:tester", actorId: null }, async (tx) => {
    await tx.record({ type: "v1.token.created", subject: "tok_1", data: { ...data, expires_at: null } });
  });
  await database.close();
}

async function makeStore(): Promise<void> {
  const database = await open(true);
  await database.write({ actor: "local:tester", actorId: null }, async (tx) => {
    for (let n = 0; n < 200; n += 1) {
      const sha256 = `${n}`.padStart(64, "0");
      await tx.record({
        type: "v1.object.stored",
        subject: sha256,
        data: { sha256, blake3: sha256, size: n },
      });
    }
  });
  await database.close();
}

async function headOf(create = false): Promise<{ head: number; log_id: string }> {
  const database = await open(create);
  try {
    return (await database.read((reader) => reader.first(logHead, {})))!;
  } finally {
    await database.close();
  }
}

describe("a store that is not there", () => {
  it("is refused, and nothing is made", async () => {
    await expect(open()).rejects.toMatchObject({ code: "store.load", kind: "not_found" });
    expect(existsSync(path)).toBe(false);
  });

  it("is made when asked, once: its log keeps its identity", async () => {
    const { log_id, head } = await headOf(true);
    expect({ log_id, head }).toEqual({ log_id: expect.stringMatching(/^log_[0-9a-z]{26}$/), head: 0 });
    expect((await headOf(true)).log_id).toBe(log_id);
  });

  // Two programs that start at once must not make two logs in one file.
  it("is made once by several that try together", async () => {
    const heads = await Promise.all(Array.from({ length: 8 }, () => headOf(true)));
    expect(new Set(heads.map(({ log_id }) => log_id)).size).toBe(1);
  });
});

describe("a file without a schema", () => {
  it("of no bytes is completed by a command that makes no stores", async () => {
    await writeFile(path, "");
    expect((await headOf()).head).toBe(0);
  });

  it("that SQLite made is completed too", async () => {
    const empty = new DatabaseSync(path);
    empty.exec("PRAGMA journal_mode = WAL");
    empty.close();
    expect((await headOf()).head).toBe(0);
  });
});

const newestSchema = migrations.at(-1)!.version;

describe("a store of a newer version", () => {
  it("is refused and left as it is", async () => {
    await makeStore();
    const newer = new DatabaseSync(path);
    newer.exec(
      "UPDATE schema_version SET version = 1000, compatible_version = 1000; PRAGMA wal_checkpoint(TRUNCATE)",
    );
    newer.close();
    const before = await readFile(path);
    await expect(open()).rejects.toMatchObject({
      code: "store.newer_schema",
      details: { present: { version: 1000 }, known: { version: newestSchema } },
    });
    expect((await readFile(path)).equals(before)).toBe(true);
  });
});

describe("a store whose views are of an older generation", () => {
  it("gets them made anew from its log, whatever they were", async () => {
    await makeStore();
    await recordToken();
    const older = new DatabaseSync(path);
    const rows = "SELECT * FROM token";
    const before = older.prepare(rows).all();
    older.exec("DROP TABLE token; CREATE TABLE token (id TEXT); DROP TABLE channel_release");
    older.exec("UPDATE schema_version SET view_generation = 0");
    older.close();
    await (await open()).close();
    const upgraded = new DatabaseSync(path);
    expect(before).toHaveLength(1);
    expect(upgraded.prepare(rows).all()).toEqual(before);
    expect(upgraded.prepare("SELECT count(*) AS n FROM channel_release").get()).toEqual({ n: 0 });
    upgraded.close();
  });

  it("is refused and left as it is when its log is damaged", async () => {
    await makeStore();
    const older = new DatabaseSync(path);
    older.exec("UPDATE event SET leaf_hash = x'00'; UPDATE schema_version SET view_generation = 0");
    const before = older.prepare("SELECT * FROM sqlite_schema").all();
    older.close();
    await expect(open()).rejects.toMatchObject({ code: "store.damaged" });
    const after = new DatabaseSync(path);
    expect(after.prepare("SELECT * FROM sqlite_schema").all()).toEqual(before);
    after.close();
  });
});

describe("a file that is no sound database", () => {
  const damaged = { code: "store.damaged", kind: "corrupt" };

  it.each([
    [
      "text",
      "this is no database, and it is long enough to be taken for a header of one hundred bytes, surely.",
    ],
    ["a few bytes", "xx"],
    ["zeros", Buffer.alloc(8192)],
  ])("(%s) is store.damaged and is not written over", async (_, bytes) => {
    await writeFile(path, bytes);
    await expect(open(true)).rejects.toMatchObject(damaged);
    expect(await readFile(path)).toEqual(Buffer.from(bytes));
  });

  it("(cut off after its first page) is store.damaged", async () => {
    await makeStore();
    await truncate(path, 4096);
    await expect(headOf()).rejects.toMatchObject(damaged);
  });

  it("(overwritten behind its first page) is store.damaged", async () => {
    await makeStore();
    const bytes = await readFile(path);
    bytes.fill(0x5a, 4096);
    await writeFile(path, bytes);
    await expect(headOf()).rejects.toMatchObject(damaged);
  });

  it("names what is wrong in integrityProblems when the schema can still be read", async () => {
    await makeStore();
    const tampered = new DatabaseSync(path, { defensive: false });
    tampered.exec(`PRAGMA writable_schema = ON;
      UPDATE sqlite_schema SET sql = 'CREATE INDEX event_type ON event (actor, seq)' WHERE name = 'event_type'`);
    tampered.close();
    const database = await open();
    const problems = await database.integrityProblems();
    await database.close();
    expect(problems.join()).toMatch(/event_type/);
  });
});

describe("a place that cannot be written", () => {
  it("(a folder stands where the file belongs) is store.read_only", async () => {
    await mkdir(path);
    await expect(open(true)).rejects.toMatchObject({ code: "store.read_only", kind: "unavailable" });
  });

  it("(the folder is missing) is store.read_only", async () => {
    path = join(directory, "missing", "dist.db");
    await expect(open(true)).rejects.toMatchObject({ code: "store.read_only" });
  });

  it("(a connection that only reads) refuses every statement that writes", async () => {
    await makeStore();
    const connection = new SqliteConnection(path, { readOnly: true });
    try {
      for (const text of ["DELETE FROM event", "DROP TABLE event", "CREATE TABLE t (x)"]) {
        await expect(connection.execute(text)).rejects.toMatchObject({ code: "store.read_only" });
      }
      expect(await connection.scalar("SELECT count(*) FROM event")).toBe(200);
    } finally {
      await connection.close();
    }
  });
});
