import { createServer } from "node:net";
import { inspect } from "node:util";

import pg from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import { DistError } from "../../src/base/errors.ts";
import { Secret } from "../../src/base/secret.ts";
import type { PostgresTarget } from "../../src/catalog/postgres/postgres-target.ts";
import { migrations } from "../../src/catalog/schema/migrations.ts";
import { VIEW_GENERATION } from "../../src/catalog/schema/views.ts";
import { logHead } from "../../src/catalog/transaction.ts";
import { freshSchema, POSTGRES_URL, runPostgres } from "../support/test-database.ts";
import { freshTarget, open, overTcp, record, subjectsOf, targetOf } from "./clusters.ts";

const newest = migrations.at(-1)!.version;

/** The error that opening ends with. */
async function refusal(target: PostgresTarget, create = true): Promise<DistError> {
  const opened = await open(target, { create }).catch((error: unknown) => error);
  if (opened instanceof DistError) return opened;
  throw opened instanceof Error ? opened : new Error("It was opened.");
}

/** A database made for one test, and removed. */
async function withDatabase(options: string, work: (target: PostgresTarget) => Promise<void>): Promise<void> {
  const name = freshSchema();
  const client = new pg.Client({ connectionString: process.env[POSTGRES_URL] });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ${options}`);
    await work({ ...targetOf(process.env[POSTGRES_URL]!), database: name });
  } finally {
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.end();
  }
}

describe("a database without a store", () => {
  it("is refused, and nothing is made", async () => {
    const schema = freshSchema();
    const error = await refusal(overTcp(schema), false);
    expect(error).toMatchObject({ code: "store.load", kind: "not_found" });
    expect(error.message).toContain("postgres://dist@127.0.0.1:");
    expect(runPostgres(schema, `SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`)).toEqual([]);
  });

  // Two nodes that start at once must not make two logs, nor half of two schemas.
  it("gets one by several that try together", async () => {
    const target = freshTarget();
    const databases = await Promise.all(Array.from({ length: 6 }, () => open(target)));
    const heads = await Promise.all(
      databases.map((each) => each.read((reader) => reader.first(logHead, {}))),
    );
    expect(new Set(heads.map((head) => head!.log_id)).size).toBe(1);
    await Promise.all(databases.map((each) => each.close()));
  });
});

describe("a store of another version", () => {
  it("that is newer is refused and left as it is", async () => {
    const schema = freshSchema();
    await (await open(overTcp(schema))).close();
    runPostgres(schema, "UPDATE schema_version SET version = 1000, compatible_version = 1000");
    expect(await refusal(overTcp(schema))).toMatchObject({
      code: "store.newer_schema",
      details: { present: { version: 1000 }, known: { version: newest } },
    });
    expect(runPostgres(schema, "SELECT * FROM schema_version")).toEqual([
      expect.objectContaining({ version: 1000, view_generation: VIEW_GENERATION }),
    ]);
  });

  it("whose views are older gets them made anew from its log", async () => {
    const schema = freshSchema();
    const before = await open(overTcp(schema));
    await record(before, "a");
    await before.close();
    runPostgres(
      schema,
      "DROP TABLE token; CREATE TABLE token (id TEXT); UPDATE schema_version SET view_generation = 0",
    );
    const after = await open(overTcp(schema));
    expect(await subjectsOf(after)).toEqual(["a"]);
    await after.close();
    expect(runPostgres(schema, "SELECT token_hash FROM token")).toEqual([]);
  });

  it("whose log is damaged is left as it is", async () => {
    const schema = freshSchema();
    const before = await open(overTcp(schema));
    await record(before, "a");
    await before.close();
    runPostgres(schema, "UPDATE event SET leaf_hash = ''; UPDATE schema_version SET view_generation = 0");
    expect(await refusal(overTcp(schema))).toMatchObject({ code: "store.damaged" });
    expect(runPostgres(schema, "SELECT view_generation AS g FROM schema_version")).toEqual([{ g: 0 }]);
    expect(runPostgres(schema, "SELECT count(*) AS n FROM token")).toEqual([{ n: 0 }]);
  });
});

describe("a server that refuses", () => {
  const secret = "hunter2-secret";

  it.each([
    ["the password", { password: new Secret(secret) }, "store.database_refused"],
    ["an absent password", { password: null }, "store.database_refused"],
    ["the user", { user: "nobody", password: new Secret(secret) }, "store.database_refused"],
    ["the database", { database: "missing" }, "store.database_refused"],
    ["the schema", { options: "-c search_path=missing" }, "store.database_refused"],
  ])("%s is named", async (_, changes, code) => {
    const error = await refusal(overTcp("public", changes));
    expect(error).toMatchObject({ code, kind: "unavailable" });
    for (const shown of [inspect(error, { depth: null }), JSON.stringify(error)]) {
      expect(shown).not.toContain(secret);
    }
  });

  it("is not there: store.unreachable, at once", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const gone = { port, password: new Secret(secret) };
    const error = await refusal(overTcp("public", gone));
    expect(error).toMatchObject({ code: "store.unreachable", kind: "unavailable" });
    expect(inspect(error, { depth: null })).not.toContain(secret);
    expect(await refusal(overTcp("public", { host: "/nowhere" }))).toMatchObject({
      code: "store.unreachable",
    });
  });

  it("speaks another protocol: store.unreachable", async () => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    expect(await refusal(overTcp("public", { port }))).toMatchObject({ code: "store.unreachable" });
    server.close();
  });

  it("to be written is store.read_only", async () => {
    const schema = freshSchema();
    await (await open(overTcp(schema))).close();
    const readOnly = `-c search_path=${schema} -c default_transaction_read_only=on`;
    const database = await open(overTcp(schema, { options: readOnly }));
    await expect(record(database, "a")).rejects.toMatchObject({ code: "store.read_only" });
    expect(await subjectsOf(database)).toEqual([]);
    await database.close();
  });
});

describe("a database on which promises would not hold", () => {
  it("is refused: not UTF-8", async () => {
    await withDatabase("ENCODING 'LATIN1' LOCALE 'C'", async (target) => {
      const error = await refusal(target);
      expect(error).toMatchObject({ code: "store.database_refused" });
      expect(error.message).toContain("LATIN1");
    });
  });

  it("is refused: commits are not durable", async () => {
    const options = `-c search_path=${freshSchema()} -c synchronous_commit=off`;
    expect(await refusal(overTcp("public", { options }))).toMatchObject({ code: "store.database_refused" });
  });

  // A database that sorts as people do must not change the order of pages and exports.
  it("is not one with another collation: text sorts by its bytes all the same", async () => {
    await withDatabase("ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'", async (target) => {
      const database = await open(target);
      await database.write({ actor: "a", actorId: null }, async (tx) => {
        for (const name of ["b", "a", "B", "_"]) {
          await tx.fetch(
            (db) => db.insertInto("lease").values({ sha256: name, principal: "p", expires_at: "z" }) as never,
          );
        }
      });
      const rows = await database.read((reader) =>
        reader.fetch((db) => db.selectFrom("lease").select("sha256").orderBy("sha256")),
      );
      expect(rows.map(({ sha256 }) => sha256)).toEqual(["B", "_", "a", "b"]);
      await database.close();
    });
  });
});

describe("a clock", () => {
  afterEach(() => vi.restoreAllMocks());

  const skewed = (ms: number) => vi.spyOn(systemClock, "nowMs").mockImplementation(() => Date.now() + ms);

  it.each([3_600_000, -3_600_000])("that is %d ms off is refused when the store is opened", async (ms) => {
    skewed(ms);
    const error = await refusal(freshTarget());
    expect(error).toMatchObject({ code: "clock.skew", kind: "unavailable" });
    expect(error.message).toMatch(ms > 0 ? /ahead of/ : /behind/);
  });

  it("that goes wrong later may not write, and may read", async () => {
    const database = await open(freshTarget());
    await record(database, "a");
    skewed(61_000);
    await expect(record(database, "b")).rejects.toMatchObject({ code: "clock.skew" });
    expect(await subjectsOf(database)).toEqual(["a"]);
    vi.restoreAllMocks();
    expect(await record(database, "c")).toBe(2);
    await database.close();
  });

  // Within the limit events carry the database's time, so that two nodes agree.
  it.each([30_000, -30_000])("that is %d ms off does not show in events", async (ms) => {
    const database = await open(freshTarget());
    const before = Date.now();
    skewed(ms);
    const at = await database.write({ actor: "a", actorId: null }, async (tx) => tx.nowMs);
    vi.restoreAllMocks();
    expect(at).toBeGreaterThanOrEqual(before - 1_000);
    expect(at).toBeLessThanOrEqual(Date.now() + 1_000);
    await database.close();
  });
});

describe("the engine's own check", () => {
  it("names an index that is not valid", async () => {
    const schema = freshSchema();
    const database = await open(overTcp(schema));
    expect(await database.integrityProblems()).toEqual([]);
    const superuser = new pg.Client({
      connectionString: process.env[POSTGRES_URL]!.replace("//dist@", "//postgres@"),
    });
    await superuser.connect();
    await superuser.query(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${schema}.event_type'::regclass`,
    );
    await superuser.end();
    expect(await database.integrityProblems()).toEqual(["The index event_type is not valid."]);
    expect(await database.info()).toEqual({
      engine: expect.stringMatching(/^PostgreSQL \d+\.\d+$/),
      sizeBytes: expect.any(Number),
      schemaVersion: newest,
    });
    await database.close();
  });
});
