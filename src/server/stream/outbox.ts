/** What ends a stream whose reader does not read. */
export class StalledReader extends Error {
  constructor() {
    super("The reader left too much unread for too long.");
    this.name = "StalledReader";
  }
}

export interface OutboxOptions {
  /** Bytes that may lie unread before writing waits. */
  readonly bufferBytes: number;
  /** How long writing waits for the reader. */
  readonly stallMs: number;
}

/** A response body that is written piece by piece, and never holds more than one piece beyond its buffer. */
export class Outbox {
  readonly body: ReadableStream<Uint8Array>;
  readonly #stallMs: number;
  readonly #gone = new AbortController();
  readonly #encoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #room: (() => void) | undefined;

  constructor({ bufferBytes, stallMs }: OutboxOptions) {
    this.#stallMs = stallMs;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#room?.(),
        cancel: () => this.leave(),
      },
      { highWaterMark: bufferBytes, size: (chunk) => chunk.byteLength },
    );
  }

  /** Aborted when the reader has gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The reader has gone: nobody reads what is written from now on. */
  leave(): void {
    this.#gone.abort();
  }

  /** Resolves when there is room for more. Rejects with `StalledReader`, or with the reason of `signal`. */
  async write(text: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#controller.enqueue(this.#encoder.encode(text));
    if (this.#controller.desiredSize! > 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new StalledReader()), this.#stallMs).unref();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    this.#room = resolve;
    try {
      await promise;
    } finally {
      this.#room = undefined;
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Writes the last piece, room or no room. Does nothing when the reader has gone. */
  end(text: string): void {
    if (this.gone.aborted) return;
    this.#controller.enqueue(this.#encoder.encode(text));
    this.#controller.close();
  }
}
