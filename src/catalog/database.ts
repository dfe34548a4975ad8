import type { Compilable } from "kysely";

import type { DistEvent, NewEvent } from "../log/events.ts";
import type { Dialect, Query, QueryBuilder } from "./query.ts";

/** Reads one consistent state of the database. It has no way to write. */
export interface Reader {
  readonly dialect: Dialect;
  all<P extends object, R>(query: Query<P, R>, params: P): Promise<R[]>;
  first<P extends object, R>(query: Query<P, R>, params: P): Promise<R | undefined>;
  /** Runs a query whose shape depends on the call. */
  fetch<R>(build: (db: QueryBuilder) => Compilable<R>): Promise<R[]>;
}

/** What projections and use cases change tables with. */
export interface Writer extends Reader {
  /** Runs a statement and answers the number of rows it changed. */
  run<P extends object>(query: Query<P, unknown>, params: P): Promise<number>;
  /**
   * Runs a statement of which nobody asks how many rows it changed. Over a network it may still be on its way when this resolves:
   * what comes later finds it done, or raises what it raised, and so does the end of the transaction.
   */
  change<P extends object>(query: Query<P, unknown>, params: P): Promise<void>;
}

/** Who a transaction's events are recorded for. */
export interface Actor {
  readonly actor: string;
  readonly actorId: string | null;
}

/**
 * A write transaction. The write lock is held from its first statement to its end, so what it reads stays true.
 */
export interface Transaction extends Writer {
  /** The transaction's time: the same for all its events, never before the last event's. RFC 3339. */
  readonly now: string;
  readonly nowMs: number;
  /** Appends an event and updates the views. Resolves to the event as recorded. */
  record(event: NewEvent): Promise<DistEvent>;
}

/** The event log, its views and the state beside them, on one engine. */
export interface Database {
  /** Runs `work` over one snapshot. Nested calls are other snapshots. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>;

  /** The first row of one query: it is a snapshot by itself, and costs no transaction around it. */
  first<P extends object, R>(query: Query<P, R>, params: P): Promise<R | undefined>;

  /**
   * Runs `work` as the only writer; commits when it resolves, leaves nothing when it rejects. Waits for other writers up
   * to a deadline (`store.busy`). Raises `transaction.outcome_unknown` when the commit's fate could not be learned.
   */
  write<T>(actor: Actor, work: (tx: Transaction) => Promise<T>): Promise<T>;

  /** Runs engine-specific maintenance (rebuild, import) on a connection of its own. */
  maintenance(): Promise<MaintenanceConnection>;

  /** What the engine's own check of the file says; empty when it is sound. */
  integrityProblems(): Promise<string[]>;

  info(): Promise<{ readonly engine: string; readonly sizeBytes: number; readonly schemaVersion: number }>;

  /**
   * Calls `listener` after commits that recorded events, whichever process made them, and whenever such a call may have
   * been missed. Answers how to stop. Absent where the engine gives no notice; then the log's head must be polled.
   */
  watch?(listener: () => void): () => void;

  close(): Promise<void>;
}

/** What opening a database would meet. */
export interface DatabaseLook {
  /** Which database, for people: no password. */
  readonly place: string;
  readonly schema: SchemaFinding;
}

/** What a database holds: no store, one that the next start brings up to date, or one of this version. */
export type SchemaFinding = "missing" | "older" | "current";

/** A connection that takes statements given as text, for what no query declares: the schema, the comparison of views. */
export interface TextConnection extends Writer {
  /** Runs a statement. */
  execute(sql: string): Promise<void>;
  /** The first column of the first row. */
  scalar(sql: string): Promise<number | string | null>;
  /** The columns of a table, in order; none when there is no such table. */
  columnsOf(table: string): Promise<string[]>;
}

/** A connection on which the views can be shadowed by temporary tables and compared or replaced. */
export interface MaintenanceConnection extends TextConnection {
  /** What qualifies a table's name: the store's own, and the temporary one that shadows it on this connection. */
  readonly schemas: { readonly stored: string; readonly temporary: string };
  /** Runs `work` over one snapshot of the store, beside its writers; only temporary tables are written. */
  snapshot<T>(work: () => Promise<T>): Promise<T>;
  /** Runs `work` as the only writer, on this connection. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** The time that transactions go by, in milliseconds since the Unix epoch. */
  nowMs(): Promise<number>;
  close(): Promise<void>;
}
