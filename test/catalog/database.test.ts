import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { delay } from "../../src/base/async.ts";
import { fromTimestamp, toTimestamp } from "../../src/base/clock.ts";
import type { Database, Reader } from "../../src/catalog/database.ts";
import { query } from "../../src/catalog/query.ts";
import { migrations } from "../../src/catalog/schema/migrations.ts";
import { views } from "../../src/catalog/schema/views.ts";
import { logHead } from "../../src/catalog/transaction.ts";
import type { NewEvent } from "../../src/log/events.ts";
import { openDatabase } from "../../src/registry/open-database.ts";
import { makeDirectory } from "../store/store-files.ts";
import { databaseFor, databaseUrlFor, runSql } from "../support/test-database.ts";

/** What every engine must hold behind the port `Database`. */

const start = Date.parse("2026-11-20T15:00:00.000Z");
const tester = { actor: "local:tester", actorId: null };

let nowMs: number;
let directory: string;
let database: Database;

const open = (): Promise<Database> =>
  openDatabase(databaseFor(directory), { directory, create: true, clock: { nowMs: () => nowMs } });

beforeEach(async () => {
  nowMs = start;
  directory = await makeDirectory();
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
const leases = query<object>()((db) => db.selectFrom("lease").select("sha256").orderBy("sha256"));

describe("readers", () => {
  it("have no method that writes, and the engine refuses what gets past that", async () => {
    const refused = { code: "store.read_only" };
    await database.read(async (reader) => {
      const cheat = reader as unknown as { run: (text: unknown, params: object) => Promise<number> };
      await expect(cheat.run(putLease, { sha256: "a" })).rejects.toMatchObject(refused);
    });
    await database.read(async (reader) => {
      const deletion = reader.fetch((db) => db.deleteFrom("log_head").returning("head") as never);
      await expect(deletion).rejects.toMatchObject(refused);
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
    await expect(database.write(tester, (tx) => tx.record(token("tok_2")))).rejects.toThrow(/unique/i);
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

  // Two processes, each with four handles: what serves a mutex inside one process does not serve here.
  it("of two processes, eight in all, number their events without a gap and lose none", async () => {
    const program = new URL("write-events.ts", import.meta.url).pathname;
    const run = promisify(execFile);
    const url = databaseUrlFor(directory);
    const printed = await Promise.all(
      ["a", "b"].map((name) => run(process.execPath, ["--no-warnings", program, url, name, "4", "10"])),
    );
    const acknowledged = printed.flatMap(({ stdout }) => stdout.trim().split("\n"));
    const rows = await database.read((reader) => reader.all(subjects, {}));
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
    expect(rows.map(({ seq, subject }) => `${seq} ${subject}`).toSorted()).toEqual(acknowledged.toSorted());
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

describe("values", () => {
  const texts = ["", "\0", "a\0b", "\u{10FFFF}", "\u{10FFFF}0\0", "é", "e\u0301", "\u{1F680}", "'\"\\%"];

  it("come back as they were put, whatever the characters", async () => {
    await database.write(tester, async (tx) => {
      for (const sha256 of texts) await tx.run(putLease, { sha256 });
    });
    const rows = await database.read((reader) => reader.all(leases, {}));
    expect(rows.map(({ sha256 }) => sha256).toSorted()).toEqual(texts.toSorted());
    const found = await database.read((reader) =>
      reader.fetch((db) => db.selectFrom("lease").select("sha256").where("sha256", "=", "a\0b")),
    );
    expect(found).toEqual([{ sha256: "a\0b" }]);
  });

  // Pages go on behind the last row, and an export is compared byte by byte: every engine must sort the same way.
  it("of text sort by their bytes", async () => {
    const names = ["Z", "a", "B", "_", "a-b", "ab", "é", "~", "1", "10", "9"];
    await database.write(tester, async (tx) => {
      for (const sha256 of names) await tx.run(putLease, { sha256 });
    });
    const rows = await database.read((reader) => reader.all(leases, {}));
    const byBytes = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(rows.map(({ sha256 }) => sha256)).toEqual(byBytes);
    const behind = await database.read((reader) =>
      reader.fetch((db) =>
        db.selectFrom("lease").select("sha256").where("sha256", ">", "a").orderBy("sha256"),
      ),
    );
    expect(behind.map(({ sha256 }) => sha256)).toEqual(byBytes.slice(byBytes.indexOf("a") + 1));
  });

  it("of numbers are exact up to 2^53 - 1, and of bytes are bytes", async () => {
    const putLocation = query<{ size: number }>()((db, p) =>
      db.insertInto("storage_location").values({
        sha256: "a",
        blake3: "",
        size_bytes: p.size,
        backend: "",
        physical_key: "",
        tier: "",
        status: "",
        generation: 0,
      }),
    );
    await database.write(tester, async (tx) => {
      await tx.run(putLocation, { size: Number.MAX_SAFE_INTEGER });
      await tx.record(stored("a"));
    });
    const [row] = await database.read((reader) =>
      reader.fetch((db) => db.selectFrom("storage_location").select("size_bytes")),
    );
    expect(row).toEqual({ size_bytes: Number.MAX_SAFE_INTEGER });
    const [event] = await database.read((reader) =>
      reader.fetch((db) => db.selectFrom("event").select(["bytes", "leaf_hash"])),
    );
    expect(event!.bytes.constructor).toBe(Uint8Array);
    expect(event!.leaf_hash).toHaveLength(32);
  });
});

describe("the schema", () => {
  it("has the indexes its text declares, and the audit log as a view", async () => {
    await record("a");
    const sql = "SELECT id, created_at, actor, action, target_id FROM audit_event";
    expect(runSql(directory, sql)).toEqual([
      {
        id: 1,
        created_at: toTimestamp(start),
        actor: "local:tester",
        action: "object.stored",
        target_id: "a",
      },
    ]);
    const catalog = runSql(
      directory,
      databaseUrlFor(directory).startsWith("sqlite:")
        ? "SELECT name FROM sqlite_schema WHERE type = 'index'"
        : "SELECT indexname AS name FROM pg_indexes WHERE schemaname = current_schema()",
    ).map(({ name }) => name as string);
    for (const view of Object.values(views)) {
      for (const index of Object.keys(view.indexes)) expect(catalog).toContain(index);
    }
    expect(catalog).toEqual(expect.arrayContaining(["event_type", "event_app", "lease_expires"]));
  });
});
