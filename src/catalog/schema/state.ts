import type { Reader, TextConnection } from "../database.ts";
import { catalogErrors } from "../errors.ts";
import { query } from "../query.ts";
import type { SchemaVersionTable } from "../tables.ts";
import { migrations } from "./migrations.ts";
import { VIEW_GENERATION, viewNames, viewSteps } from "./views.ts";

/** Everything a store has by name in its database, indexes apart. */
const relationNames: readonly string[] = [
  "schema_version",
  ...viewNames,
  ...migrations.flatMap(({ statements }) =>
    statements.flatMap((statement) => /^CREATE (?:TABLE|VIEW) (\w+)/.exec(statement)?.[1] ?? []),
  ),
];

/** What this version knows. */
export const known = {
  version: migrations.at(-1)!.version,
  generation: VIEW_GENERATION,
} as const;

/** The oldest version and generation that can use a store as this version leaves it. */
const compatible = {
  version: migrations.findLast((migration) => migration.compatible !== true)!.version,
  generation: viewSteps.findLast(({ adds }) => adds === undefined)!.generation,
} as const;

/** Which versions a store is for, and what its views hold. */
export type SchemaState = SchemaVersionTable;

export const schemaState = query<object>()((db) => db.selectFrom("schema_version").selectAll());

/**
 * Zeros when there is no schema. A store that does not say who may use it is for its own version and newer ones. Raises
 * `store.foreign_tables` when something else has the names of a store's tables.
 */
export async function presentSchema(connection: TextConnection): Promise<SchemaState> {
  await refuseForeignTables(connection);
  const columns = await connection.columnsOf("schema_version");
  if (columns.includes("filled_generation")) return (await connection.first(schemaState, {}))!;
  const valueOf = async (column: string) =>
    columns.includes(column) ? Number(await connection.scalar(`SELECT ${column} FROM schema_version`)) : 0;
  const [version, generation] = [await valueOf("version"), await valueOf("view_generation")];
  return {
    version,
    view_generation: generation,
    compatible_version: version,
    compatible_generation: generation,
    filled_generation: generation,
  };
}

async function refuseForeignTables(connection: TextConnection): Promise<void> {
  const isStore = async () => (await connection.columnsOf("schema_version")).includes("view_generation");
  if (await isStore()) return;
  const present: string[] = [];
  for (const name of relationNames) if ((await connection.columnsOf(name)).length > 0) present.push(name);
  // A store is made in one transaction: what another process made meanwhile shows whole now.
  if (present.length === 0 || (await isStore())) return;
  throw catalogErrors.error(
    "store.foreign_tables",
    `The database is somebody else's: it has ${present.join(", ")}, and no store.`,
    {
      details: { tables: present },
      hint: "Name a database of the store's own in database.url, or a schema of its own (options=-c search_path=…).",
    },
  );
}

/** True when everything of this version is there: nothing to prepare. */
export function isUpToDate({ version, view_generation }: SchemaState): boolean {
  return version >= known.version && view_generation >= known.generation;
}

/** Raises `store.newer_schema` when a newer version has changed the store so that this one cannot use it. */
export function refuseNewerSchema(present: SchemaState): void {
  const { compatible_version: version, compatible_generation: generation } = present;
  if (version <= known.version && generation <= known.generation) return;
  throw catalogErrors.error(
    "store.newer_schema",
    `The store is for versions that know schema ${version}.${generation}; this one knows ${known.version}.${known.generation}.`,
    {
      details: { present: { version: present.version, generation: present.view_generation }, known },
      hint: "Use the version that made it, or a newer one.",
    },
  );
}

/** The same for a transaction that is about to write: it sees what an upgrade has done since the store was opened. */
export async function refuseNewerStore(reader: Reader): Promise<SchemaState> {
  const present = (await reader.first(schemaState, {}))!;
  refuseNewerSchema(present);
  return present;
}

/**
 * Notes that everything of this version is there. Views that were `filled` by a replay have every column's value in every row;
 * otherwise they keep what they have.
 */
export async function writeSchemaState(
  connection: TextConnection,
  present: SchemaState,
  { filled }: { filled: boolean },
): Promise<void> {
  await connection.execute(`UPDATE schema_version SET
    version = ${Math.max(known.version, present.version)},
    view_generation = ${Math.max(known.generation, present.view_generation)},
    compatible_version = ${Math.max(compatible.version, present.compatible_version)},
    compatible_generation = ${Math.max(compatible.generation, present.compatible_generation)},
    filled_generation = ${filled ? known.generation : present.filled_generation}`);
}

/** Notes that the views hold what this generation writes: all of it, and no more. */
export const setFilled = query<object>()((db) =>
  db.updateTable("schema_version").set({ filled_generation: known.generation }),
);
