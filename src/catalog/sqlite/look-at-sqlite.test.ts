import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../base/clock.ts";
import { lookAtSqlite } from "./look-at-sqlite.ts";
import { openSqliteDatabase } from "./sqlite-database.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-look-"));
  path = join(directory, "dist.db");
});
afterEach(() => rm(directory, { recursive: true }));

const open = () => openSqliteDatabase({ path, create: true, clock: systemClock });

function change(sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe("a look at a SQLite file", () => {
  it("that is missing, or empty, finds no store and makes none", async () => {
    expect(await lookAtSqlite(path)).toMatchObject({ schema: "missing" });
    expect(readdirSync(directory)).toEqual([]);
    writeFileSync(path, "");
    expect(await lookAtSqlite(path)).toMatchObject({ schema: "missing" });
    expect([readdirSync(directory), readFileSync(path).length]).toEqual([["dist.db"], 0]);
  });

  it("finds a store, and one that a start would bring up to date, which it leaves as it is", async () => {
    await (await open()).close();
    expect(await lookAtSqlite(path)).toMatchObject({ schema: "current" });
    change("UPDATE schema_version SET view_generation = 0");
    const before = readFileSync(path);
    expect(await lookAtSqlite(path)).toMatchObject({ schema: "older" });
    expect([readdirSync(directory), readFileSync(path).equals(before)]).toEqual([["dist.db"], true]);
  });

  it("that is used goes on beside its writer", async () => {
    const database = await open();
    expect(await lookAtSqlite(path)).toMatchObject({ schema: "current" });
    await database.write({ actor: "a", actorId: null }, async () => {});
    await database.close();
  });

  it.each([
    [
      "a newer version's",
      "UPDATE schema_version SET version = 1000, compatible_version = 1000",
      "store.newer_schema",
    ],
    ["whose tables are others'", "DROP TABLE schema_version", "store.foreign_tables"],
  ])("refuses %s", async (_, sql, code) => {
    await (await open()).close();
    change(sql);
    await expect(lookAtSqlite(path)).rejects.toMatchObject({ code });
  });

  it("refuses a file that is no database", async () => {
    writeFileSync(path, "no database ".repeat(100));
    await expect(lookAtSqlite(path)).rejects.toMatchObject({ code: "store.damaged" });
  });
});

// A database of somebody else's, named by mistake, must not be half a store afterwards.
describe("another program's database", () => {
  it.each([
    ["with a table of a store's name", "CREATE TABLE app (name TEXT)", ["app"]],
    [
      "with a schema version of its own",
      "CREATE TABLE schema_version (version INTEGER); INSERT INTO schema_version VALUES (7)",
      ["schema_version"],
    ],
  ])("%s is refused, and left byte for byte as it is", async (_, sql, tables) => {
    change(sql);
    const before = readFileSync(path);
    for (const attempt of [open, () => lookAtSqlite(path)]) {
      await expect(attempt()).rejects.toMatchObject({
        code: "store.foreign_tables",
        kind: "conflict",
        details: { tables },
      });
    }
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it("with tables of other names can hold a store as well", async () => {
    change("CREATE TABLE invoice (name TEXT)");
    expect(await lookAtSqlite(path)).toMatchObject({ schema: "missing" });
    await (await open()).close();
    expect(await lookAtSqlite(path)).toMatchObject({ schema: "current" });
  });
});
