import { DistError } from "../../base/errors.ts";
import { storageErrors } from "../../base/storage-errors.ts";
import { catalogErrors } from "../errors.ts";

/** Primary result codes, https://www.sqlite.org/rescode.html; extended codes keep them in the low byte. */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_PROTOCOL = 15;
const SQLITE_NOTADB = 26;
/** Extended: the shared memory beside the WAL could not grow, which is how a full disk shows when the file is opened. */
const SQLITE_IOERR_SHMSIZE = SQLITE_IOERR | (19 << 8);

/** Runs `work`; what SQLite raises becomes a coded error, anything else passes. */
export function translateSqliteError<T>(attempt: "open" | "read" | "write" | "commit", work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asDistError(attempt, error);
  }
}

/** True when the error says that another connection holds a lock: worth another try a little later. */
export function isBusy(error: unknown): boolean {
  const extended = resultCode(error instanceof DistError ? error.cause : error);
  const code = extended === undefined ? undefined : primary(extended);
  return code === SQLITE_BUSY || code === SQLITE_PROTOCOL;
}

function asDistError(attempt: string, error: unknown): unknown {
  const extended = resultCode(error);
  if (extended === undefined) return error;
  const code = extended === SQLITE_IOERR_SHMSIZE ? SQLITE_FULL : primary(extended);
  const text = error instanceof Error ? error.message : String(error);
  const options = { cause: error, details: { attempt, sqlite: code } };
  switch (code) {
    case SQLITE_FULL:
      return storageErrors.error("store.full", `The disk under the database is full (${text}).`, options);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return storageErrors.error("store.read_only", `The database cannot be written (${text}).`, options);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return catalogErrors.error("store.damaged", `The database file is damaged (${text}).`, options);
    case SQLITE_BUSY:
    case SQLITE_PROTOCOL:
      return catalogErrors.error("store.busy", "Another process holds the store's lock.", options);
    case SQLITE_IOERR:
      return catalogErrors.error("store.io_failed", `The database could not be accessed (${text}).`, options);
    default:
      return error;
  }
}

/** The extended result code of an error that node:sqlite raised; undefined for other errors. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number")
    return undefined;
  return error.errcode;
}

function primary(extended: number): number {
  return extended & 0xff;
}
