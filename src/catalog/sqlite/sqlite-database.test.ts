import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { migrations } from "../schema.ts";
import { delay } from "../../base/async.ts";
import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import type { NewEvent } from "../../log/events.ts";
import type { Database, Reader } from "../database.ts";
import { query } from "../query.ts";
import { logHead } from "../transaction.ts";
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

const putLease = query<{ sha256: string }>()((db, p) =>
  db.insertInto("lease").values({ sha256: p.sha256, principal: "p", expires_at: "z" }),
);
const leases = query<object>()((db) => db.selectFrom("lease").select("sha256"));

describe("readers", () => {
  it("have no method that writes, and SQLite refuses what gets past that", async () => {
    await database.read(async (reader) => {
      const cheat = reader as unknown as { run: (text: unknown, params: object) => Promise<number> };
      await expect(cheat.run(putLease, { sha256: "a" })).rejects.toMatchObject({ code: "store.read_only" });
      await expect(
        reader.fetch((db) => db.deleteFrom("log_head").returning("head") as never),
      ).rejects.toMatchObject({ code: "store.read_only" });
    });
    expect(await database.read((reader) => reader.all(leases, {}))).toEqual([]);
  });

  it("see one state of the store however long they read", async () => {
    await record("a");
    await database.read(async (reader) => {
      await record("b");
      expect(await subjectsOf(reader)).toBe("a");
      expect((await reader.first(logHead, {}))?.head).toBe(1);
      expect(await logOf()).toBe("a b");
    });
    expect(await logOf()).toBe("a b");
  });

  // The snapshot must begin with `read`, not with the first query: work may wait before it.
  it("begin their snapshot before their work does", async () => {
    await database.read(async (reader) => {
      await record("late");
      expect(await subjectsOf(reader)).toBe("");
    });
  });

  it("wait for one another when many read at once, and go on after one that failed", async () => {
    await record("a");
    await expect(database.read(async () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
    const logs = await Promise.all(Array.from({ length: 50 }, () => logOf()));
    expect(new Set(logs)).toEqual(new Set(["a"]));
  });

  it("inside a write do not see what it has not committed", async () => {
    await database.write(tester, async (tx) => {
      await tx.record(stored("a"));
      expect(await subjectsOf(tx)).toBe("a");
      expect(await logOf()).toBe("");
    });
  });
});

describe("writers", () => {
  it("leave nothing when their work fails: no event, no view, no state, no gap", async () => {
    await record("a");
    const failed = database.write(tester, async (tx) => {
      await tx.record(stored("b"));
      await tx.run(putLease, { sha256: "b" });
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await logOf()).toBe("a");
    expect(await database.read((reader) => reader.all(leases, {}))).toEqual([]);
    expect(await record("c")).toBe(2);
  });

  it("leave nothing when a projection fails", async () => {
    const token = (id: string): NewEvent => ({
      type: "v1.token.created",
      subject: id,
      data: {
        token_id: id,
        name: "n",
        token_hash: "h",
        scopes: [],
        app: null,
        channel: null,
        expires_at: null,
      },
    });
    await database.write(tester, (tx) => tx.record(token("tok_1")));
    await expect(database.write(tester, (tx) => tx.record(token("tok_2")))).rejects.toThrow(/UNIQUE/);
    expect(await logOf()).toBe("tok_1");
  });

  it("run one after another, in the order asked, also when asked at once or from within one", async () => {
    let running = 0;
    let most = 0;
    const slow = (name: string) =>
      database.write(tester, async (tx) => {
        most = Math.max(most, ++running);
        await delay(1);
        await tx.record(stored(name));
        running -= 1;
      });
    const outer = database.write(tester, async (tx) => {
      const inner = slow("inner");
      await tx.record(stored("outer"));
      return { inner };
    });
    const more = ["a", "b", "c"].map(slow);
    await (
      await outer
    ).inner;
    await Promise.all(more);
    expect(most).toBe(1);
    expect((await logOf()).split(" ").toSorted()).toEqual(["a", "b", "c", "inner", "outer"]);
    expect((await logOf()).startsWith("outer ")).toBe(true);
  });

  it("record seq without gaps and one time for all events of a transaction", async () => {
    await database.write(tester, async (tx) => {
      expect(tx.now).toBe(toTimestamp(start));
      await tx.record(stored("a"));
      nowMs += 5_000;
      const second = await tx.record(stored("b"));
      expect(second).toMatchObject({ seq: 2, at: tx.now, actor: "local:tester" });
    });
    const head = await database.read((reader) => reader.first(logHead, {}));
    expect(head).toMatchObject({ head: 2, last_at: toTimestamp(start) });
  });

  it("put the acting token's id into the event", async () => {
    const event = await database.write({ actor: "token:ci", actorId: "tok_1" }, (tx) =>
      tx.record(stored("a")),
    );
    expect(event).toMatchObject({ actor: "token:ci", data: { actor_id: "tok_1" } });
  });

  it("keep the log's time when the clock is set back, and follow it again when it has caught up", async () => {
    await record("a");
    nowMs = start - 3_600_000;
    await record("b");
    nowMs = start + 1;
    await record("c");
    const rows = await database.read((reader) => reader.all(subjects, {}));
    expect(rows.map(({ at }) => fromTimestamp(at) - start)).toEqual([0, 0, 1]);
  });

  it("of two connections wait for one another", async () => {
    const other = await open();
    try {
      const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
      const seqs = await Promise.all(names.map((name, i) => record(name, i % 2 === 0 ? database : other)));
      expect(seqs.toSorted((a, b) => a - b)).toEqual(names.map((_, index) => index + 1));
    } finally {
      await other.close();
    }
  });

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

  it("leave the store usable for another connection after they closed", async () => {
    await record("a");
    await database.close();
    database = await open();
    expect(await logOf()).toBe("a");
    expect(await database.integrityProblems()).toEqual([]);
    expect(await database.info()).toMatchObject({ schemaVersion: migrations.at(-1)!.version });
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
