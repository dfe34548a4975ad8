/** What can be kept in a pool. */
export interface Pooled {
  /** False once nothing can be done on it any more. */
  readonly isUsable: boolean;
  close(): Promise<void>;
}

/**
 * At most `size` connections in use at once, made when they are needed and kept while idle; who asks for a further one
 * waits, in the order asked.
 */
export class ConnectionPool<C extends Pooled> {
  readonly #open: () => Promise<C>;
  readonly #idle: C[] = [];
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #isClosed = false;

  constructor(size: number, open: () => Promise<C>) {
    this.#free = size;
    this.#open = open;
  }

  /** A connection that nobody else uses until `give`. Rejects as opening one does. */
  async take(): Promise<C> {
    await this.#takePlace();
    try {
      for (;;) {
        const idle = this.#idle.pop();
        if (idle === undefined) return await this.#open();
        if (idle.isUsable) return idle;
        await idle.close();
      }
    } catch (error) {
      // The place must not be lost with the connection: others may wait for it.
      this.#givePlace();
      throw error;
    }
  }

  async give(connection: C): Promise<void> {
    if (connection.isUsable && !this.#isClosed) this.#idle.push(connection);
    else await connection.close();
    this.#givePlace();
  }

  /** Closes what is idle now, and the rest as it is given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()));
  }

  async #takePlace(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #givePlace(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
