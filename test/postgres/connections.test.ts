import { spawn } from "node:child_process";
import { once } from "node:events";

import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Database, Reader, Transaction } from "../../src/catalog/database.ts";
import { query } from "../../src/catalog/query.ts";
import { logHead } from "../../src/catalog/transaction.ts";
import { freshSchema, postgresUrl, runPostgres } from "../support/test-database.ts";
import { open, overTcp, record, stored, subjectsOf, targetOf, tester } from "./clusters.ts";
import { openProxy, type Proxy } from "./proxy.ts";

let schema: string;
let database: Database;
beforeEach(async () => {
  schema = freshSchema();
  database = await open(targetOf(postgresUrl(schema)));
});
afterEach(() => database.close());

const backend = query<object>()((db) =>
  db.selectFrom("log_head").select(sql<number>`pg_backend_pid()`.as("pid")),
);
const backendOf = async (reader: Reader) => (await reader.first(backend, {}))!.pid;
const terminate = (pid: number) => runPostgres("public", `SELECT pg_terminate_backend(${pid}, 10000)`);

const insertLease = query<{ sha256: string }>()((db, p) =>
  db.insertInto("lease").values({ sha256: p.sha256, principal: "p", expires_at: "z" }),
);

const deleteLeases = query<object>()((db) => db.deleteFrom("lease"));

describe("a change whose answer nobody waits for", () => {
  const leases = () => runPostgres(schema, "SELECT sha256 FROM lease ORDER BY sha256");
  const duplicate = { code: "23505", constraint: "lease_pkey" };

  it("is found done by what comes after it, and there are as many at once as one likes", async () => {
    const counted = await database.write(tester, async (tx) => {
      for (let n = 0; n < 500; n += 1) await tx.change(insertLease, { sha256: `${n}` });
      return tx.run(deleteLeases, {});
    });
    expect(counted).toBe(500);
    expect(leases()).toEqual([]);
  });

  // The server says of all that follows a failure only that the transaction is aborted, which tells nobody anything.
  it.each<[string, (tx: Transaction) => Promise<unknown>]>([
    ["a read", (tx) => tx.first(logHead, {})],
    ["a statement", (tx) => tx.run(insertLease, { sha256: "c" })],
    ["another change", (tx) => tx.change(insertLease, { sha256: "c" })],
    ["an event", (tx) => tx.record(stored("b"))],
    ["the end", async () => {}],
  ])("fails with its own error what comes next: %s", async (_, next) => {
    const failed = database.write(tester, async (tx) => {
      await tx.change(insertLease, { sha256: "a" });
      await tx.change(insertLease, { sha256: "a" });
      await next(tx);
    });
    await expect(failed).rejects.toMatchObject(duplicate);
    expect(leases()).toEqual([]);
    expect(await record(database, "d")).toBe(1);
    expect(await subjectsOf(database)).toEqual(["d"]);
  });

  it("is rolled back with the rest when the work fails otherwise, which is what is told", async () => {
    const refusal = new Error("refused");
    const failed = database.write(tester, async (tx) => {
      await tx.change(insertLease, { sha256: "a" });
      await tx.change(insertLease, { sha256: "a" });
      throw refusal;
    });
    await expect(failed).rejects.toBe(refusal);
    expect(leases()).toEqual([]);
    expect(await record(database, "d")).toBe(1);
  });

  // Nobody was told that it holds, and no commit was sent: that is not an outcome that is unknown.
  it("is known to be lost with its connection", async () => {
    const failed = database.write(tester, async (tx) => {
      const pid = await backendOf(tx);
      await tx.change(insertLease, { sha256: "a" });
      terminate(pid);
      await tx.change(insertLease, { sha256: "b" });
    });
    await expect(failed).rejects.toMatchObject({ code: "store.unreachable" });
    expect(leases()).toEqual([]);
    expect(await record(database, "d")).toBe(1);
  });
});

describe("a connection that is lost", () => {
  it("in the middle of a write leaves nothing, and the next write works", async () => {
    await record(database, "a");
    const failed = database.write(tester, async (tx) => {
      await tx.record(stored("b"));
      await tx.run(insertLease, { sha256: "b" });
      terminate(await backendOf(tx));
      await tx.record(stored("c"));
    });
    await expect(failed).rejects.toMatchObject({ code: "store.unreachable", kind: "unavailable" });
    expect(await record(database, "d")).toBe(2);
    expect(await subjectsOf(database)).toEqual(["a", "d"]);
    expect(runPostgres(schema, "SELECT sha256 FROM lease")).toEqual([]);
  });

  // The work may have told others what it read: it must not be run twice behind its back.
  it("in the middle of a read is told to the reader, once", async () => {
    let runs = 0;
    const failed = database.read(async (reader) => {
      runs += 1;
      terminate(await backendOf(reader));
      return reader.first(logHead, {});
    });
    await expect(failed).rejects.toMatchObject({ code: "store.unreachable" });
    expect(runs).toBe(1);
    expect(await subjectsOf(database)).toEqual([]);
  });

  it("while nobody used it is not noticed by whoever comes next", async () => {
    const reader = await database.read(backendOf);
    const writer = await database.write(tester, backendOf);
    terminate(reader);
    terminate(writer);
    expect(await record(database, "a")).toBe(1);
    expect(await subjectsOf(database)).toEqual(["a"]);
    expect(await database.read(backendOf)).not.toBe(reader);
  });

  it("with its process, killed while it held the write lock, leaves nothing and holds nobody up", async () => {
    const program = `
      import { parseDatabaseUrl } from ${JSON.stringify(new URL("../../src/config/database-url.ts", import.meta.url).href)};
      import { openDatabase } from ${JSON.stringify(new URL("../../src/registry/open-database.ts", import.meta.url).href)};
      const options = { directory: "/", create: false, clock: { nowMs: () => Date.now() } };
      const database = await openDatabase(parseDatabaseUrl(process.argv[1]), options);
      await database.write({ actor: "a", actorId: null }, async (tx) => {
        const data = { sha256: "half", blake3: "half", size: 1 };
        await tx.record({ type: "v1.object.stored", subject: "half", data });
        console.log("holding");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const args = ["--no-warnings", "--input-type=module", "--eval", program, postgresUrl(schema)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const waiting = record(database, "whole");
    child.kill("SIGKILL");
    expect(await waiting).toBe(1);
    expect(await subjectsOf(database)).toEqual(["whole"]);
  });
});

describe("a commit", () => {
  let proxy: Proxy;
  beforeEach(async () => {
    proxy = await openProxy({ host: "127.0.0.1", port: overTcp(schema).port });
    await database.close();
    database = await open(overTcp(schema, { port: proxy.port }));
  });
  afterEach(() => proxy.close());

  // "Failed" would be a guess, and so would "done": here it is done, and the caller must not do it twice unknowingly.
  it("whose answer does not come has an unknown outcome", async () => {
    proxy.cutAfter("; COMMIT");
    await expect(record(database, "a")).rejects.toMatchObject({
      code: "transaction.outcome_unknown",
      kind: "unavailable",
      cause: { code: "store.unreachable" },
    });
    expect(await subjectsOf(database)).toEqual(["a"]);
    expect(await record(database, "b")).toBe(2);
  });

  it("that could not be sent has a known one: nothing was done", async () => {
    proxy.cutAfter("log_head");
    // The first statement is lost and tried again on a new connection: nothing had been done over the old one.
    expect(await record(database, "a")).toBe(1);
    expect(await subjectsOf(database)).toEqual(["a"]);
  });

  // PostgreSQL answers COMMIT of a failed transaction with a rollback, and no error.
  it("of work that went on after a failed statement is no commit", async () => {
    const careless = database.write(tester, async (tx) => {
      await tx.run(insertLease, { sha256: "a" });
      await tx.run(insertLease, { sha256: "a" }).catch(() => {});
    });
    await expect(careless).rejects.toThrow(/after a statement that failed/);
    expect(runPostgres(schema, "SELECT sha256 FROM lease")).toEqual([]);
    expect(await record(database, "b")).toBe(1);
  });
});

describe("the write lock", () => {
  it("held by another for too long is store.busy", async () => {
    const impatient = await open(targetOf(postgresUrl(schema)), { lockDeadlineMs: 50 });
    await database.write(tester, async (tx) => {
      await expect(record(impatient, "b")).rejects.toMatchObject({ code: "store.busy", kind: "unavailable" });
      await tx.record(stored("a"));
    });
    expect(await record(impatient, "c")).toBe(2);
    await impatient.close();
  });

  it("is given up by the queue of a process in time, too", async () => {
    const impatient = await open(targetOf(postgresUrl(schema)), { lockDeadlineMs: 50 });
    await database.write(tester, async () => {
      const outcomes = await Promise.allSettled(["a", "b", "c"].map((name) => record(impatient, name)));
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "store.busy" } });
      }
    });
    await impatient.close();
  });
});

describe("a listener", () => {
  /** Resolves at the next call. */
  function nextCall() {
    let { promise, resolve } = Promise.withResolvers<void>();
    return {
      listener: () => resolve(),
      called: () => promise,
      again: () => ({ promise, resolve } = Promise.withResolvers<void>()),
    };
  }
  const listening = () =>
    runPostgres(
      "public",
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'dist listener' AND query LIKE 'LISTEN%'",
    ).map(({ pid }) => pid as number);

  it("hears of every commit that records events, by whichever process", async () => {
    const other = await open(targetOf(postgresUrl(schema)));
    const { listener, called, again } = nextCall();
    const stop = database.watch!(listener);
    // The first call says that from now on nothing is missed.
    await called();
    for (const [writer, name] of [
      [other, "a"],
      [database, "b"],
    ] as const) {
      again();
      await record(writer, name);
      await called();
    }
    stop();
    await other.close();
  });

  it("that lost its connection makes another, and is called for what it may have missed", async () => {
    const before = new Set(listening());
    const { listener, called, again } = nextCall();
    database.watch!(listener);
    await called();
    const [pid] = listening().filter((each) => !before.has(each));
    again();
    terminate(pid!);
    await called();
    again();
    await record(database, "a");
    await called();
  });

  it("ends with the database", async () => {
    const before = listening().length;
    const { listener, called } = nextCall();
    database.watch!(listener);
    await called();
    expect(listening().length).toBeGreaterThan(before);
    await database.close();
    await expect.poll(() => listening().length).toBe(before);
    database = await open(targetOf(postgresUrl(schema)));
  });
});
