import { createInterface } from "node:readline";
import { Readable } from "node:stream";

import { fromTimestamp } from "../base/clock.ts";
import { decodeEvent } from "../log/event-codec.ts";
import type { Database, MaintenanceConnection, Reader } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { readLog } from "./log-reader.ts";
import { project } from "./projections/project.ts";
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
  for await (const { row, event, problem } of readLog(reader, { after: 0 })) {
    if (problem !== undefined) {
      throw catalogErrors.error(
        problem.code === "log.gap" ? "log.gap" : "log.hash_mismatch",
        problem.message,
        {
          details: { seq: problem.seq },
          hint: "Run store verify to see everything that is wrong.",
        },
      );
    }
    const { seq, type, at, actor, subject, data } = event!;
    const cbor = Buffer.from(row.bytes).toString("base64");
    yield `${separator}${JSON.stringify({ seq, type, at, actor, subject, data, cbor })}`;
    separator = ",\n";
  }
  yield "\n]}\n";
}

/**
 * Replays an exported log into an empty one, byte for byte, and takes over its identity. All or nothing.
 * Raises `store.not_empty`, `log.malformed_export`, `log.gap`.
 */
export async function importLog(
  database: Database,
  text: AsyncIterable<string | Uint8Array>,
  options: {
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
      let header: { logId: string; head: number } | undefined;
      let seq = 0;
      let lastAt = present!.last_at;
      for await (const line of linesOf(text)) {
        if (header === undefined) {
          header = readHeader(line);
        } else if (line !== "]}") {
          const bytes = readEventLine(line, seq + 1);
          const event = decodeEvent(bytes);
          if (event.seq !== seq + 1 || fromTimestamp(event.at) < (seq === 0 ? 0 : fromTimestamp(lastAt))) {
            throw catalogErrors.error("log.gap", `Event ${event.seq} stands where event ${seq + 1} belongs.`);
          }
          await appendEvent(connection, event, bytes);
          await project(connection, event);
          seq = event.seq;
          lastAt = event.at;
          if (seq % 10_000 === 0) options.onProgress?.(seq);
        }
      }
      if (header === undefined || header.head !== seq) {
        throw malformed(`The export ends after event ${seq}${header ? ` of ${header.head}` : ""}.`);
      }
      await connection.run(moveHead, { head: seq, last_at: lastAt });
      await connection.run(setLogId, { log_id: header.logId });
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

function readEventLine(line: string, seq: number): Uint8Array {
  const entry = parseLine(line.endsWith(",") ? line.slice(0, -1) : line);
  if (typeof entry?.["cbor"] !== "string") throw malformed(`The line of event ${seq} holds no event.`);
  return new Uint8Array(Buffer.from(entry["cbor"], "base64"));
}

function parseLine(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function malformed(message: string) {
  return catalogErrors.error("log.malformed_export", message, {
    hint: "An export is made by store export, one event a line.",
  });
}

function linesOf(text: AsyncIterable<string | Uint8Array>): AsyncIterable<string> {
  return createInterface({ input: Readable.from(text), crlfDelay: Number.POSITIVE_INFINITY });
}

const setLogId = query<{ log_id: string }>()((db, p) =>
  db.updateTable("log_head").set({ log_id: p.log_id }).where("id", "=", 1),
);
