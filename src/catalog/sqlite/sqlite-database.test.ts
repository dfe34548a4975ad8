import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { delay } from "../../base/async.ts";
import type { NewEvent } from "../../log/events.ts";
import type { Database, Reader } from "../database.ts";
import { query } from "../query.ts";
import { SqliteConnection } from "./connection.ts";
import { openSqliteDatabase } from "./sqlite-database.ts";
import { translateSqliteError } from "./sqlite-errors.ts";

const start = Date.parse("2026-11-20T15:00:00.000Z");
const tester = { actor: "local:tester", actorId: null };

let nowMs: number;
let directory: string;
let path: string;
let database: Database;

const open = (): Promise<Database> =>
  openSqliteDatabase({ path, create: true, clock: { nowMs: () => nowMs } });

beforeEach(async () => {
  nowMs = start;
  directory = await mkdtemp(join(tmpdir(), "dist-sqlite-"));
  path = join(directory, "dist.db");
  database = await open();
});
afterEach(async () => {
  await database.close();
  await rm(directory, { recursive: true, force: true });
});

const stored = (name: string): NewEvent => ({
  type: "v1.object.stored",
  subject: name,
  data: { sha256: name, blake3: name, size: 1 },
});

const record = (name: string, into = database) =>
  into.write(tester, async (tx) => (await tx.record(stored(name))).seq);

const subjects = query<object>()((db) =>
  db.selectFrom("event").select(["seq", "subject", "at"]).orderBy("seq"),
);
const subjectsOf = async (reader: Reader) =>
  (await reader.all(subjects, {})).map(({ subject }) => subject).join(" ");
const logOf = (of = database) => of.read(subjectsOf);

describe("writers", () => {
  // A lock that another process holds is SQLITE_BUSY at any statement: none of them may reach a caller. The store is made
  // by whichever is first, so creation meets the same.
  it("of three processes wait for one another, and make one store together", async () => {
    path = join(directory, "shared", "dist.db");
    await mkdir(dirname(path));
    const writes = 40;
    const program = `
      import { openSqliteDatabase } from ${JSON.stringify(new URL("sqlite-database.ts", import.meta.url).href)};
      const [path, name] = process.argv.slice(1);
      const database = await openSqliteDatabase({ path, create: true, clock: { nowMs: () => Date.now() } });
      for (let n = 0; n < ${writes}; n += 1) {
        const sha256 = name + n;
        const data = { sha256, blake3: sha256, size: n };
        await database.write({ actor: name, actorId: null }, (tx) =>
          tx.record({ type: "v1.object.stored", subject: sha256, data }));
        await database.read((reader) => reader.fetch((db) => db.selectFrom("log_head").selectAll()));
      }
      await database.close();`;
    const run = promisify(execFile);
    await Promise.all(
      ["a", "b", "c"].map((name) =>
        run(process.execPath, ["--input-type=module", "--eval", program, path, name]),
      ),
    );
    const together = await open();
    try {
      const rows = await together.read((reader) => reader.all(subjects, {}));
      expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 3 * writes }, (_, index) => index + 1));
      expect(new Set(rows.map(({ subject }) => subject)).size).toBe(3 * writes);
    } finally {
      await together.close();
    }
  });

  // A write and a read that meet a foreign lock must wait for its end without stopping the event loop.
  it("wait for a lock that another program holds", async () => {
    const foreign = new DatabaseSync(path);
    foreign.exec("BEGIN IMMEDIATE");
    const waiting = record("after");
    await delay(30);
    expect(await logOf()).toBe("");
    foreign.exec("ROLLBACK");
    foreign.close();
    expect(await waiting).toBe(1);
  });
});

describe("a lock that another program never gives back", () => {
  afterEach(() => vi.restoreAllMocks());

  it("is store.busy after the deadline", async () => {
    const foreign = new DatabaseSync(path);
    foreign.exec("BEGIN IMMEDIATE");
    let elapsedMs = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (elapsedMs += 10_000));
    await expect(record("a")).rejects.toMatchObject({ code: "store.busy", kind: "unavailable" });
    foreign.close();
    expect(await record("a")).toBe(1);
  });
});

describe("a commit that fails", () => {
  afterEach(() => vi.restoreAllMocks());

  /** Makes the next COMMIT raise what SQLite raises with this result code. */
  function failCommit(errcode: number): void {
    const execute = SqliteConnection.prototype.execute;
    let failed = false;
    vi.spyOn(SqliteConnection.prototype, "execute").mockImplementation(async function (
      this: SqliteConnection,
      sql,
    ) {
      if (sql !== "COMMIT" || failed) return execute.call(this, sql);
      failed = true;
      return translateSqliteError("commit", () => {
        throw Object.assign(new Error("it failed"), { errcode });
      });
    });
  }

  // SQLITE_IOERR_FSYNC: the commit record may be in the file. "Failed" would be a guess, and so would "done".
  it("with an I/O error leaves its outcome unknown, and the store usable", async () => {
    failCommit(1034);
    await expect(record("a")).rejects.toMatchObject({
      code: "transaction.outcome_unknown",
      kind: "unavailable",
      cause: { code: "store.io_failed" },
    });
    expect(await record("b")).toBe(1);
    expect(await logOf()).toBe("b");
  });

  it("because the disk is full is store.full: nothing was written", async () => {
    failCommit(13);
    await expect(record("a")).rejects.toMatchObject({ code: "store.full" });
    expect(await logOf()).toBe("");
  });
});
