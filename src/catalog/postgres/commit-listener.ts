import { delay } from "../../base/async.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/** The pause before a lost connection is made again. */
const RECONNECT_PAUSE_MS = 250;
/** How often the connection is tried: a server that vanished says no farewell. */
const HEARTBEAT_MS = 15_000;

/** Tells of other processes' commits through one `LISTEN` connection, made when somebody first wants to know. */
export class CommitListener {
  readonly #channel: string;
  readonly #open: () => Promise<PostgresConnection>;
  readonly #listeners = new Set<() => void>();
  readonly #closing = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(channel: string, open: () => Promise<PostgresConnection>) {
    this.#channel = channel;
    this.#open = open;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#running ??= this.#run();
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      // While the database is away there is nothing to tell; who reads from it meets that for themselves.
      await this.#listen().catch(() => {});
      await Promise.race([delay(RECONNECT_PAUSE_MS), this.#closing.promise]);
    }
  }

  async #listen(): Promise<void> {
    const connection = await this.#open();
    const heartbeat = setInterval(() => {
      connection.execute("SELECT 1").catch(() => connection.close());
    }, HEARTBEAT_MS);
    heartbeat.unref();
    try {
      await connection.listen(this.#channel, () => this.#wake());
      // What was committed before this stands in the log already; nobody was told of it.
      this.#wake();
      await Promise.race([connection.lost(), this.#closing.promise]);
    } finally {
      clearInterval(heartbeat);
      await connection.close();
    }
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }
}
