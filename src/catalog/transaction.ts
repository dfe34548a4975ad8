import type { Compilable } from "kysely";

import { type Clock, fromTimestamp, toTimestamp } from "../base/clock.ts";
import { assert } from "../base/errors.ts";
import { decodeEvent, encodeEvent, leafHash } from "../log/event-codec.ts";
import type { DistEvent, NewEvent } from "../log/events.ts";
import type { Actor, Transaction, Writer } from "./database.ts";
import { Projector } from "./projections/project.ts";
import { type Query, query, type QueryBuilder } from "./query.ts";
import { known, refuseNewerSchema, type SchemaState, setFilled } from "./schema/state.ts";

/**
 * The part of a write transaction that is the same on every engine: it takes the log's head first (the row every writer
 * takes), numbers and stamps events, appends them and lets the projections update the views.
 */
export class LogTransaction implements Transaction {
  readonly #writer: Writer;
  readonly #actor: Actor;
  readonly #projector: Projector;
  readonly #schema: SchemaState;
  #head: number;
  #recorded = 0;
  readonly now: string;
  readonly nowMs: number;

  private constructor(writer: Writer, actor: Actor, row: SchemaState & { head: number }, nowMs: number) {
    this.#writer = writer;
    this.#actor = actor;
    this.#projector = new Projector(writer);
    this.#schema = row;
    this.#head = row.head;
    this.nowMs = nowMs;
    this.now = toTimestamp(nowMs);
  }

  /** Call with the write lock held. Raises `store.newer_schema`: the store may have been upgraded since it was opened. */
  static async begin(writer: Writer, actor: Actor, time: Clock | Promise<Clock>): Promise<LogTransaction> {
    // Asked together: each answer is a way there and back.
    const [row, clock] = await Promise.all([writer.first(headAndSchema, {}), time]);
    assert(row !== undefined, "the store has a log head");
    refuseNewerSchema(row);
    // A clock that was set back must not make the log's time run backwards.
    const nowMs = Math.max(clock.nowMs(), fromTimestamp(row.last_at));
    return new LogTransaction(writer, actor, row, nowMs);
  }

  async record(event: NewEvent): Promise<DistEvent> {
    const { actor, actorId } = this.#actor;
    const bytes = encodeEvent({
      seq: this.#head + 1,
      type: event.type,
      at: this.now,
      actor,
      subject: event.subject,
      data: actorId === null ? event.data : { ...event.data, actor_id: actorId },
    } as DistEvent);
    // What the projections see is what a replay will see: the event as its bytes say it, key order and all.
    const recorded = decodeEvent(bytes);
    await appendEvent(this.#writer, recorded, bytes);
    await this.#projector.project(recorded);
    this.#head = recorded.seq;
    this.#recorded += 1;
    return recorded;
  }

  /** Completes the views and writes the new head. Call last, before the commit. Tells whether there were events. */
  async finish(): Promise<boolean> {
    await this.#projector.flush();
    if (this.#recorded === 0) return false;
    await this.#writer.change(moveHead, { head: this.#head, last_at: this.now });
    // Columns of a newer version are not what its projections would have written.
    if (this.#schema.filled_generation > known.generation) await this.#writer.change(setFilled, {});
    return true;
  }

  get dialect() {
    return this.#writer.dialect;
  }

  all<P extends object, R>(text: Query<P, R>, params: P): Promise<R[]> {
    return this.#writer.all(text, params);
  }

  first<P extends object, R>(text: Query<P, R>, params: P): Promise<R | undefined> {
    return this.#writer.first(text, params);
  }

  fetch<R>(build: (db: QueryBuilder) => Compilable<R>): Promise<R[]> {
    return this.#writer.fetch(build);
  }

  run<P extends object>(text: Query<P, unknown>, params: P): Promise<number> {
    return this.#writer.run(text, params);
  }

  change<P extends object>(text: Query<P, unknown>, params: P): Promise<void> {
    return this.#writer.change(text, params);
  }
}

/** Writes one event's row: the exact bytes, their leaf hash, and the columns people and filters read. */
export async function appendEvent(writer: Writer, event: DistEvent, bytes: Uint8Array): Promise<void> {
  await writer.change(insertEvent, { ...eventColumns(event), bytes, leaf_hash: leafHash(bytes) });
}

/** The readable columns of an event's row. They repeat what `bytes` hold; `store verify` compares them. */
export function eventColumns(event: DistEvent) {
  const data = event.data as { app_id?: string | null };
  return {
    seq: event.seq,
    type: event.type,
    at: event.at,
    actor: event.actor,
    subject: event.subject,
    app_id: data.app_id ?? null,
    data: JSON.stringify(event.data),
  };
}

export const logHead = query<object>()((db) =>
  db.selectFrom("log_head").select(["log_id", "head", "last_at"]).where("id", "=", 1),
);

const headAndSchema = query<object>()((db) =>
  db
    .selectFrom(["log_head", "schema_version"])
    .selectAll("schema_version")
    .select(["log_head.head", "log_head.last_at"])
    .where("log_head.id", "=", 1),
);

export const moveHead = query<{ head: number; last_at: string }>()((db, p) =>
  db.updateTable("log_head").set({ head: p.head, last_at: p.last_at }).where("id", "=", 1),
);

const insertEvent = query<{
  seq: number;
  type: string;
  at: string;
  actor: string;
  subject: string;
  app_id: string | null;
  data: string;
  bytes: Uint8Array;
  leaf_hash: Uint8Array;
}>()((db, p) =>
  db.insertInto("event").values({
    seq: p.seq,
    type: p.type,
    at: p.at,
    actor: p.actor,
    subject: p.subject,
    app_id: p.app_id,
    data: p.data,
    bytes: p.bytes,
    leaf_hash: p.leaf_hash,
  }),
);
