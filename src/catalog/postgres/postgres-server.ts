import { storageErrors } from "../../base/storage-errors.ts";
import { catalogErrors } from "../errors.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/** The oldest version that is tested. */
const MIN_SERVER_VERSION = 150_000;
/** Problems of the engine's own check that are named. */
const MAX_PROBLEMS = 20;

/**
 * Refuses a server on which the store's promises would not hold: too old, another encoding than UTF-8, a standby, commits
 * that are not durable. Raises `store.database_refused`, `store.read_only`.
 */
export async function requireUsableServer(connection: PostgresConnection): Promise<void> {
  const refuse = (message: string, hint: string) =>
    catalogErrors.error("store.database_refused", message, { hint });
  if (Number(await connection.scalar("SHOW server_version_num")) < MIN_SERVER_VERSION) {
    const version = await connection.scalar("SHOW server_version");
    throw refuse(`PostgreSQL ${version} is too old.`, "Use PostgreSQL 15 or newer.");
  }
  const encoding = await connection.scalar("SHOW server_encoding");
  if (encoding !== "UTF8") {
    throw refuse(`The database's encoding is ${encoding}.`, "Create it with ENCODING 'UTF8'.");
  }
  if ((await connection.scalar("SHOW synchronous_commit")) === "off") {
    throw refuse("A commit would be acknowledged before it is on disk.", "Set synchronous_commit to on.");
  }
  if ((await connection.scalar("SELECT current_schema()")) === null) {
    throw refuse("No schema of the search path is there.", "Create it, or leave the search path out.");
  }
  if ((await connection.scalar("SELECT pg_is_in_recovery()::int")) === 1) {
    throw storageErrors.error("store.read_only", "The database server is a standby.", {
      hint: "Name the primary.",
    });
  }
}

/** Refuses a schema in which this user may not make a store's tables. Raises `store.database_refused`. */
export async function requireRightToCreate(connection: PostgresConnection): Promise<void> {
  const may = "SELECT has_schema_privilege(current_schema(), 'CREATE')::int";
  if ((await connection.scalar(may)) === 1) return;
  const schema = await connection.scalar("SELECT current_schema()");
  throw catalogErrors.error(
    "store.database_refused",
    `This user may make no tables in the schema ${schema}.`,
    {
      hint: "Make the user the owner of the database, or grant CREATE on the schema.",
    },
  );
}

/**
 * What PostgreSQL's own checks say: indexes that are not valid; where the extension amcheck is installed for us, also
 * B-trees whose order or links are broken.
 */
export async function integrityProblems(connection: PostgresConnection): Promise<string[]> {
  const invalid = await connection.scalar(`SELECT string_agg(relname, E'\\n') FROM (
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE relnamespace = current_schema()::regnamespace AND NOT (indisvalid AND indisready)
     ORDER BY relname LIMIT ${MAX_PROBLEMS}) AS bad`);
  const problems = lines(invalid).map((name) => `The index ${name} is not valid.`);
  const check = "to_regprocedure('bt_index_check(regclass)')";
  const canCheck = `SELECT (${check} IS NOT NULL AND has_function_privilege(${check}, 'EXECUTE'))::int`;
  if (problems.length > 0 || (await connection.scalar(canCheck)) !== 1) return problems;
  const indexes = await connection.scalar(`SELECT string_agg(indexrelid::text, E'\\n') FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = current_schema()::regnamespace`);
  for (const oid of lines(indexes)) {
    try {
      await connection.execute(`SELECT bt_index_check(${oid}::regclass)`);
    } catch (error) {
      // The transaction ends with an error: the first one is told, and the rest is left.
      return [error instanceof Error ? error.message : String(error)];
    }
  }
  return [];
}

/** What `store status` shows of the engine. */
export async function storeInfo(connection: PostgresConnection) {
  const schemaVersion = Number(await connection.scalar("SELECT version FROM schema_version"));
  const version = await connection.scalar("SELECT split_part(current_setting('server_version'), ' ', 1)");
  const sizeBytes =
    await connection.scalar(`SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'`);
  return { engine: `PostgreSQL ${version}`, sizeBytes: Number(sizeBytes), schemaVersion };
}

function lines(text: number | string | null): string[] {
  return text === null ? [] : String(text).split("\n");
}
