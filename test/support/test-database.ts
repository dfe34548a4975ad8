import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

import { newId } from "../../src/base/ids.ts";
import { known as knownSchema } from "../../src/catalog/schema/state.ts";
import { viewNames } from "../../src/catalog/schema/views.ts";
import { parseDatabaseUrl } from "../../src/config/database-url.ts";
import type { DatabaseSettings } from "../../src/registry/store-settings.ts";
import { openPostgresSync } from "./postgres-sync.ts";

/** The engine that stores of this run are on; the project of `vitest.config.ts` decides. */
export const engine: DatabaseSettings["engine"] =
  process.env["DIST_TEST_ENGINE"] === "postgres" ? "postgres" : "sqlite";

/** Where `vitest-global.ts` says which PostgreSQL there is. */
export const POSTGRES_URL = "DIST_TEST_POSTGRES_URL";

type Row = Record<string, any>;

/** The database of the store in this directory: each has its own, on either engine. */
export function databaseFor(directory: string): DatabaseSettings {
  return parseDatabaseUrl(databaseUrlFor(directory))!;
}

/** The same as `database.url` says it. */
export function databaseUrlFor(directory: string): string {
  return engine === "sqlite" ? `sqlite:${join(directory, "dist.db")}` : postgresUrl(schemaOf(directory));
}

/** A schema of the run's PostgreSQL. */
export function postgresUrl(schema: string): string {
  return `${process.env[POSTGRES_URL]}&options=-c%20search_path%3D${schema}`;
}

/**
 * Runs SQL on the store's database behind its back; answers the rows of the last statement. The texts are SQLite's; what
 * tests use of it is said in PostgreSQL's words here.
 */
export function runSql(directory: string, sql: string, ...values: SQLInputValue[]): Row[] {
  if (engine === "sqlite") return runSqlite(join(directory, "dist.db"), sql, values);
  return runPostgres(schemaOf(directory), forPostgres(sql), values);
}

/** The same on PostgreSQL, in its own words. */
export function runPostgres(schema: string, sql: string, values: readonly unknown[] = []): Row[] {
  query ??= openPostgresSync(process.env[POSTGRES_URL]!);
  return query({ schema, sql, values });
}

/** A schema of its own, empty. */
export function freshSchema(): string {
  schemaCount += 1;
  const name = `test_${process.pid}_${schemaCount}_${createHash("sha256").update(newId("log")).digest("hex").slice(0, 8)}`;
  runPostgres("public", `CREATE SCHEMA ${name}`);
  return name;
}

let query: ReturnType<typeof openPostgresSync> | undefined;
let schemaCount = 0;
/** Schemas by the directory of their store. */
const schemas = new Map<string, string>();

/**
 * The schema of a directory's store. To make one takes long, so the schema of a store whose directory is gone is taken
 * again, emptied.
 */
function schemaOf(directory: string): string {
  const known = schemas.get(directory);
  if (known !== undefined) return known;
  const [gone, free] = [...schemas].find(([other]) => !existsSync(other)) ?? [];
  if (gone !== undefined) schemas.delete(gone);
  const schema = free !== undefined && empty(free) ? free : freshSchema();
  schemas.set(directory, schema);
  return schema;
}

/** Makes a store as good as new; false when a test left it in a state that this cannot undo. */
function empty(schema: string): boolean {
  const tables = ["event", ...viewNames, ...stateTables(schema)];
  try {
    const [made] = runPostgres(schema, "SELECT version, view_generation AS generation FROM schema_version");
    if (made!["version"] !== knownSchema.version || made!["generation"] !== knownSchema.generation)
      return false;
    const texts = tables.map((table) => `DELETE FROM ${table}`);
    texts.push(
      `UPDATE log_head SET log_id = '${newId("log")}', head = 0, last_at = '2026-11-20T15:00:00.000Z'`,
    );
    runPostgres(schema, texts.join("; "));
    return true;
  } catch {
    return false;
  }
}

function stateTables(schema: string): string[] {
  const all = runPostgres(schema, `SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`);
  const others = new Set<string>(["event", "log_head", "schema_version", ...viewNames]);
  return all.map(({ tablename }) => tablename as string).filter((name) => !others.has(name));
}

function runSqlite(path: string, sql: string, values: SQLInputValue[]): Row[] {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  try {
    if (values.length > 0 || /^\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b[^;]*$/i.test(sql)) {
      return database.prepare(sql).all(...values);
    }
    database.exec(sql);
    return [];
  } finally {
    database.close();
  }
}

function forPostgres(sql: string): string {
  let parameters = 0;
  return sql
    .replaceAll(/\?/g, () => `$${(parameters += 1)}`)
    .replaceAll(/\bx'([0-9a-f]*)'/g, String.raw`'\x$1'::bytea`)
    .replaceAll(/\bzeroblob\((\d+)\)/g, "decode(repeat('00', $1), 'hex')")
    .replaceAll(/\browid\b/g, "ctid");
}
