import type { RandomAccess } from "../../base/random-access.ts";
import type { TreeFile } from "../file-tree.ts";
import { UnreadableError } from "../unreadable.ts";

/** Headers are read several times. */
const HEAD_BYTES = 256 * 1024;
/** Each unpacks the file from its beginning. A sound program needs two. */
const MAX_STARTS = 6;

/**
 * A packed file as if it could be read anywhere: what comes before a place is unpacked and thrown away, and a place further back
 * begins anew. For readers that go forward. `close` ends the unpacking.
 */
class StreamedAccess implements RandomAccess {
  readonly sizeBytes: number;
  readonly #file: TreeFile;
  #head = Buffer.alloc(0);
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #starts = 0;
  /** The bytes at hand and where they begin. */
  #chunk = Buffer.alloc(0);
  #offset = 0;

  constructor(file: TreeFile) {
    this.#file = file;
    this.sizeBytes = file.sizeBytes;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length <= this.#head.length) return this.#head.subarray(offset, offset + length);
    if (this.#chunks === undefined || offset < this.#offset) await this.#start();
    const parts: Buffer[] = [];
    let at = offset;
    const end = Math.min(offset + length, this.sizeBytes);
    while (at < end) {
      if (at < this.#offset + this.#chunk.length) {
        const part = this.#chunk.subarray(at - this.#offset, end - this.#offset);
        parts.push(part);
        at += part.length;
      } else if (!(await this.#next())) {
        break;
      }
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  async close(): Promise<void> {
    await this.#chunks?.return?.();
    this.#chunks = undefined;
  }

  async #start(): Promise<void> {
    await this.close();
    this.#starts += 1;
    if (this.#starts > MAX_STARTS) {
      throw new UnreadableError(
        "limit",
        `${this.#file.path} would have to be unpacked too often.`,
        this.#file.path,
      );
    }
    this.#chunks = this.#file.chunks()[Symbol.asyncIterator]();
    this.#chunk = Buffer.alloc(0);
    this.#offset = 0;
  }

  async #next(): Promise<boolean> {
    const { done, value } = await this.#chunks!.next();
    this.#offset += this.#chunk.length;
    // A chunk is good only until the next one is asked for, and what was read of it is kept.
    this.#chunk = done === true ? Buffer.alloc(0) : Buffer.from(value);
    if (this.#offset === this.#head.length && this.#head.length < HEAD_BYTES) {
      this.#head = Buffer.concat([this.#head, this.#chunk]);
    }
    return done !== true;
  }
}

/** The content of a file in a tree, to be closed by who asked for it. Throws `UnreadableError`. */
export async function openTreeFile(file: TreeFile): Promise<RandomAccess> {
  return file.access === undefined ? new StreamedAccess(file) : await file.access();
}
