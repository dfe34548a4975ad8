import { delay, Mutex } from "../../base/async.ts";
import type { Clock } from "../../base/clock.ts";
import { hasCode } from "../../base/errors.ts";
import { ConnectionPool } from "../connection-pool.ts";
import type { Actor, Database, MaintenanceConnection, Reader, Transaction } from "../database.ts";
import { catalogErrors } from "../errors.ts";
import type { Query } from "../query.ts";
import { remakeViews } from "../remake-views.ts";
import { hasSchema, isPrepared, prepareSchema } from "../schema/prepare-schema.ts";
import { LogTransaction } from "../transaction.ts";
import { CommitListener } from "./commit-listener.ts";
import { databaseClock } from "./postgres-clock.ts";
import { PostgresConnection, type SessionLimits } from "./postgres-connection.ts";
import { PostgresMaintenance } from "./postgres-maintenance.ts";
import { integrityProblems, requireUsableServer, storeInfo } from "./postgres-server.ts";
import { nameOf, type PostgresTarget } from "./postgres-target.ts";

/** How long a writer waits for other processes' writers before it gives up with `store.busy`. */
const LOCK_DEADLINE_MS = 60_000;
/** How long a call waits for a database that went away: long enough for its restart. */
const RECONNECT_DEADLINE_MS = 15_000;
/** The pause between two tries: random within this, so that waiting processes do not march in step. */
const RETRY_PAUSE_MS = 200;
/** Snapshots that can be read at once in one process; a further one waits. */
const MAX_READERS = 8;
/** How long a change of tables makes their readers wait. */
const TABLE_LOCK_MS = 2_000;
/** For one statement; the wait for the write lock is one. */
const STATEMENT_TIMEOUT_MS = LOCK_DEADLINE_MS + 30_000;
/** A writer that says nothing for so long has been stopped, and gives the write lock back. */
const IDLE_WRITER_MS = 120_000;

/** What commits that record events notify; one name for all stores of a database, who wake to look and go on. */
const CHANNEL = "dist_log";
/** Taken while the schema is made or upgraded: of two processes that try at once the second finds it done. */
const SCHEMA_LOCK = 0x64697374;

/** The write lock: every write transaction takes the log's one head row first. */
const BEGIN_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT id FROM log_head WHERE id = 1 FOR UPDATE";
/** The snapshot begins with the first statement that reads, not with BEGIN. */
const BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";

export interface PostgresOptions {
  readonly target: PostgresTarget;
  /** Make the tables when there are none; otherwise that is `store.load`. */
  readonly create: boolean;
  readonly clock: Clock;
  /** How long to wait for the write lock, in milliseconds. */
  readonly lockDeadlineMs?: number;
}

/**
 * Opens the log, its views and the state in a PostgreSQL database, in the first schema of the search path. Raises
 * `store.load`, `store.newer_schema`, `store.older_nodes`, `store.foreign_tables`, `store.unreachable`, `store.database_refused`,
 * `store.read_only`, `clock.skew`.
 */
export async function openPostgresDatabase(options: PostgresOptions): Promise<Database> {
  const writer = await openWhileStarting(options.target, writerLimits(options));
  let isWhole: boolean;
  try {
    await requireUsableServer(writer);
    const clock = await databaseClock(writer, options.clock);
    if (!options.create && !(await hasSchema(writer))) {
      throw catalogErrors.error("store.load", `There is no store in ${nameOf(options.target)}.`, {
        hint: "Publishing or creating an app, a token or a server makes one.",
      });
    }
    isWhole = (await isPrepared(writer)) || (await prepare(writer, clock));
  } catch (error) {
    await writer.close();
    throw error;
  }
  const database = new PostgresDatabase(options, writer);
  try {
    if (!isWhole) await remakeViews(database);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

class PostgresDatabase implements Database {
  readonly #options: PostgresOptions;
  readonly #writeQueue = new Mutex();
  readonly #readers: ConnectionPool<PostgresConnection>;
  readonly #listener: CommitListener;
  #writer: PostgresConnection;

  constructor(options: PostgresOptions, writer: PostgresConnection) {
    this.#options = options;
    this.#writer = writer;
    this.#readers = new ConnectionPool(MAX_READERS, () => this.#open("reader", { idleInTransactionMs: 0 }));
    this.#listener = new CommitListener(CHANNEL, () => this.#open("listener", {}));
  }

  async read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    const reader = await this.#beginRead();
    try {
      return await work(reader);
    } finally {
      // Nobody waits for the end of a transaction that wrote nothing: whoever takes the connection next queues behind it.
      reader.execute("COMMIT").catch(() => {});
      await this.#readers.give(reader);
    }
  }

  async first<P extends object, R>(query: Query<P, R>, params: P): Promise<R | undefined> {
    return this.#onReader(async (reader) => {
      try {
        return await reader.first(query, params);
      } finally {
        await this.#readers.give(reader);
      }
    });
  }

  write<T>(actor: Actor, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const asked = performance.now();
    return this.#writeQueue.run(async () => {
      // Everybody's turn comes after those before, who may have waited as long as they may: the wait must not add up.
      if (performance.now() - asked > lockDeadlineOf(this.#options)) {
        throw catalogErrors.error(
          "store.busy",
          "Other writers of this process had the store's lock too long.",
        );
      }
      const writer = await this.#beginWrite(asked);
      return endingTransaction(writer, async () => {
        const clock = databaseClock(writer, this.#options.clock);
        const tx = await LogTransaction.begin(writer, actor, clock);
        const result = await work(tx);
        const hasEvents = await tx.finish();
        return { result, channel: hasEvents ? CHANNEL : null };
      });
    });
  }

  async maintenance(): Promise<MaintenanceConnection> {
    // Nothing bounds its statements: a comparison of large views takes its time, and an import waits for its input.
    const connection = await this.#open("maintenance", { statementMs: 0, idleInTransactionMs: 0 });
    const schema = String(await connection.scalar("SELECT quote_ident(current_schema())"));
    return new PostgresMaintenance(connection, schema, {
      nowMs: async () => (await databaseClock(connection, this.#options.clock)).nowMs(),
      exclusively: (work) =>
        this.#writeQueue.run(async () => {
          await this.#lock(connection, performance.now());
          return endingTransaction(connection, async () => ({ result: await work(), channel: CHANNEL }));
        }),
    });
  }

  integrityProblems(): Promise<string[]> {
    return this.read((reader) => integrityProblems(reader as PostgresConnection));
  }

  info() {
    return this.read((reader) => storeInfo(reader as PostgresConnection));
  }

  watch(listener: () => void): () => void {
    return this.#listener.watch(listener);
  }

  async close(): Promise<void> {
    await this.#listener.close();
    await this.#writeQueue.run(async () => {
      await Promise.all([this.#readers.close(), this.#writer.close()]);
    });
  }

  #open(purpose: string, limits: Partial<SessionLimits>): Promise<PostgresConnection> {
    return PostgresConnection.open(this.#options.target, {
      ...writerLimits(this.#options),
      purpose,
      ...limits,
    });
  }

  /** A connection that was lost while idle shows at BEGIN: nothing was read over it, so another one takes its place. */
  #beginRead(): Promise<PostgresConnection> {
    return this.#onReader(async (reader) => {
      try {
        await reader.execute(BEGIN_READ);
        return reader;
      } catch (error) {
        await this.#readers.give(reader);
        throw error;
      }
    });
  }

  /** What only reads can be tried again over another connection. `work` gives the reader back. */
  async #onReader<T>(work: (reader: PostgresConnection) => Promise<T>): Promise<T> {
    const deadline = performance.now() + RECONNECT_DEADLINE_MS;
    return retryUntil(
      (error) => isAway(error) && performance.now() < deadline,
      async () => work(await this.#readers.take()),
    );
  }

  /** The writer with the write lock held. Until then nothing was done, so any failure can be tried again. */
  async #beginWrite(asked: number): Promise<PostgresConnection> {
    const deadline = asked + RECONNECT_DEADLINE_MS;
    return retryUntil(
      (error) => isAway(error) && performance.now() < deadline,
      async () => {
        if (!this.#writer.isUsable) {
          await this.#writer.close();
          this.#writer = await this.#open("writer", {});
        }
        await this.#lock(this.#writer, asked);
        return this.#writer;
      },
    );
  }

  async #lock(connection: PostgresConnection, asked: number): Promise<void> {
    const deadline = asked + lockDeadlineOf(this.#options);
    await retryUntil(
      (error) => hasCode(error, "store.busy") && performance.now() < deadline,
      async () => {
        try {
          await connection.execute(BEGIN_WRITE);
        } catch (error) {
          await connection.rollback();
          throw error;
        }
      },
    );
  }
}

/** Commits what `work` did, and notifies `channel` if it names one; what it raises rolls everything back. */
async function endingTransaction<T>(
  connection: PostgresConnection,
  work: () => Promise<{ result: T; channel: string | null }>,
): Promise<T> {
  let done: { result: T; channel: string | null };
  try {
    done = await work();
  } catch (error) {
    await connection.rollback();
    throw error;
  }
  await connection.commit(done.channel);
  return done.result;
}

/** A change of tables waits for their readers, and those that come after wait behind it: so it does not wait long at a time. */
async function prepare(connection: PostgresConnection, clock: Clock): Promise<boolean> {
  const deadline = performance.now() + LOCK_DEADLINE_MS;
  return retryUntil(
    (error) => hasCode(error, "store.busy") && performance.now() < deadline,
    async () => {
      await connection.execute("BEGIN");
      return endingTransaction(connection, async () => {
        await connection.execute(`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`);
        if (await hasSchema(connection))
          await connection.execute("SELECT id FROM log_head WHERE id = 1 FOR UPDATE");
        await connection.execute(`SET LOCAL lock_timeout = ${TABLE_LOCK_MS}`);
        return { result: await prepareSchema(connection, clock), channel: null };
      });
    },
  );
}

/** A server that is just starting says so; any other refusal is an answer. */
async function openWhileStarting(target: PostgresTarget, limits: SessionLimits): Promise<PostgresConnection> {
  const deadline = performance.now() + RECONNECT_DEADLINE_MS;
  const isStarting = (error: unknown) =>
    hasCode(error, "store.unreachable") && error.details["sqlstate"] === "57P03";
  return retryUntil(
    (error) => isStarting(error) && performance.now() < deadline,
    () => PostgresConnection.open(target, limits),
  );
}

function writerLimits(options: PostgresOptions): SessionLimits {
  return {
    purpose: "writer",
    statementMs: STATEMENT_TIMEOUT_MS,
    lockMs: lockDeadlineOf(options),
    idleInTransactionMs: IDLE_WRITER_MS,
  };
}

function lockDeadlineOf({ lockDeadlineMs = LOCK_DEADLINE_MS }: PostgresOptions): number {
  return lockDeadlineMs;
}

function isAway(error: unknown): boolean {
  return hasCode(error, "store.unreachable");
}

async function retryUntil<T>(isWorthIt: (error: unknown) => boolean, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isWorthIt(error)) throw error;
      await delay(1 + Math.random() * RETRY_PAUSE_MS);
    }
  }
}
