import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";

import { writeError } from "../errors.ts";
import type { SpoolPlace } from "./spool.ts";

/** One read of the disk while a part is sent. */
const READ_BYTES = 128 * 1024;
/** Nobody else reads what was not published yet. */
const MODE = 0o600;

/**
 * A place on the local disk. The file loses its name as soon as it is open, so nothing is left of a process that dies. Its
 * methods raise `store.full`, `store.read_only`, `blob.write_failed`.
 */
export class SpoolFile implements SpoolPlace {
  readonly #handle: FileHandle;

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

  async write(chunk: Uint8Array, position: number): Promise<void> {
    try {
      let written = 0;
      while (written < chunk.byteLength) {
        const left = chunk.byteLength - written;
        written += (await this.#handle.write(chunk, written, left, position + written)).bytesWritten;
      }
    } catch (error) {
      throw writeError("write a spool file", error);
    }
  }

  read(start: number, stop: number): Readable {
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

  async close(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }
}
