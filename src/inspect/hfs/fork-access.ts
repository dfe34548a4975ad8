import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { type ByteRange, type HfsVolume, ranges } from "./hfs-volume.ts";
import type { Extent } from "./hfs-fork.ts";

/** The bytes of one fork of a file. Opening and reading throw `UnreadableError` where extents lead out of the volume or are too few. */
export class ForkAccess implements RandomAccess {
  readonly sizeBytes: number;
  readonly #volume: HfsVolume;
  readonly #where: string;
  /** With the place in the fork where each begins. */
  readonly #ranges: (ByteRange & { readonly start: number })[] = [];

  constructor(volume: HfsVolume, extents: readonly Extent[], sizeBytes: number, where: string) {
    this.#volume = volume;
    this.sizeBytes = sizeBytes;
    this.#where = where;
    let start = 0;
    for (const range of ranges(volume, extents)) {
      this.#ranges.push({ ...range, start });
      start += range.length;
    }
    if (start < sizeBytes) throw this.#damaged(`has ${sizeBytes} bytes in blocks for ${start}`);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    const stop = Math.min(offset + length, this.sizeBytes);
    for (let at = offset; at < stop;) {
      const range = this.#rangeAt(at);
      const skipped = at - range.start;
      const count = Math.min(range.length - skipped, stop - at);
      const part = await readExactly(this.#volume.bytes, range.offset + skipped, count);
      if (!part) throw this.#damaged("reaches beyond the end of the volume");
      parts.push(part);
      at += count;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  async close(): Promise<void> {}

  /** By halves: a file may claim as many extents as the overflow file holds. */
  #rangeAt(offset: number): ByteRange & { readonly start: number } {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.start <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#ranges[low - 1]!;
  }

  #damaged(problem: string): UnreadableError {
    return new UnreadableError("damaged", `${this.#where} ${problem}.`, this.#where);
  }
}
