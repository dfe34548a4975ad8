import { DistError } from "../../base/errors.ts";
import type { EventEntry, EventPage } from "../../registry/records/events.ts";
import { type Outbox, StalledReader } from "./outbox.ts";

/** Where a stream's events come from. */
export interface EventSource {
  /** The batch behind this event. Raises when the caller may not read, or not any more. */
  read(after: number): Promise<EventPage>;
  /** True when the log grows beyond this event, false when that takes longer than a heartbeat. */
  grows(after: number, signal: AbortSignal): Promise<boolean>;
}

/** What ends every stream when the server stops. */
export const serverStops = new Error("The server stops.");

/**
 * Sends `first` and then everything behind it, until the reader goes (nothing more is sent), the server stops
 * (`event: bye`), or the stream cannot go on (`event: dropped`, whose data is `{reason, message}`: `slow_consumer`, or the
 * code of what `source` raised). Events come from the log and from nowhere else, in its order, each once. Resolves when
 * the stream has ended; calls `unexpected` with what is no refusal.
 */
export async function sendEvents(
  outbox: Outbox,
  source: EventSource,
  first: { readonly page: EventPage; readonly after: number },
  options: { readonly stop: AbortSignal; readonly unexpected: (error: unknown) => void },
): Promise<void> {
  const signal = AbortSignal.any([options.stop, outbox.gone]);
  let { page, after } = first;
  try {
    await outbox.write(message("hello", { log_id: page.log_id, head: page.head }), signal);
    for (;;) {
      for (const text of batch(page.items)) await outbox.write(text, signal);
      after = page.items.at(-1)?.seq ?? after;
      // An empty batch before the head is a damaged log: waiting keeps it from being asked for without a pause.
      const isDrained = after >= page.head || page.items.length === 0;
      if (isDrained && !(await source.grows(after, signal))) await outbox.write(": heartbeat\n\n", signal);
      page = await source.read(after);
    }
  } catch (error) {
    if (error === serverStops) outbox.end(message("bye", {}));
    else if (!outbox.gone.aborted) outbox.end(message("dropped", reasonOf(error, options.unexpected)));
  }
}

/**
 * A batch's messages. Events that are not the reader's become one `cursor`, and that only when the batch ends with them: it
 * moves the reader's place on; an event behind them does the same.
 */
function* batch(items: readonly EventEntry[]): Generator<string> {
  for (const item of items) if ("type" in item) yield message(item.type, item, item.seq);
  const last = items.at(-1);
  if (last !== undefined && !("type" in last)) yield message("cursor", { seq: last.seq }, last.seq);
}

/** JSON has no line feed outside its strings, and none unescaped inside: one `data` line holds it. */
function message(event: string, data: object, id?: number): string {
  const place = id === undefined ? "" : `id: ${id}\n`;
  return `${place}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function reasonOf(error: unknown, unexpected: (error: unknown) => void): { reason: string; message: string } {
  if (error instanceof StalledReader) return { reason: "slow_consumer", message: error.message };
  if (error instanceof DistError) return { reason: error.code, message: error.message };
  unexpected(error);
  return { reason: "internal.unexpected", message: "Something went wrong here." };
}
