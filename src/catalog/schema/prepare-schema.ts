import { type Clock, toTimestamp } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import type { SchemaFinding, TextConnection } from "../database.ts";
import { refuseBesideOlderNodes } from "../live-nodes.ts";
import { migrations } from "./migrations.ts";
import { isUpToDate, presentSchema, refuseNewerSchema, type SchemaState, writeSchemaState } from "./state.ts";
import { statementFor } from "./statement.ts";
import { createIndexes, createView, type ViewName, viewNames, viewSteps } from "./views.ts";

/** Looks, and changes nothing. Raises `store.newer_schema`, `store.foreign_tables`. */
export async function lookAtSchema(connection: TextConnection): Promise<SchemaFinding> {
  const present = await presentSchema(connection);
  refuseNewerSchema(present);
  if (present.version === 0) return "missing";
  return isUpToDate(present) ? "current" : "older";
}

/** True when there is a schema, of whatever version. Raises `store.foreign_tables`. */
export async function hasSchema(connection: TextConnection): Promise<boolean> {
  return (await presentSchema(connection)).version > 0;
}

/**
 * True when the tables have everything of this version: nothing to prepare, and no lock to take for it. Raises
 * `store.newer_schema`, `store.foreign_tables`.
 */
export async function isPrepared(connection: TextConnection): Promise<boolean> {
  const present = await presentSchema(connection);
  refuseNewerSchema(present);
  return isUpToDate(present);
}

/**
 * Creates the tables, or brings an older store's up to date: log and state by the migrations it has not seen, views by the
 * columns that were added since. Runs under the write lock, in one transaction: a store is never half upgraded, and of two
 * processes that try at once the second finds it done. False when the views need more than that: then nothing was done, and
 * `remakeViews` does all. Raises `store.newer_schema`, `store.older_nodes`, `store.foreign_tables`.
 */
export async function prepareSchema(connection: TextConnection, clock: Clock): Promise<boolean> {
  const present = await presentSchema(connection);
  refuseNewerSchema(present);
  if (present.version === 0) {
    await createStore(connection, present, clock);
    return true;
  }
  const steps = viewSteps.filter(({ generation }) => generation > present.view_generation);
  const remakes = steps.some(({ adds }) => adds === undefined);
  if (remakes || pending(present).some(({ compatible }) => compatible !== true)) {
    await refuseBesideOlderNodes(connection, clock.nowMs());
  }
  if (remakes) return false;
  await migrate(connection, present);
  for (const { adds = {} } of steps) {
    for (const [view, columns] of Object.entries(adds)) {
      await addColumns(connection, view as ViewName, columns);
    }
  }
  const adds = steps.some((step) => Object.values(step.adds ?? {}).some(({ length }) => length > 0));
  await writeSchemaState(connection, present, {
    filled: !adds && present.filled_generation >= present.view_generation,
  });
  return true;
}

/** Runs the migrations that the store has not seen. */
export async function migrate(connection: TextConnection, present: SchemaState): Promise<void> {
  for (const { statements } of pending(present)) {
    for (const statement of statements) await connection.execute(statementFor(connection.dialect, statement));
  }
}

function pending(present: SchemaState) {
  return migrations.filter(({ version }) => version > present.version);
}

async function createStore(connection: TextConnection, present: SchemaState, clock: Clock): Promise<void> {
  const version = "CREATE TABLE schema_version (version INTEGER NOT NULL, view_generation INTEGER NOT NULL)";
  await connection.execute(statementFor(connection.dialect, version));
  await connection.execute("INSERT INTO schema_version VALUES (0, 0)");
  await migrate(connection, present);
  const logId = newId("log");
  await connection.execute(`INSERT INTO log_head VALUES (1, '${logId}', 0, '${toTimestamp(clock.nowMs())}')`);
  for (const view of viewNames) {
    await connection.execute(createView(view, connection.dialect));
    for (const statement of createIndexes(view)) await connection.execute(statement);
  }
  await writeSchemaState(connection, present, { filled: true });
}

async function addColumns(
  connection: TextConnection,
  view: ViewName,
  columns: readonly string[],
): Promise<void> {
  for (const column of columns) {
    await connection.execute(statementFor(connection.dialect, `ALTER TABLE ${view} ADD COLUMN ${column}`));
  }
  for (const statement of createIndexes(view)) await connection.execute(statement);
}
