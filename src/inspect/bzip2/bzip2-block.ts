import { UnreadableError } from "../unreadable.ts";
import type { BitReader } from "./bit-reader.ts";
import { PrefixCode } from "./prefix-code.ts";

/** A symbol of each group of 50 is coded by the same one of up to six codes. */
const GROUP_SYMBOLS = 50;
/** No more groups are needed for 900,000 symbols and the end; a few encoders write unused ones, at most 32,767 fit the field. */
const MAX_GROUPS = 18_002;
/** A run is written in digits, the lowest first; longer ones than the largest block are an attack. */
const MAX_RUN_DIGITS = 20;

/** A block as it stands before the Burrows–Wheeler transform is undone. */
export interface Bzip2Block {
  readonly length: number;
  /** Where the original text begins. */
  readonly origin: number;
}

/**
 * Reads one block's content, what follows its magic number and CRC, into `text`, whose length is the most that the block may hold.
 * Each number's lower eight bits are a byte of the transformed text. Throws `UnreadableError`.
 */
export function readBlock(bits: BitReader, text: Uint32Array): Bzip2Block {
  if (bits.read(1) === 1) {
    throw new UnreadableError("unsupported", "The bzip2 data are of a version before 0.9.5 (randomised).");
  }
  const origin = bits.read(24);
  const bytes = usedBytes(bits);
  const endSymbol = bytes.length + 1;
  const codeCount = bits.read(3);
  if (codeCount < 2 || codeCount > 6) throw damaged("has a wrong number of codes");
  const groups = readGroups(bits, codeCount);
  const codes = Array.from({ length: codeCount }, () => new PrefixCode(codeLengths(bits, endSymbol + 1)));

  let length = 0;
  let run = 0;
  let digit = 0;
  for (const group of groups) {
    const code = codes[group]!;
    for (let index = 0; index < GROUP_SYMBOLS; index += 1) {
      const symbol = code.next(bits);
      if (symbol <= 1) {
        // RUNA and RUNB: the digits 1 and 2 in a system of base 2 without zero.
        if (digit === MAX_RUN_DIGITS) throw damaged("is longer than it may be");
        run += (symbol + 1) << digit;
        digit += 1;
        continue;
      }
      if (run > 0) {
        if (length + run > text.length) throw damaged("is longer than it may be");
        text.fill(bytes[0]!, length, length + run);
        length += run;
        run = 0;
        digit = 0;
      }
      if (symbol === endSymbol) {
        if (origin >= length) throw damaged("begins outside of itself");
        return { length, origin };
      }
      if (length === text.length) throw damaged("is longer than it may be");
      const place = symbol - 1;
      const byte = bytes[place]!;
      bytes.copyWithin(1, 0, place);
      bytes[0] = byte;
      text[length] = byte;
      length += 1;
    }
  }
  throw damaged("has no end");
}

/** The bytes that occur in the block, in ascending order: a map of 16 times 16 bits. */
function usedBytes(bits: BitReader): Uint8Array {
  const used: number[] = [];
  const ranges = bits.read(16);
  for (let range = 0; range < 16; range += 1) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const map = bits.read(16);
    for (let byte = 0; byte < 16; byte += 1) {
      if ((map & (0x8000 >> byte)) !== 0) used.push(range * 16 + byte);
    }
  }
  if (used.length === 0) throw damaged("uses no bytes");
  return Uint8Array.from(used);
}

/** Which code each group uses, move-to-front coded in unary numbers. */
function readGroups(bits: BitReader, codeCount: number): Uint8Array {
  const count = bits.read(15);
  if (count === 0) throw damaged("has no groups");
  const recent = Uint8Array.from({ length: codeCount }, (_, code) => code);
  const groups = new Uint8Array(Math.min(count, MAX_GROUPS));
  for (let index = 0; index < count; index += 1) {
    let place = 0;
    while (bits.read(1) === 1) {
      place += 1;
      if (place === codeCount) throw damaged("names a code that it has not");
    }
    const code = recent[place]!;
    recent.copyWithin(1, 0, place);
    recent[0] = code;
    if (index < groups.length) groups[index] = code;
  }
  return groups;
}

/** The lengths of one code: the first in five bits, each next one as steps up and down. */
function codeLengths(bits: BitReader, symbolCount: number): Uint8Array {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbolCount; symbol += 1) {
    for (;;) {
      if (length < 1 || length > 20) throw damaged("has a code of impossible length");
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return lengths;
}

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `A bzip2 block ${problem}.`);
}
