import { createHash } from "node:crypto";
import type { Readable } from "node:stream";

import { writeError } from "../errors.ts";

/** Where a part's bytes wait: memory, or a file. */
export interface SpoolPlace {
  /** Puts a chunk at a position; its memory is the caller's again afterwards. */
  write(chunk: Uint8Array, position: number): Promise<void>;
  /** The bytes from `start` up to `stop` (exclusive). What the stream gives is good only until the place is closed. */
  read(start: number, stop: number): Readable;
  /** Lets the bytes go. Whoever read them in vain may still hold some when it is `torn`. Raises nothing. */
  close(torn: boolean): Promise<void>;
}

/** Bytes that wait on this machine until they are sent. Its methods raise `store.full`, `store.read_only`, `blob.write_failed`. */
export class Spool {
  readonly #place: SpoolPlace;
  readonly #hash = createHash("md5");
  readonly #lent = new Set<Promise<unknown>>();
  #isTorn = false;
  #sizeBytes = 0;

  constructor(place: SpoolPlace) {
    this.#place = place;
  }

  /** How many bytes were appended. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Appends a chunk; its memory is the caller's again afterwards. One call at a time. */
  async append(chunk: Uint8Array): Promise<void> {
    await this.#place.write(chunk, this.#sizeBytes);
    this.#hash.update(chunk);
    this.#sizeBytes += chunk.byteLength;
  }

  /** The MD5 of everything so far, in hex. */
  md5(): string {
    return this.#hash.copy().digest("hex");
  }

  /** The MD5 of the bytes from `start` up to `stop` (exclusive), in hex. */
  async md5Of(start: number, stop: number): Promise<string> {
    const hash = createHash("md5");
    await this.lend(start, stop, async (bytes) => {
      for await (const chunk of bytes) hash.update(chunk as Uint8Array);
    });
    return hash.digest("hex");
  }

  /** Lends the bytes from `start` up to `stop` (exclusive) as a stream, for as long as `use` takes. */
  async lend<T>(start: number, stop: number, use: (bytes: Readable) => Promise<T>): Promise<T> {
    const bytes = this.#place.read(start, stop);
    // A consumer such as a request waits for bytes that never come when the disk fails under it.
    const failed = new Promise<never>((_, reject) => {
      bytes.once("error", (error) => reject(writeError("read a spool file", error)));
    });
    const closed = new Promise((resolve) => bytes.once("close", resolve));
    this.#lent.add(closed);
    try {
      return await Promise.race([use(bytes), failed]);
    } catch (error) {
      this.#isTorn = true;
      throw error;
    } finally {
      bytes.destroy();
      await closed;
      this.#lent.delete(closed);
    }
  }

  /** Keeps the bytes while `work` runs, which may lend them several times. */
  async keep<T>(work: () => Promise<T>): Promise<T> {
    const result = work();
    const ended = result.then(
      () => {},
      () => {},
    );
    this.#lent.add(ended);
    try {
      return await result;
    } finally {
      this.#lent.delete(ended);
    }
  }

  /** A stream of the first bytes, which the caller reads to its end or destroys. */
  readFirst(sizeBytes: number): Readable {
    // The caller may keep what it read for longer than these are ours.
    this.#isTorn = true;
    const bytes = this.#place.read(0, sizeBytes);
    const closed = new Promise((resolve) => bytes.once("close", resolve));
    this.#lent.add(closed);
    void closed.then(() => this.#lent.delete(closed));
    return bytes;
  }

  /** Lets the bytes go once nobody reads them. Raises nothing. */
  async close(): Promise<void> {
    while (this.#lent.size > 0) await Promise.all(this.#lent);
    await this.#place.close(this.#isTorn);
  }
}
