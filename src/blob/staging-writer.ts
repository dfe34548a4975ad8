import type { FileHandle } from "node:fs/promises";

import type { DualHasher } from "../base/digest.ts";

/**
 * Small chunks are gathered into writes of this size: one system call and one hash call for many network reads. Larger ones
 * are hardly faster, and 64 uploads at once would take the memory for them.
 */
const WRITE_BYTES = 256 * 1024;

/** The first buffer: of many small uploads each would take the memory for a large one. */
const FIRST_WRITE_BYTES = 16 * 1024;

/** Writes under way at once. With the buffer being filled this bounds what one upload holds in memory. */
const MAX_WRITES_IN_FLIGHT = 4;

/** The disk is set to work after this many bytes, so that the last fsync finds little left to do. */
const FLUSH_EVERY_BYTES = 32 * 1024 * 1024;

/**
 * Writes a new file from its start while hashing it: the thread pool writes one buffer as this thread hashes the next.
 * Chunks are copied, so their memory belongs to the caller again once `write` has answered.
 */
export class StagingWriter {
  readonly #handle: FileHandle;
  readonly #hasher: DualHasher;
  readonly #writes = new Set<Promise<void>>();
  readonly #spare: Buffer[] = [];
  #buffer: Buffer | undefined;
  #filledBytes = 0;
  #position = 0;
  #flush: Promise<void> | undefined;
  #flushedBytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(handle: FileHandle, hasher: DualHasher) {
    this.#handle = handle;
    this.#hasher = hasher;
  }

  /** Takes a chunk; answers when the next may come. Raises what a write under way has raised meanwhile. */
  async write(chunk: Uint8Array): Promise<void> {
    let taken = 0;
    while (taken < chunk.byteLength) {
      this.#buffer ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#nextBytes(chunk.byteLength));
      const part = chunk.subarray(taken, taken + this.#buffer.byteLength - this.#filledBytes);
      this.#buffer.set(part, this.#filledBytes);
      this.#filledBytes += part.byteLength;
      taken += part.byteLength;
      if (this.#filledBytes === this.#buffer.byteLength) await this.#submit(this.#buffer);
    }
  }

  /** How large the next buffer is: a small one first, where the first chunk does not fill more. */
  #nextBytes(chunkBytes: number): number {
    return this.#position === 0 && chunkBytes < FIRST_WRITE_BYTES ? FIRST_WRITE_BYTES : WRITE_BYTES;
  }

  /**
   * Makes what was written before this call durable and answers how many bytes these are. Writing may go on meanwhile.
   */
  async sync(): Promise<number> {
    if (this.#buffer !== undefined) await this.#submit(this.#buffer);
    const position = this.#position;
    await Promise.all(this.#writes);
    await this.#handle.datasync();
    // A write that failed meanwhile may be one of those before the call.
    this.#raiseFailure();
    return position;
  }

  /** Writes the rest and makes the whole file durable. */
  async finish(): Promise<void> {
    if (this.#buffer !== undefined) await this.#submit(this.#buffer);
    await this.settle();
    this.#raiseFailure();
    await this.#handle.sync();
  }

  /** Answers once nothing touches the file any more. Raises nothing. */
  async settle(): Promise<void> {
    await Promise.all(this.#writes);
    await this.#flush;
  }

  async #submit(buffer: Buffer): Promise<void> {
    const bytes = buffer.subarray(0, this.#filledBytes);
    const position = this.#position;
    this.#buffer = undefined;
    this.#filledBytes = 0;
    this.#position += bytes.byteLength;

    const write = this.#writeFully(bytes, position)
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        if (buffer.byteLength === WRITE_BYTES) this.#spare.push(buffer);
        this.#writes.delete(write);
      });
    this.#writes.add(write);
    this.#hasher.update(bytes);

    if (this.#writes.size >= MAX_WRITES_IN_FLIGHT) await Promise.race(this.#writes);
    this.#raiseFailure();
    if (this.#flush === undefined && this.#position - this.#flushedBytes >= FLUSH_EVERY_BYTES)
      this.#startFlush();
  }

  /** A failed write-back is reported to one sync call only, so what this one raises must stop the upload as well. */
  #startFlush(): void {
    this.#flushedBytes = this.#position;
    this.#flush = this.#handle
      .datasync()
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        this.#flush = undefined;
      });
  }

  async #writeFully(bytes: Uint8Array, position: number): Promise<void> {
    let written = 0;
    while (written < bytes.byteLength) {
      const length = bytes.byteLength - written;
      written += (await this.#handle.write(bytes, written, length, position + written)).bytesWritten;
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }

  #raiseFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
