import { UnreadableError } from "../unreadable.ts";
import type { BitReader } from "./bit-reader.ts";

/** bzip2 writes codes of at most 17 bits, and its decoder takes 20. */
const MAX_CODE_BITS = 20;
/** Codes up to this length are found in one step. */
const TABLE_BITS = 10;

/** Decodes one prefix code (Huffman code): shorter codes first, those of one length in the order of their symbols. */
export class PrefixCode {
  /** By the next `TABLE_BITS` bits: symbol × 32 + length, 0 for what is longer. */
  readonly #table = new Uint16Array(1 << TABLE_BITS);
  /** By length: the first number above its codes, aligned to the left of `MAX_CODE_BITS`. */
  readonly #limits = new Uint32Array(MAX_CODE_BITS + 2);
  readonly #bases = new Int32Array(MAX_CODE_BITS + 2);
  readonly #symbols: Uint16Array;
  /** More codes than there are numbers. bzip2 minds only when it is used. */
  #isImpossible = false;

  /** `lengths` has each symbol's code length, 1 to 20. */
  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length);
    let code = 0;
    let index = 0;
    for (let length = 1; length <= MAX_CODE_BITS; length += 1) {
      this.#bases[length] = index - code;
      for (let symbol = 0; symbol < lengths.length; symbol += 1) {
        if (lengths[symbol] !== length) continue;
        this.#symbols[index] = symbol;
        if (length <= TABLE_BITS && code < 1 << length) {
          const start = code << (TABLE_BITS - length);
          this.#table.fill(symbol * 32 + length, start, start + (1 << (TABLE_BITS - length)));
        }
        index += 1;
        code += 1;
      }
      if (code > 1 << length) this.#isImpossible = true;
      this.#limits[length] = code << (MAX_CODE_BITS - length);
      code <<= 1;
    }
  }

  /** The next symbol. Throws `UnreadableError` where the bits are no code. */
  next(bits: BitReader): number {
    const ahead = bits.peek(MAX_CODE_BITS);
    const entry = this.#table[ahead >>> (MAX_CODE_BITS - TABLE_BITS)]!;
    if (entry !== 0 && !this.#isImpossible) {
      bits.skip(entry & 31);
      return entry >>> 5;
    }
    for (let length = TABLE_BITS + 1; length <= MAX_CODE_BITS; length += 1) {
      if (ahead >= this.#limits[length]! || this.#isImpossible) continue;
      bits.skip(length);
      return this.#symbols[(ahead >>> (MAX_CODE_BITS - length)) + this.#bases[length]!]!;
    }
    throw new UnreadableError("damaged", "A bzip2 block has bits that are no code.");
  }
}
