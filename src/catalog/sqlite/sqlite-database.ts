import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { delay, Mutex } from "../../base/async.ts";
import type { Clock } from "../../base/clock.ts";
import { errnoOf, hasCode } from "../../base/errors.ts";
import { syncDirectory } from "../../base/files.ts";
import { ConnectionPool } from "../connection-pool.ts";
import type { Actor, Database, MaintenanceConnection, Reader, Transaction } from "../database.ts";
import { catalogErrors } from "../errors.ts";
import type { Query } from "../query.ts";
import { remakeViews } from "../remake-views.ts";
import { isPrepared, prepareSchema } from "../schema/prepare-schema.ts";
import { LogTransaction, logHead } from "../transaction.ts";
import { SqliteConnection } from "./connection.ts";
import { isBusy } from "./sqlite-errors.ts";
import { refuseUnsafeSqlite } from "./sqlite-version.ts";

/** How long a writer waits for other processes' writers before it gives up with `store.busy`. */
const LOCK_DEADLINE_MS = 60_000;
/** The pause between two tries: random within this, so that waiting processes do not march in step. */
const RETRY_PAUSE_MS = 12;
/** Snapshots that can be read at once in one process; a further one waits. */
const MAX_READERS = 8;
/** Page cache for the temporary tables of a rebuild. */
const TEMPORARY_CACHE_KIB = 64 * 1024;

export interface SqliteOptions {
  /** The database file. */
  readonly path: string;
  /** Make the file when it is missing; otherwise that is `store.load`. */
  readonly create: boolean;
  readonly clock: Clock;
}

/**
 * Opens the log, its views and the state in one SQLite file (WAL, synchronous=FULL: a commit is on disk when it returns).
 * A file without a schema is an empty store and is completed. Raises `store.load`, `store.newer_schema`,
 * `store.older_nodes`, `store.foreign_tables`, `store.unsafe_sqlite`, `store.read_only`, `store.damaged`.
 */
export async function openSqliteDatabase(options: SqliteOptions): Promise<Database> {
  refuseUnsafeSqlite();
  if (!options.create && !existsSync(options.path)) {
    throw catalogErrors.error("store.load", `There is no store at ${dirname(options.path)}.`, {
      details: { path: options.path },
      hint: "Publishing or creating an app, a token or a server makes one.",
    });
  }
  const { writer, isWhole } = await retryWhileBusy(async () => {
    const connection = new SqliteConnection(options.path, { readOnly: false });
    try {
      // First, so that another program's file is left as it is.
      const isReady = await isPrepared(connection);
      await connection.execute("PRAGMA journal_mode = WAL");
      await connection.execute("PRAGMA synchronous = FULL");
      const prepared =
        isReady || (await exclusively(connection, () => prepareSchema(connection, options.clock)));
      return { writer: connection, isWhole: prepared };
    } catch (error) {
      await connection.close();
      throw error;
    }
  });
  const database = new SqliteDatabase(options, writer);
  try {
    if (!isWhole) await remakeViews(database);
    if (options.create) await makeNameDurable(options.path);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

class SqliteDatabase implements Database {
  readonly #options: SqliteOptions;
  readonly #writer: SqliteConnection;
  readonly #writeQueue = new Mutex();
  readonly #readers: ConnectionPool<SqliteConnection>;

  constructor(options: SqliteOptions, writer: SqliteConnection) {
    this.#options = options;
    this.#writer = writer;
    this.#readers = new ConnectionPool(MAX_READERS, () =>
      retryWhileBusy(async () => new SqliteConnection(options.path, { readOnly: true })),
    );
  }

  read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    return this.#withReader(async (reader) => {
      await retryWhileBusy(async () => {
        await reader.execute("BEGIN");
        try {
          // The snapshot begins with the first read, not with BEGIN.
          await reader.first(logHead, {});
        } catch (error) {
          await reader.execute("ROLLBACK");
          throw error;
        }
      });
      try {
        return await work(reader);
      } finally {
        await reader.execute("ROLLBACK");
      }
    });
  }

  first<P extends object, R>(query: Query<P, R>, params: P): Promise<R | undefined> {
    return this.#withReader((reader) => retryWhileBusy(() => reader.first(query, params)));
  }

  write<T>(actor: Actor, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#writeQueue.run(() =>
      exclusively(this.#writer, async () => {
        const tx = await LogTransaction.begin(this.#writer, actor, this.#options.clock);
        const result = await work(tx);
        await tx.finish();
        return result;
      }),
    );
  }

  async maintenance(): Promise<MaintenanceConnection> {
    const connection = await retryWhileBusy(
      async () => new SqliteMaintenance(this.#options, this.#writeQueue),
    );
    await connection.execute("PRAGMA synchronous = FULL");
    // Temporary tables are thrown away on any failure: they need neither a journal nor a sync.
    await connection.execute("PRAGMA temp.journal_mode = OFF");
    await connection.execute(`PRAGMA temp.cache_size = -${TEMPORARY_CACHE_KIB}`);
    return connection;
  }

  async integrityProblems(): Promise<string[]> {
    return this.read(async (reader) => {
      const first = await (reader as SqliteConnection).scalar("PRAGMA integrity_check(20)");
      return first === "ok" ? [] : [String(first)];
    });
  }

  async info() {
    const schemaVersion = Number(await this.#writer.scalar("SELECT version FROM schema_version"));
    const version = await this.#writer.scalar("SELECT sqlite_version()");
    const walPath = `${this.#options.path}-wal`;
    const sizeBytes = statSync(this.#options.path).size + (existsSync(walPath) ? statSync(walPath).size : 0);
    return { engine: `SQLite ${version}`, sizeBytes, schemaVersion };
  }

  async close(): Promise<void> {
    await this.#writeQueue.run(async () => {
      await this.#readers.close();
      await this.#writer.close();
    });
  }

  async #withReader<T>(work: (reader: SqliteConnection) => Promise<T>): Promise<T> {
    const reader = await this.#readers.take();
    try {
      return await work(reader);
    } finally {
      await this.#readers.give(reader);
    }
  }
}

class SqliteMaintenance extends SqliteConnection implements MaintenanceConnection {
  readonly schemas = { stored: "main", temporary: "temp" };
  readonly #clock: Clock;
  readonly #writeQueue: Mutex;

  constructor({ path, clock }: SqliteOptions, writeQueue: Mutex) {
    super(path, { readOnly: false });
    this.#clock = clock;
    this.#writeQueue = writeQueue;
  }

  async nowMs(): Promise<number> {
    return this.#clock.nowMs();
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#writeQueue.run(() => exclusively(this, work));
  }

  async snapshot<T>(work: () => Promise<T>): Promise<T> {
    await this.execute("BEGIN");
    try {
      const result = await work();
      await this.execute("COMMIT");
      return result;
    } catch (error) {
      await rollback(this);
      throw error;
    }
  }
}

/** BEGIN IMMEDIATE … COMMIT; what `work` raises rolls everything back. */
async function exclusively<T>(connection: SqliteConnection, work: () => Promise<T>): Promise<T> {
  await retryWhileBusy(() => connection.execute("BEGIN IMMEDIATE"));
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await rollback(connection);
    throw error;
  }
  try {
    await connection.execute("COMMIT");
  } catch (error) {
    await rollback(connection);
    if (hasCode(error, "store.full")) throw error;
    // The commit record may have reached the file although its sync failed: a later recovery could bring it back.
    throw catalogErrors.error(
      "transaction.outcome_unknown",
      "The commit was sent; whether it holds is not known.",
      {
        cause: error,
        hint: "Retry: a retry finds out.",
      },
    );
  }
  return result;
}

/** SQLite rolls some failures back by itself; then there is no transaction left to end. */
async function rollback(connection: SqliteConnection): Promise<void> {
  await connection.execute("ROLLBACK").catch(() => {});
}

/** Does `work` again while another process has the lock, up to a deadline. Raises `store.busy` after it. */
export async function retryWhileBusy<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + LOCK_DEADLINE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await delay(1 + Math.random() * RETRY_PAUSE_MS);
    }
  }
}

/**
 * SQLite syncs the directory of a file it makes, but ignores how that ends. Done also for a file that stood there already:
 * whoever made it may not have come to this sync yet.
 */
async function makeNameDurable(path: string): Promise<void> {
  try {
    await syncDirectory(dirname(path));
  } catch (cause) {
    const errno = errnoOf(cause) ?? null;
    throw catalogErrors.error("store.io_failed", `The store directory could not be synced (${errno}).`, {
      cause,
      details: { path: dirname(path), errno },
    });
  }
}
