import { DatabaseError } from "pg";

import { DistError, errnoOf, hasCode } from "../../base/errors.ts";
import { storageErrors } from "../../base/storage-errors.ts";
import { catalogErrors } from "../errors.ts";

/** What was being done when the error came. */
export type Attempt = "connect" | "read" | "write";

/** Runs `work`; what PostgreSQL or the connection to it raises becomes a coded error, anything else passes. */
export async function translatePostgresError<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asDistError(attempt, error);
  }
}

/** True when nothing more can come over the connection that raised this, or when it must not be used again. */
export function endsConnection(error: unknown): boolean {
  const cause = error instanceof DistError ? error.cause : error;
  if (!(cause instanceof DatabaseError)) return hasCode(error, "store.unreachable");
  const { code = "" } = cause;
  // 25006: this server went from primary to standby under us; the same address may lead to the new primary.
  // 0A000: a newer version changed a table behind a prepared statement; a new connection prepares it anew.
  return isConnectionLoss(code) || code === "25006" || code === "0A000";
}

/**
 * SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html. Constraint violations and mistakes in a
 * statement pass as they are: on a sound schema they are bugs.
 */
function asDistError(attempt: Attempt, error: unknown): unknown {
  if (error instanceof DistError || !(error instanceof Error)) return error;
  if (!(error instanceof DatabaseError)) return asConnectionError(attempt, error);
  const { code = "", message } = error;
  const options = { cause: error, details: { attempt, sqlstate: code } };
  if (isConnectionLoss(code)) {
    return catalogErrors.error("store.unreachable", `The database does not answer (${message}).`, options);
  }
  // 28: authentication; 3D000: no such database; 3F000: no such schema; 42501: no permission.
  if (/^28|^3D000$|^3F000$|^42501$/.test(code)) {
    return catalogErrors.error("store.database_refused", `The database refuses (${message}).`, options);
  }
  switch (code) {
    case "25006": // read_only_sql_transaction
      return storageErrors.error("store.read_only", `The database cannot be written (${message}).`, options);
    case "53100": // disk_full
      return storageErrors.error("store.full", `The disk under the database is full (${message}).`, options);
    case "40001": // serialization_failure
    case "40P01": // deadlock_detected
    case "55P03": // lock_not_available
      return catalogErrors.error("store.busy", "Another process holds the store's lock.", options);
    case "XX001": // data_corrupted
    case "XX002": // index_corrupted
      return catalogErrors.error("store.damaged", `The database is damaged (${message}).`, options);
  }
  // 53: insufficient resources; 57014: cancelled, by the time limit of a statement; 58: errors of the system.
  if (/^53|^57014$|^58/.test(code)) {
    return catalogErrors.error("store.io_failed", `The database could not do it (${message}).`, options);
  }
  return error;
}

/** 08: connection exceptions; 57P: the server shuts down, crashed or starts; 53300: too many connections; 25P03: idle too long. */
function isConnectionLoss(sqlstate: string): boolean {
  return /^08|^57P|^53300$|^25P03$/.test(sqlstate);
}

/** What the driver says of a connection that is no more; what sockets and TLS say has an error code. */
const LOST = /^(Connection terminated|Query read timeout|Client has encountered|Client was closed)/;

/** What the driver and the socket raise has no SQLSTATE. It never holds the password. */
function asConnectionError(attempt: Attempt, error: Error): Error {
  if (attempt !== "connect" && errnoOf(error) === undefined && !LOST.test(error.message)) return error;
  const options = { cause: error, details: { attempt, errno: errnoOf(error) ?? null } };
  // SCRAM's refusals of a missing password, and of a server that does not know it either, come from the driver.
  if (attempt === "connect" && error.message.startsWith("SASL")) {
    return catalogErrors.error("store.database_refused", `The database refuses (${error.message}).`, options);
  }
  return catalogErrors.error(
    "store.unreachable",
    `The database cannot be reached (${error.message}).`,
    options,
  );
}
