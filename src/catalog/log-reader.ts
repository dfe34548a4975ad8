import { DistError } from "../base/errors.ts";
import { decodeEvent, leafHash } from "../log/event-codec.ts";
import type { DistEvent } from "../log/events.ts";
import type { Reader } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { lastEvent } from "./queries/integrity.ts";
import { type Query, query } from "./query.ts";
import type { EventTable } from "./tables.ts";
import { logHead } from "./transaction.ts";

/** Events read at once while walking the log. */
const BATCH = 1_000;

/** Something wrong with the log. */
export interface LogProblem {
  readonly code: "log.gap" | "log.hash_mismatch" | "log.malformed_event" | "log.unknown_event_type";
  readonly seq: number;
  readonly message: string;
}

/** One row of the log as read: the event where it can be believed, and what is wrong with it. */
export interface LogEntry<Row extends EventBytes> {
  readonly row: Row;
  readonly event: DistEvent | undefined;
  readonly problem: LogProblem | undefined;
}

/** What proving an event takes. */
export type EventBytes = Pick<EventTable, "seq" | "bytes" | "leaf_hash">;

/** Which columns a walk of the log reads. */
type LogQuery<Row> = Query<{ after: number; limit: number }, Row>;

/**
 * Walks the log in order, proving as it goes: no gap in the sequence, the leaf hash of every event's bytes, canonical
 * encoding, known types. Only proven events come with `event`.
 */
export async function* readLog<Row extends EventBytes>(
  reader: Reader,
  columns: LogQuery<Row>,
  options: { readonly after: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<LogEntry<Row>> {
  let last = options.after;
  for (;;) {
    options.signal?.throwIfAborted();
    const rows = await reader.all(columns, { after: last, limit: BATCH });
    for (const row of rows) {
      const gap = row.seq === last + 1 ? undefined : gapBefore(row.seq, last);
      last = row.seq;
      const entry = prove(row);
      yield gap === undefined ? entry : { ...entry, problem: gap };
    }
    if (rows.length < BATCH) return;
  }
}

/**
 * The events after a place, in order, each proven; ends at the head. Raises `log.gap`, `log.hash_mismatch` at the first
 * that is not what was recorded.
 */
export async function* provenEvents(
  reader: Reader,
  options: { readonly after: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<{ readonly event: DistEvent; readonly bytes: Uint8Array }> {
  for await (const { row, event, problem } of readLog(reader, eventBytes, options)) {
    if (problem !== undefined) throw damagedLog(problem);
    yield { event: event!, bytes: row.bytes };
  }
  const problem = await headProblem(reader);
  if (problem !== undefined) throw damagedLog(problem);
}

/** A log whose end was cut off has no gap inside; what gives it away is the head, which counts every event. */
export async function headProblem(reader: Reader): Promise<LogProblem | undefined> {
  const { head } = (await reader.first(logHead, {}))!;
  const last = (await reader.first(lastEvent, {}))?.seq ?? 0;
  if (head === last) return undefined;
  return { code: "log.gap", seq: head, message: `The log's head is ${head}; its last event is ${last}.` };
}

function prove<Row extends EventBytes>(row: Row): LogEntry<Row> {
  if (!sameBytes(leafHash(row.bytes), row.leaf_hash)) {
    const message = `Event ${row.seq} is not the one that was recorded: its bytes do not hash to its leaf hash.`;
    return { row, event: undefined, problem: { code: "log.hash_mismatch", seq: row.seq, message } };
  }
  try {
    const event = decodeEvent(row.bytes);
    if (event.seq === row.seq) return { row, event, problem: undefined };
    const message = `The row of event ${row.seq} holds event ${event.seq}.`;
    return { row, event: undefined, problem: { code: "log.malformed_event", seq: row.seq, message } };
  } catch (error) {
    if (!(error instanceof DistError)) throw error;
    const code = error.code as LogProblem["code"];
    return {
      row,
      event: undefined,
      problem: { code, seq: row.seq, message: `Event ${row.seq}: ${error.message}` },
    };
  }
}

function damagedLog(problem: LogProblem): DistError {
  const code = problem.code === "log.gap" ? "log.gap" : "log.hash_mismatch";
  return catalogErrors.error(code, problem.message, {
    details: { seq: problem.seq },
    hint: "Run store verify to see everything that is wrong.",
  });
}

function gapBefore(seq: number, last: number): LogProblem {
  const missing = seq - last - 1;
  return {
    code: "log.gap",
    seq,
    message:
      missing === 1 ? `Event ${last + 1} is missing.` : `Events ${last + 1} to ${seq - 1} are missing.`,
  };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** The exact bytes: all that a replay needs. */
export const eventBytes = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom("event")
    .select(["seq", "bytes", "leaf_hash"])
    .where("seq", ">", p.after)
    .orderBy("seq")
    .limit(p.limit),
);

/** The bytes with the columns that people read. */
export const eventRows = query<{ after: number; limit: number }>()((db, p) =>
  db.selectFrom("event").selectAll().where("seq", ">", p.after).orderBy("seq").limit(p.limit),
);
