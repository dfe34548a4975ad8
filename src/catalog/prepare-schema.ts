import { type Clock, toTimestamp } from "../base/clock.ts";
import { newId } from "../base/ids.ts";
import type { TextConnection } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { eventBytes, readLog } from "./log-reader.ts";
import { Projector } from "./projections/project.ts";
import { createIndexes, createView, migrations, statementFor, VIEW_GENERATION, viewNames } from "./schema.ts";

const newestVersion = migrations.at(-1)!.version;

/** True when there is a schema, of whatever version. */
export async function hasSchema(connection: TextConnection): Promise<boolean> {
  return (await presentSchema(connection)).version > 0;
}

/** True when the tables are those of this version: nothing to prepare, and no lock to take for it. */
export async function isPrepared(connection: TextConnection): Promise<boolean> {
  const { version, generation } = await presentSchema(connection);
  return version === newestVersion && generation === VIEW_GENERATION;
}

/**
 * Creates the tables, or brings an older store's up to date: log and state by the migrations it has not seen, views by
 * making them anew from the log. Runs under the write lock, in one transaction: a store is never half upgraded, and of two
 * processes that try at once the second finds it done. Raises `store.newer_schema`.
 */
export async function prepareSchema(connection: TextConnection, clock: Clock): Promise<void> {
  const present = await presentSchema(connection);
  if (present.version > newestVersion || present.generation > VIEW_GENERATION) {
    throw catalogErrors.error(
      "store.newer_schema",
      `The store has schema ${present.version}.${present.generation}; this version knows ${newestVersion}.${VIEW_GENERATION}.`,
      {
        details: { present, known: { version: newestVersion, generation: VIEW_GENERATION } },
        hint: "Use the version that made it, or a newer one.",
      },
    );
  }
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

/** Zeros when there is no schema. */
async function presentSchema(connection: TextConnection): Promise<{ version: number; generation: number }> {
  const columns = await connection.columnsOf("schema_version");
  if (columns.length === 0) return { version: 0, generation: 0 };
  return {
    version: Number(await connection.scalar("SELECT version FROM schema_version")),
    generation: Number(await connection.scalar("SELECT view_generation FROM schema_version")),
  };
}
