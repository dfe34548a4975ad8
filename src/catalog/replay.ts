import type { MaintenanceConnection } from "./database.ts";
import { eventBytes, headProblem, type LogProblem, readLog } from "./log-reader.ts";
import { Projector } from "./projections/project.ts";
import { createView, viewNames } from "./schema/views.ts";

export interface ReplayOptions {
  readonly onProgress?: (events: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The log replayed into fresh views beside other readers and writers: the fresh views are temporary tables that shadow the real
 * ones on one connection, so the projections' own statements fill them.
 */
export class Replay {
  readonly #connection: MaintenanceConnection;
  readonly #options: ReplayOptions;
  readonly #projector: Projector;
  /** What is wrong with the log. When there is anything, the fresh views are not what it says. */
  readonly problems: LogProblem[] = [];
  #events = 0;

  private constructor(connection: MaintenanceConnection, options: ReplayOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#projector = new Projector(connection);
  }

  /** Replays what the log holds now. Holds no lock. */
  static async start(connection: MaintenanceConnection, options: ReplayOptions): Promise<Replay> {
    const replay = new Replay(connection, options);
    for (const view of viewNames) {
      await connection.execute(createView(view, connection.dialect, { kind: "TEMPORARY" }));
    }
    // One transaction for the temporary tables; a snapshot of the log, not a lock on it.
    await connection.snapshot(() => replay.#run());
    return replay;
  }

  /** Events replayed so far. */
  get events(): number {
    return this.#events;
  }

  /** Replays what came since. Call with the write lock held: then the fresh views are what the log says, unless it has problems. */
  async finish(): Promise<void> {
    if (this.problems.length === 0) await this.#run();
    await this.#projector.flush();
    const atHead = this.problems.length > 0 ? undefined : await headProblem(this.#connection);
    if (atHead !== undefined) this.problems.push(atHead);
  }

  async #run(): Promise<void> {
    const { signal, onProgress } = this.#options;
    const log = readLog(this.#connection, eventBytes, { after: this.#events, signal });
    for await (const { event, problem } of log) {
      if (problem !== undefined) this.problems.push(problem);
      // What follows a gap may rest on what is missing, so nothing more is replayed; the rest is read for its problems.
      if (event === undefined || this.problems.length > 0) continue;
      await this.#projector.project(event);
      this.#events = event.seq;
      if (this.#events % 10_000 === 0) onProgress?.(this.#events);
    }
  }
}
