import { type Clock, toTimestamp } from "../base/clock.ts";
import { newId } from "../base/ids.ts";
import type { SchemaState, TextConnection } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { eventBytes, readLog } from "./log-reader.ts";
import { Projector } from "./projections/project.ts";
import {
  createIndexes,
  createView,
  migrations,
  newestVersion,
  relationNames,
  statementFor,
  VIEW_GENERATION,
  viewNames,
} from "./schema.ts";

/** Looks, and changes nothing. Raises `store.newer_schema`, `store.foreign_tables`. */
export async function schemaState(connection: TextConnection): Promise<SchemaState> {
  const present = await presentSchema(connection);
  refuseNewer(present);
  if (present.version === 0) return "missing";
  return isNewest(present) ? "current" : "older";
}

/** True when there is a schema, of whatever version. Raises `store.foreign_tables`. */
export async function hasSchema(connection: TextConnection): Promise<boolean> {
  return (await presentSchema(connection)).version > 0;
}

/**
 * True when the tables are those of this version: nothing to prepare, and no lock to take for it. Raises
 * `store.foreign_tables`.
 */
export async function isPrepared(connection: TextConnection): Promise<boolean> {
  return isNewest(await presentSchema(connection));
}

/**
 * Creates the tables, or brings an older store's up to date: log and state by the migrations it has not seen, views by
 * making them anew from the log. Runs under the write lock, in one transaction: a store is never half upgraded, and of two
 * processes that try at once the second finds it done. Raises `store.newer_schema`, `store.foreign_tables`.
 */
export async function prepareSchema(connection: TextConnection, clock: Clock): Promise<void> {
  const present = await presentSchema(connection);
  refuseNewer(present);
  for (const migration of migrations.filter(({ version }) => version > present.version)) {
    for (const statement of migration.statements) {
      await connection.execute(statementFor(connection.dialect, statement));
    }
  }
  if (present.version === 0) await createEmptyLog(connection, clock);
  if (present.generation < VIEW_GENERATION) await remakeViews(connection);
  await connection.execute(
    `UPDATE schema_version SET version = ${newestVersion}, view_generation = ${VIEW_GENERATION}`,
  );
}

async function createEmptyLog(connection: TextConnection, clock: Clock): Promise<void> {
  const version = "CREATE TABLE schema_version (version INTEGER NOT NULL, view_generation INTEGER NOT NULL)";
  await connection.execute(statementFor(connection.dialect, version));
  await connection.execute("INSERT INTO schema_version VALUES (0, 0)");
  const logId = newId("log");
  await connection.execute(`INSERT INTO log_head VALUES (1, '${logId}', 0, '${toTimestamp(clock.nowMs())}')`);
}

/** The views of this version, filled by replaying the log. */
async function remakeViews(connection: TextConnection): Promise<void> {
  for (const view of viewNames) {
    await connection.execute(`DROP TABLE IF EXISTS ${view}`);
    await connection.execute(createView(view, connection.dialect));
    for (const statement of createIndexes(view)) await connection.execute(statement);
  }
  const projector = new Projector(connection);
  for await (const { event, problem } of readLog(connection, eventBytes, { after: 0 })) {
    if (event === undefined || problem !== undefined) {
      throw catalogErrors.error("store.damaged", `The views cannot be upgraded: ${problem?.message}`, {
        hint: "Run store verify with the version that made the store.",
      });
    }
    await projector.project(event);
  }
  await projector.flush();
}

interface Schema {
  readonly version: number;
  readonly generation: number;
}

function isNewest({ version, generation }: Schema): boolean {
  return version === newestVersion && generation === VIEW_GENERATION;
}

function refuseNewer(present: Schema): void {
  if (present.version <= newestVersion && present.generation <= VIEW_GENERATION) return;
  throw catalogErrors.error(
    "store.newer_schema",
    `The store has schema ${present.version}.${present.generation}; this version knows ${newestVersion}.${VIEW_GENERATION}.`,
    {
      details: { present, known: { version: newestVersion, generation: VIEW_GENERATION } },
      hint: "Use the version that made it, or a newer one.",
    },
  );
}

/** Zeros when there is no schema. Raises `store.foreign_tables` when something else has the names of a store's tables. */
async function presentSchema(connection: TextConnection): Promise<Schema> {
  const foreign = await foreignRelations(connection);
  if (foreign === null) return { version: 0, generation: 0 };
  if (foreign.length > 0) {
    throw catalogErrors.error(
      "store.foreign_tables",
      `The database is somebody else's: it has ${foreign.join(", ")}, and no store.`,
      {
        details: { tables: foreign },
        hint: "Name a database of the store's own in database.url, or a schema of its own (options=-c search_path=…).",
      },
    );
  }
  return {
    version: Number(await connection.scalar("SELECT version FROM schema_version")),
    generation: Number(await connection.scalar("SELECT view_generation FROM schema_version")),
  };
}

/** What has a store's names and is no store; null when nothing has. Of a store's own there is none. */
async function foreignRelations(connection: TextConnection): Promise<readonly string[] | null> {
  const isStore = async () => (await connection.columnsOf("schema_version")).includes("view_generation");
  if (await isStore()) return [];
  const present: string[] = [];
  for (const name of relationNames) if ((await connection.columnsOf(name)).length > 0) present.push(name);
  if (present.length === 0) return null;
  // A store is made in one transaction: what another process made meanwhile shows whole now.
  return (await isStore()) ? [] : present;
}
