import { resolve } from "node:path";

import type { Clock } from "../base/clock.ts";
import type { Database, DatabaseLook } from "../catalog/database.ts";
import type { DatabaseSettings } from "./store-settings.ts";

/**
 * Opens the database a store's settings name, on whichever engine. Only that engine is loaded. Raises `store.load` when
 * there is no store and `create` is false, and what the engine raises.
 */
export async function openDatabase(
  settings: DatabaseSettings,
  options: { readonly directory: string; readonly create: boolean; readonly clock: Clock },
): Promise<Database> {
  const { directory, create, clock } = options;
  if (settings.engine === "sqlite") {
    const { openSqliteDatabase } = await import("../catalog/sqlite/sqlite-database.ts");
    return openSqliteDatabase({ path: resolve(directory, settings.file), create, clock });
  }
  const { openPostgresDatabase } = await import("../catalog/postgres/postgres-database.ts");
  return openPostgresDatabase({ target: settings, create, clock });
}

/** What opening that database would meet; nothing is made or changed. Raises what opening raises, `store.load` apart. */
export async function lookAtDatabase(
  settings: DatabaseSettings,
  { directory, clock }: { readonly directory: string; readonly clock: Clock },
): Promise<DatabaseLook> {
  if (settings.engine === "sqlite") {
    const { lookAtSqlite } = await import("../catalog/sqlite/look-at-sqlite.ts");
    return lookAtSqlite(resolve(directory, settings.file));
  }
  const { lookAtPostgres } = await import("../catalog/postgres/look-at-postgres.ts");
  return lookAtPostgres(settings, clock);
}
