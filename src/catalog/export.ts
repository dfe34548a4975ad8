import { decodeEvent } from "../log/event-codec.ts";
import type { DistEvent } from "../log/events.ts";
import type { Database, MaintenanceConnection, Reader } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { provenEvents } from "./log-reader.ts";
import { LogReplay, malformedExport } from "./log-replay.ts";
import { logHead } from "./transaction.ts";

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
  for await (const { event, bytes } of provenEvents(reader, { after: 0 })) {
    const cbor = Buffer.from(bytes).toString("base64");
    yield `${separator}${JSON.stringify({ ...readable(event), cbor })}`;
    separator = ",\n";
  }
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
      const replay = await LogReplay.begin(connection);
      let header: { logId: string; head: number } | undefined;
      let ended = false;
      for await (const line of lines) {
        options.signal?.throwIfAborted();
        const text = line.trim();
        if (ended) {
          throw malformedExport("Something follows the end of the export.");
        } else if (header === undefined) {
          header = readHeader(text);
        } else if (text === "]}") {
          ended = true;
        } else {
          const { event, bytes } = readEventLine(text, replay.head + 1);
          await replay.append(event, bytes);
          if (replay.head % 10_000 === 0) options.onProgress?.(replay.head);
        }
      }
      const seq = replay.head;
      if (header === undefined || !ended || header.head !== seq) {
        throw malformedExport(`The export ends after event ${seq}${header ? ` of ${header.head}` : ""}.`);
      }
      await replay.finish(header.logId);
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
  if (header?.["format"] !== FORMAT)
    throw malformedExport(`The first line does not name the format ${FORMAT}.`);
  const { log_id: logId, head } = header;
  if (typeof logId !== "string" || !/^log_[0-9a-z]{26}$/.test(logId) || !Number.isSafeInteger(head)) {
    throw malformedExport("The first line does not name a log and its head.");
  }
  return { logId, head: head as number };
}

function readEventLine(line: string, seq: number): { event: DistEvent; bytes: Uint8Array } {
  const entry = parseLine(line.endsWith(",") ? line.slice(0, -1) : line);
  if (typeof entry?.["cbor"] !== "string") throw malformedExport(`The line of event ${seq} holds no event.`);
  const { cbor, ...shown } = entry;
  const bytes = new Uint8Array(Buffer.from(cbor, "base64"));
  const event = decodeEvent(bytes);
  // An export holds no hashes; what people read beside the bytes is what gives a changed byte away.
  if (JSON.stringify(shown) !== JSON.stringify(readable(event))) {
    throw malformedExport(`The line of event ${seq} does not say what its bytes say.`);
  }
  return { event, bytes };
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
