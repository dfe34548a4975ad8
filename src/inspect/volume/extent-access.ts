import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";

/** A stretch of a file and where it stands on its volume. */
export interface FileExtent {
  /** In the file. */
  readonly start: number;
  readonly length: number;
  /** On the volume; null for a hole, which reads as zeros. */
  readonly offset: number | null;
}

/**
 * The bytes of a file on a volume. Its extents have to follow one another from 0 on; opening and reading throw `UnreadableError` where
 * they do not, are too few, or lead out of the volume.
 */
export class ExtentAccess implements RandomAccess {
  readonly sizeBytes: number;
  readonly #volume: RandomAccess;
  readonly #extents: readonly FileExtent[];
  readonly #where: string;

  constructor(volume: RandomAccess, extents: readonly FileExtent[], sizeBytes: number, where: string) {
    this.#volume = volume;
    this.#extents = extents;
    this.sizeBytes = sizeBytes;
    this.#where = where;
    let stop = 0;
    for (const { start, length } of extents) {
      if (start !== stop || length <= 0) throw this.#damaged("is in pieces that do not fit together");
      stop += length;
    }
    if (stop < sizeBytes) throw this.#damaged(`has ${sizeBytes} bytes in blocks for ${stop}`);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    const stop = Math.min(offset + length, this.sizeBytes);
    for (let at = offset; at < stop;) {
      const extent = this.#extentAt(at);
      const skipped = at - extent.start;
      const count = Math.min(extent.length - skipped, stop - at);
      parts.push(await this.#read(extent, skipped, count));
      at += count;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  async close(): Promise<void> {}

  async #read({ offset }: FileExtent, skipped: number, count: number): Promise<Buffer> {
    if (offset === null) return Buffer.alloc(count);
    const bytes = await readExactly(this.#volume, offset + skipped, count);
    if (!bytes) throw this.#damaged("reaches beyond the end of the volume");
    return bytes;
  }

  /** By halves: a file may claim hundred thousands of extents. */
  #extentAt(offset: number): FileExtent {
    let low = 0;
    let high = this.#extents.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#extents[middle]!.start <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#extents[low - 1]!;
  }

  #damaged(problem: string): UnreadableError {
    return new UnreadableError("damaged", `${this.#where} ${problem}.`, this.#where);
  }
}
