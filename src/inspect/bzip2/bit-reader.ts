import { UnreadableError } from "../unreadable.ts";

/** Reads bits from a buffer, the highest of a byte first. Reading beyond its end throws `UnreadableError` (`truncated`). */
export class BitReader {
  readonly #bytes: Uint8Array;
  /** Counted in bits. */
  #at: number;

  constructor(bytes: Uint8Array, atBit: number) {
    this.#bytes = bytes;
    this.#at = atBit;
  }

  get atBit(): number {
    return this.#at;
  }

  /** The next bits as a number, at most 24 of them. */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** The next bits, of which those behind the end are zero. */
  peek(count: number): number {
    const bytes = this.#bytes;
    const first = this.#at >>> 3;
    const word =
      ((bytes[first] ?? 0) << 24) |
      ((bytes[first + 1] ?? 0) << 16) |
      ((bytes[first + 2] ?? 0) << 8) |
      (bytes[first + 3] ?? 0);
    return (word << (this.#at & 7)) >>> (32 - count);
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length * 8) {
      throw new UnreadableError("truncated", "The bzip2 data end within a block.");
    }
  }
}
