import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { lstat, open } from "node:fs/promises";
import { Readable } from "node:stream";

import { errnoOf } from "../base/errors.ts";
import type { RandomAccess } from "../base/random-access.ts";
import type { PassingChunks } from "./blob-store.ts";
import { availableBytes } from "./checks.ts";
import { blobErrors, readError } from "./errors.ts";

/** One read from the disk; also how far a stream reads ahead of whoever consumes it. */
const READ_BYTES = 256 * 1024;

/** An object's file held open, and its size when it was opened. */
export interface ObjectFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/**
 * Opens an object for reading. Raises `blob.not_found`, `blob.damaged` for what is no regular file, `blob.read_failed`.
 * A link is not followed, for it could lead to any file of the machine; nor is a pipe waited for (O_NONBLOCK).
 */
export async function openObjectFile(path: string, key: string): Promise<ObjectFile> {
  const handle = await openForReading(path, key);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw noRegularFile(key);
    return { handle, sizeBytes: stats.size };
  } catch (error) {
    await handle.close();
    throw readError(`read ${key}`, error);
  }
}

/** The size of an object's file; null when it is missing. Raises `blob.damaged` for what is no regular file. */
export async function sizeOfObjectFile(path: string, key: string): Promise<number | null> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) throw noRegularFile(key);
    return stats.size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw readError(`look at ${key}`, error);
  }
}

/** Bytes of an open object: from `start` up to `stop` (exclusive). */
export interface ObjectPart {
  readonly file: ObjectFile;
  readonly start: number;
  readonly stop: number;
  /** For messages. */
  readonly key: string;
}

/**
 * Streams a part of an object, then closes the file; destroying the stream closes it too. Fails with `blob.damaged` when the
 * file ends early, so that a short answer is never taken for the whole.
 */
export function streamObjectFile({ file, start, stop, key }: ObjectPart): Readable {
  let position = start;
  return new Readable({
    highWaterMark: READ_BYTES,
    read() {
      if (position >= stop) {
        this.push(null);
        return;
      }
      const length = Math.min(READ_BYTES, stop - position);
      file.handle.read(Buffer.allocUnsafeSlow(length), 0, length, position).then(
        ({ bytesRead, buffer }) => {
          position += bytesRead;
          if (bytesRead === 0) this.destroy(endedEarly(key));
          else this.push(buffer.subarray(0, bytesRead));
        },
        (error: unknown) => this.destroy(readError(`read ${key}`, error)),
      );
    },
    destroy(error, done) {
      file.handle.close().then(
        () => done(error),
        (closeError: Error) => done(error ?? closeError),
      );
    },
  });
}

/**
 * The same in chunks that pass by: two buffers take turns, one is read into while the other is with whoever iterates. Fresh
 * memory for each chunk costs several times what reading it does.
 */
export class ObjectFileChunks implements PassingChunks {
  readonly #part: ObjectPart;
  #position: number;

  constructor(part: ObjectPart) {
    this.#part = part;
    this.#position = part.start;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const length = Math.min(READ_BYTES, this.#part.stop - this.#part.start);
    let [filling, passing] = [Buffer.allocUnsafeSlow(length), Buffer.allocUnsafeSlow(length)];
    let reading = this.#readInto(filling);
    try {
      for (;;) {
        const chunk = await reading;
        if (chunk.byteLength === 0) return;
        [filling, passing] = [passing, filling];
        reading = this.#readInto(filling);
        yield chunk;
      }
    } finally {
      // The file is not closed under a read, nor is a failure of it news to anybody any more.
      await reading.catch(() => {});
      await this.#part.file.handle.close();
    }
  }

  destroy(): void {
    // Whoever iterates closes it by leaving the loop; a second close does nothing.
    this.#part.file.handle.close().catch(() => {});
  }

  /** The next bytes, in this buffer; none at the end. */
  async #readInto(buffer: Buffer): Promise<Uint8Array> {
    const { file, stop, key } = this.#part;
    const length = Math.min(buffer.byteLength, stop - this.#position);
    if (length <= 0) return buffer.subarray(0, 0);
    const bytesRead = await readAt(file.handle, buffer, 0, length, this.#position, key);
    if (bytesRead === 0) throw endedEarly(key);
    this.#position += bytesRead;
    return buffer.subarray(0, bytesRead);
  }
}

/** Random access to an object's file, which `close` closes. */
export function randomAccessTo(file: ObjectFile, key: string): RandomAccess {
  return {
    sizeBytes: file.sizeBytes,
    fd: file.handle.fd,
    async read(offset, length) {
      const bytes = new Uint8Array(availableBytes(offset, length, file.sizeBytes));
      let filled = 0;
      while (filled < bytes.byteLength) {
        const bytesRead = await readAt(
          file.handle,
          bytes,
          filled,
          bytes.byteLength - filled,
          offset + filled,
          key,
        );
        if (bytesRead === 0) throw endedEarly(key);
        filled += bytesRead;
      }
      return bytes;
    },
    close: () => file.handle.close(),
  };
}

async function readAt(
  handle: FileHandle,
  into: Uint8Array,
  at: number,
  length: number,
  position: number,
  key: string,
) {
  try {
    return (await handle.read(into, at, length, position)).bytesRead;
  } catch (error) {
    throw readError(`read ${key}`, error);
  }
}

async function openForReading(path: string, key: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT")
      throw blobErrors.error("blob.not_found", `There is no ${key}.`, { details: { key } });
    if (errno === "ELOOP") throw noRegularFile(key);
    throw readError(`open ${key}`, error);
  }
}

function noRegularFile(key: string): Error {
  return blobErrors.error("blob.damaged", `${key} is not a regular file.`, { details: { key } });
}

function endedEarly(key: string): Error {
  return blobErrors.error("blob.damaged", `${key} ended before its last byte.`, { details: { key } });
}
