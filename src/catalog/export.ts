import { DistError } from "../base/errors.ts";
import { decodeEvent } from "../log/event-codec.ts";
import type { DistEvent } from "../log/events.ts";
import type { Database, MaintenanceConnection, Reader } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { eventBytes, headProblem, type LogProblem, readLog } from "./log-reader.ts";
import { Projector } from "./projections/project.ts";
import { known, refuseNewerStore, setFilled } from "./schema-state.ts";
import { appendEvent, logHead, moveHead } from "./transaction.ts";
import { query } from "./query.ts";

/** The first line of an exported log names this. */
const FORMAT = "dist.log.v1";

/**
 * The log as `db.json`: one JSON document, its first line the log's identity, then one event a line: what people read,
 * and beside it `cbor`, the event's exact bytes. One snapshot, however long it takes. Raises `log.*` for a damaged log.
 */
export async function* exportLog(reader: Reader): AsyncGenerator<string> {
  const head = await reader.first(logHead, {});
  yield `{"format":"${FORMAT}","log_id":"${head!.log_id}","head":${head!.head},"events":[`;
  let separator = "\n";
  for await (const { row, event, problem } of readLog(reader, eventBytes, { after: 0 })) {
    if (problem !== undefined) throw damagedLog(problem);
    const cbor = Buffer.from(row.bytes).toString("base64");
    yield `${separator}${JSON.stringify({ ...readable(event!), cbor })}`;
    separator = ",\n";
  }
  const problem = await headProblem(reader);
  if (problem !== undefined) throw damagedLog(problem);
  yield "\n]}\n";
}

/**
 * Replays an exported log, given line by line without line feeds, into an empty one, byte for byte, and takes over its
 * identity. All or nothing. Raises `store.not_empty`, `log.malformed_export`, `log.gap`, and what `decodeEvent` raises.
 */
export async function importLog(
  database: Database,
  lines: AsyncIterable<string>,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: (events: number) => void;
    /** Runs in the same transaction, after the last event. */
    readonly beforeCommit?: (connection: MaintenanceConnection) => Promise<void>;
  } = {},
): Promise<{ logId: string; events: number }> {
  const connection = await database.maintenance();
  try {
    return await connection.exclusively(async () => {
      const present = await connection.first(logHead, {});
      if (present!.head > 0) {
        throw catalogErrors.error(
          "store.not_empty",
          `The store holds a log of ${present!.head} events already.`,
          {
            details: { head: present!.head },
          },
        );
      }
      const { filled_generation: filled } = await refuseNewerStore(connection);
      const projector = new Projector(connection);
      let header: { logId: string; head: number } | undefined;
      let ended = false;
      let seq = 0;
      // Timestamps sort as text.
      let lastAt = "";
      for await (const line of lines) {
        options.signal?.throwIfAborted();
        const text = line.trim();
        if (ended) {
          throw malformed("Something follows the end of the export.");
        } else if (header === undefined) {
          header = readHeader(text);
        } else if (text === "]}") {
          ended = true;
        } else {
          const { event, bytes } = readEventLine(text, seq + 1);
          if (event.seq !== seq + 1) {
            throw catalogErrors.error("log.gap", `Event ${event.seq} stands where event ${seq + 1} belongs.`);
          }
          if (event.at < lastAt) throw malformed(`Event ${event.seq} is older than the one before it.`);
          await replay(connection, projector, event, bytes);
          seq = event.seq;
          lastAt = event.at;
          if (seq % 10_000 === 0) options.onProgress?.(seq);
        }
      }
      if (header === undefined || !ended || header.head !== seq) {
        throw malformed(`The export ends after event ${seq}${header ? ` of ${header.head}` : ""}.`);
      }
      await projector.flush();
      if (seq > 0) await connection.run(moveHead, { head: seq, last_at: lastAt });
      await connection.run(setLogId, { log_id: header.logId });
      // All rows are of this version's projections.
      if (filled !== known.generation) await connection.run(setFilled, {});
      await options.beforeCommit?.(connection);
      return { logId: header.logId, events: seq };
    });
  } finally {
    await connection.close();
  }
}

function readHeader(line: string): { logId: string; head: number } {
  // The document's first line is cut inside its array: closed here, it is JSON of its own.
  const header = parseLine(`${line}]}`);
  if (header?.["format"] !== FORMAT) throw malformed(`The first line does not name the format ${FORMAT}.`);
  const { log_id: logId, head } = header;
  if (typeof logId !== "string" || !/^log_[0-9a-z]{26}$/.test(logId) || !Number.isSafeInteger(head)) {
    throw malformed("The first line does not name a log and its head.");
  }
  return { logId, head: head as number };
}

function readEventLine(line: string, seq: number): { event: DistEvent; bytes: Uint8Array } {
  const entry = parseLine(line.endsWith(",") ? line.slice(0, -1) : line);
  if (typeof entry?.["cbor"] !== "string") throw malformed(`The line of event ${seq} holds no event.`);
  const { cbor, ...shown } = entry;
  const bytes = new Uint8Array(Buffer.from(cbor, "base64"));
  const event = decodeEvent(bytes);
  // An export holds no hashes; what people read beside the bytes is what gives a changed byte away.
  if (JSON.stringify(shown) !== JSON.stringify(readable(event))) {
    throw malformed(`The line of event ${seq} does not say what its bytes say.`);
  }
  return { event, bytes };
}

async function replay(
  connection: MaintenanceConnection,
  projector: Projector,
  event: DistEvent,
  bytes: Uint8Array,
): Promise<void> {
  await appendEvent(connection, event, bytes);
  try {
    await projector.project(event);
  } catch (cause) {
    if (cause instanceof DistError) throw cause;
    // The bytes come from outside: an event can be well-formed and yet follow from nothing before it.
    throw malformed(`Event ${event.seq} does not follow from the events before it.`, cause);
  }
}

/** What people read of an event, in the order an export has it. */
function readable({ seq, type, at, actor, subject, data }: DistEvent) {
  return { seq, type, at, actor, subject, data };
}

function parseLine(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function damagedLog(problem: LogProblem) {
  const code = problem.code === "log.gap" ? "log.gap" : "log.hash_mismatch";
  return catalogErrors.error(code, problem.message, {
    details: { seq: problem.seq },
    hint: "Run store verify to see everything that is wrong.",
  });
}

function malformed(message: string, cause?: unknown) {
  return catalogErrors.error("log.malformed_export", message, {
    cause,
    hint: "An export is made by store export, one event a line.",
  });
}

const setLogId = query<{ log_id: string }>()((db, p) =>
  db.updateTable("log_head").set({ log_id: p.log_id }).where("id", "=", 1),
);
