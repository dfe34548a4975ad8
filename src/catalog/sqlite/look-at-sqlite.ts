import { existsSync } from "node:fs";

import type { DatabaseLook } from "../database.ts";
import { lookAtSchema } from "../schema/prepare-schema.ts";
import { SqliteConnection } from "./connection.ts";
import { retryWhileBusy } from "./sqlite-database.ts";
import { refuseUnsafeSqlite } from "./sqlite-version.ts";

/**
 * What opening this file would meet; it is neither made nor changed. Raises `store.newer_schema`, `store.foreign_tables`,
 * `store.unsafe_sqlite`, `store.read_only`, `store.damaged`.
 */
export async function lookAtSqlite(path: string): Promise<DatabaseLook> {
  refuseUnsafeSqlite();
  const place = `the SQLite file ${path}`;
  if (!existsSync(path)) return { place, schema: "missing" };
  const connection = new SqliteConnection(path, { readOnly: false });
  try {
    const schema = await retryWhileBusy(() => lookAtSchema(connection));
    // Proves that it may be written, and writes nothing.
    await retryWhileBusy(() => connection.execute("BEGIN IMMEDIATE"));
    await connection.execute("ROLLBACK");
    return { place, schema };
  } finally {
    await connection.close();
  }
}
