import { createHash } from "node:crypto";
import type { Readable } from "node:stream";

import { writeError } from "../errors.ts";
import type { UploadHasher } from "./hash-thread.ts";

/** So much of a part in memory goes to the thread that hashes at once. */
const HASHED_AT_ONCE_BYTES = 512 * 1024;

/** Where a part's bytes wait: memory, or a file. */
export interface SpoolPlace {
  /** What was written, from position 0 on, where it is in memory that threads share. */
  readonly memory?: Uint8Array;
  /** Puts a chunk at a position; its memory is the caller's again afterwards. */
  write(chunk: Uint8Array, position: number): Promise<void>;
  /** The bytes from `start` up to `stop` (exclusive). What the stream gives is good only until the place is closed. */
  read(start: number, stop: number): Readable;
  /** Lets the bytes go. Whoever read them in vain may still hold some when it is `torn`. Raises nothing. */
  close(torn: boolean): Promise<void>;
}

/**
 * A part's bytes, which wait on this machine until they are sent, and are hashed as they come. Its methods raise `store.full`,
 * `store.read_only`, `blob.write_failed`.
 */
export class Spool {
  readonly #place: SpoolPlace;
  readonly #hasher: UploadHasher;
  /** The upload's part that this is. */
  readonly #part: number;
  readonly #lent = new Set<Promise<unknown>>();
  #isTorn = false;
  #sizeBytes = 0;
  #hashedBytes = 0;
  #md5: Promise<string> | undefined;

  constructor(place: SpoolPlace, hashing: { readonly hasher: UploadHasher; readonly part: number }) {
    this.#place = place;
    this.#hasher = hashing.hasher;
    this.#part = hashing.part;
  }

  /** How many bytes were appended. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Appends a chunk; its memory is the caller's again afterwards. One call at a time. */
  async append(chunk: Uint8Array): Promise<void> {
    await this.#place.write(chunk, this.#sizeBytes);
    this.#sizeBytes += chunk.byteLength;
    if (this.#place.memory === undefined) {
      this.#hashedBytes = this.#sizeBytes;
      await this.#hasher.update(this.#part, chunk);
    } else if (this.#sizeBytes - this.#hashedBytes >= HASHED_AT_ONCE_BYTES) {
      this.#hashMemory();
    }
  }

  /** No more comes, and the next part may begin. */
  end(): void {
    this.#hashMemory();
    this.#md5 ??= this.#hasher.md5(this.#part, { ends: true });
    this.#md5.catch(() => {});
  }

  /** The MD5 of everything so far, in hex. */
  async md5(): Promise<string> {
    this.#hashMemory();
    return this.#md5 ?? this.#hasher.md5(this.#part, { ends: false });
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

  /** Not waited for: whoever asks for a digest is answered after this. */
  #hashMemory(): void {
    const { memory } = this.#place;
    if (memory === undefined || this.#hashedBytes === this.#sizeBytes) return;
    const bytes = memory.subarray(this.#hashedBytes, this.#sizeBytes);
    this.#hashedBytes = this.#sizeBytes;
    this.#hasher.update(this.#part, bytes).catch(() => {});
  }
}
