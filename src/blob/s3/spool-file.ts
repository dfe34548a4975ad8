import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";

import { writeError } from "../errors.ts";

/** One read of the disk while a part is sent. */
const READ_BYTES = 128 * 1024;
/** Nobody else reads what was not published yet. */
const MODE = 0o600;

/**
 * Bytes that wait on the local disk until they are sent. The file loses its name as soon as it is open, so nothing is left of
 * a process that dies. Its methods raise `store.full`, `store.read_only`, `blob.write_failed`.
 */
export class SpoolFile {
  readonly #handle: FileHandle;
  readonly #hash = createHash("md5");
  readonly #lent = new Set<Promise<unknown>>();
  #sizeBytes = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Makes one in `directory`, and that too when it is missing. */
  static async create(directory: string): Promise<SpoolFile> {
    try {
      await mkdir(directory, { recursive: true });
      const path = join(directory, randomUUID());
      const handle = await open(path, "wx+", MODE);
      await unlink(path);
      return new SpoolFile(handle);
    } catch (error) {
      throw writeError("create a spool file", error);
    }
  }

  /** How many bytes were appended. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Appends a chunk; its memory is the caller's again afterwards. One call at a time. */
  async append(chunk: Uint8Array): Promise<void> {
    try {
      let written = 0;
      while (written < chunk.byteLength) {
        const left = chunk.byteLength - written;
        written += (await this.#handle.write(chunk, written, left, this.#sizeBytes + written)).bytesWritten;
      }
    } catch (error) {
      throw writeError("write a spool file", error);
    }
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
    const bytes = this.#read(start, stop);
    // A consumer such as a request waits for bytes that never come when the disk fails under it.
    const failed = new Promise<never>((_, reject) => {
      bytes.once("error", (error) => reject(writeError("read a spool file", error)));
    });
    const closed = new Promise((resolve) => bytes.once("close", resolve));
    this.#lent.add(closed);
    try {
      return await Promise.race([use(bytes), failed]);
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
    const bytes = this.#read(0, sizeBytes);
    const closed = new Promise((resolve) => bytes.once("close", resolve));
    this.#lent.add(closed);
    void closed.then(() => this.#lent.delete(closed));
    return bytes;
  }

  /** Lets the bytes go once nobody reads them. Raises nothing. */
  async close(): Promise<void> {
    while (this.#lent.size > 0) await Promise.all(this.#lent);
    await this.#handle.close().catch(() => {});
  }

  #read(start: number, stop: number): Readable {
    const handle = this.#handle;
    let position = start;
    // Not the handle's own stream: that closes the file when it is destroyed.
    return new Readable({
      highWaterMark: READ_BYTES,
      read() {
        const length = Math.min(READ_BYTES, stop - position);
        if (length === 0) {
          this.push(null);
          return;
        }
        handle.read(Buffer.allocUnsafeSlow(length), 0, length, position).then(
          ({ bytesRead, buffer }) => {
            position += bytesRead;
            if (bytesRead === 0) this.destroy(new Error("the spool file is shorter than it was"));
            else this.push(buffer.subarray(0, bytesRead));
          },
          (error: Error) => this.destroy(error),
        );
      },
    });
  }
}
