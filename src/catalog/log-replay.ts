import { DistError } from "../base/errors.ts";
import type { DistEvent } from "../log/events.ts";
import type { Writer } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { Projector } from "./projections/project.ts";
import { query } from "./query.ts";
import { known, refuseNewerStore, setFilled } from "./schema/state.ts";
import { appendEvent, logHead, moveHead } from "./transaction.ts";

/**
 * Goes on with a log by events that were recorded elsewhere, byte for byte: they keep their numbers, times and leaf hashes,
 * and the views follow. The caller holds the write lock from `begin` to the commit after `finish`.
 */
export class LogReplay {
  readonly #writer: Writer;
  readonly #projector: Projector;
  readonly #begunAt: number;
  readonly #filled: number;
  #head: number;
  #lastAt: string;

  private constructor(writer: Writer, head: number, lastAt: string, filled: number) {
    this.#writer = writer;
    this.#projector = new Projector(writer);
    this.#begunAt = head;
    this.#filled = filled;
    this.#head = head;
    this.#lastAt = lastAt;
  }

  /** Begins after the last event that is there. Raises `store.newer_schema`. */
  static async begin(writer: Writer): Promise<LogReplay> {
    const { filled_generation: filled } = await refuseNewerStore(writer);
    const { head, last_at: lastAt } = (await writer.first(logHead, {}))!;
    // An empty log has the time of its making, which binds nobody: the events may be older.
    return new LogReplay(writer, head, head === 0 ? "" : lastAt, filled);
  }

  /** The last event that is there now. */
  get head(): number {
    return this.#head;
  }

  /** How many events were appended. */
  get count(): number {
    return this.#head - this.#begunAt;
  }

  /** Appends the next event. Raises `log.gap`, `log.malformed_export` for one that cannot be it. */
  async append(event: DistEvent, bytes: Uint8Array): Promise<void> {
    const next = this.#head + 1;
    if (event.seq !== next) {
      throw catalogErrors.error("log.gap", `Event ${event.seq} stands where event ${next} belongs.`);
    }
    // Timestamps sort as text.
    if (event.at < this.#lastAt) {
      throw malformedExport(`Event ${event.seq} is older than the one before it.`);
    }
    await appendEvent(this.#writer, event, bytes);
    await this.#project(event);
    this.#head = event.seq;
    this.#lastAt = event.at;
  }

  /** Completes the views and the log's head, and gives the log its identity. Nothing is appended afterwards. */
  async finish(logId: string): Promise<void> {
    await this.#projector.flush();
    if (this.count > 0) await this.#writer.run(moveHead, { head: this.#head, last_at: this.#lastAt });
    await this.#writer.run(setLogId, { log_id: logId });
    // In views that were empty all rows are of this version's projections; in others the columns of a newer one are not filled.
    const isOther = this.#begunAt === 0 ? this.#filled !== known.generation : this.#filled > known.generation;
    if (isOther) await this.#writer.run(setFilled, {});
  }

  async #project(event: DistEvent): Promise<void> {
    try {
      await this.#projector.project(event);
    } catch (cause) {
      if (cause instanceof DistError) throw cause;
      // The bytes come from outside: an event can be well-formed and yet follow from nothing before it.
      throw malformedExport(`Event ${event.seq} does not follow from the events before it.`, cause);
    }
  }
}

export function malformedExport(message: string, cause?: unknown): DistError {
  return catalogErrors.error("log.malformed_export", message, {
    cause,
    hint: "An export is made by store export, one event a line.",
  });
}

export const setLogId = query<{ log_id: string }>()((db, p) =>
  db.updateTable("log_head").set({ log_id: p.log_id }).where("id", "=", 1),
);
