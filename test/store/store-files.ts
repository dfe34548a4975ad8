import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SQLInputValue } from "node:sqlite";

import { viewNames, views } from "../../src/catalog/schema/views.ts";
import { engine, runSql } from "../support/test-database.ts";

/** What is in a store's directory, looked at and changed behind the product's back. */

type Row = Record<string, any>;

/**
 * A fresh directory, in memory where the system has such a place: tests that make hundreds of stores and prove nothing
 * about durability should not wait for the disk. The caller removes it.
 */
export function makeDirectory(): Promise<string> {
  return mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "dist-test-"));
}

const MEMORY = "/dev/shm";

/** Runs statements on the store's database. */
export function tamper(directory: string, sql: string, ...values: SQLInputValue[]): void {
  runSql(directory, sql, ...values);
}

export function rowsOf(directory: string, sql: string): Row[] {
  return runSql(directory, sql);
}

/** Every row of every view, ordered by key. */
export function dumpViews(directory: string): Record<string, Row[]> {
  return Object.fromEntries(
    viewNames.map((view) => [
      view,
      runSql(directory, `SELECT * FROM ${view} ORDER BY ${views[view].key.join()}`),
    ]),
  );
}

/** A view's columns, with their types as the schema's text says them. */
export function columnsOf(directory: string, view: string): { name: string; type: "INTEGER" | "TEXT" }[] {
  if (engine === "sqlite") {
    const columns = runSql(directory, `SELECT name, type FROM pragma_table_info('${view}')`);
    return columns as ReturnType<typeof columnsOf>;
  }
  const columns = runSql(
    directory,
    `SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute
      WHERE attrelid = '${view}'::regclass AND attnum > 0 ORDER BY attnum`,
  );
  return columns.map(({ attname, type }) => ({
    name: attname,
    type: type === "bigint" ? "INTEGER" : "TEXT",
  }));
}

export function objectPath(directory: string, sha256: string): string {
  return join(directory, "objects", sha256.slice(0, 2), sha256);
}

/** Puts bytes at a path, whatever stood there and however it was protected. */
export async function overwrite(path: string, bytes: Uint8Array | string): Promise<void> {
  await rm(path, { force: true });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** Flips one bit in the middle of a file. */
export async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 1;
  await overwrite(path, bytes);
}

/** Name, size and time of change of every file in the store but SQLite's own companions, with the database's bytes. */
export async function snapshot(directory: string): Promise<{ files: string[]; database: string }> {
  const files: string[] = [];
  for (const name of (await readdir(directory, { recursive: true })).toSorted()) {
    if (name.startsWith("dist.db-")) continue;
    const { size, mtimeMs } = await stat(join(directory, name));
    files.push(`${name} ${size} ${mtimeMs}`);
  }
  // What stands in a database server's own files is none of the store's files.
  if (engine === "postgres") return { files, database: "" };
  return { files, database: (await readFile(join(directory, "dist.db"))).toString("base64") };
}
