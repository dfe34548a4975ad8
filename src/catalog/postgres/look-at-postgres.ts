import type { Clock } from "../../base/clock.ts";
import type { DatabaseLook } from "../database.ts";
import { lookAtSchema } from "../schema/prepare-schema.ts";
import { databaseClock } from "./postgres-clock.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { requireRightToCreate, requireUsableServer } from "./postgres-server.ts";
import { nameOf, type PostgresTarget } from "./postgres-target.ts";

const STATEMENT_TIMEOUT_MS = 15_000;

/**
 * What opening this database would meet; nothing is made or changed. Raises `store.newer_schema`, `store.foreign_tables`,
 * `store.unreachable`, `store.database_refused`, `store.read_only`, `clock.skew`.
 */
export async function lookAtPostgres(target: PostgresTarget, clock: Clock): Promise<DatabaseLook> {
  const limits = { statementMs: STATEMENT_TIMEOUT_MS, lockMs: STATEMENT_TIMEOUT_MS, idleInTransactionMs: 0 };
  const connection = await PostgresConnection.open(target, { purpose: "check", ...limits });
  try {
    await requireUsableServer(connection);
    await databaseClock(connection, clock);
    const schema = await lookAtSchema(connection);
    if (schema === "missing") await requireRightToCreate(connection);
    return { place: nameOf(target), schema };
  } finally {
    await connection.close();
  }
}
