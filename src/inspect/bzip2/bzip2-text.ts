import { crcStep } from "./bzip2-crc.ts";
import type { Bzip2Block } from "./bzip2-block.ts";

/** The most that is handed on at once: 900,000 bytes of runs make 46 MB. */
const CHUNK_BYTES = 128 * 1024;

/**
 * Undoes the Burrows–Wheeler transform and then the run lengths of a block in `text`, whose upper bits are used for links. Returns the CRC of
 * what came. Work and memory are linear in what is taken from it.
 */
export function* blockText(
  text: Uint32Array,
  { length, origin }: Bzip2Block,
): Generator<Buffer, number, undefined> {
  linkText(text, length);
  let crc = 0xffffffff;
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  let link = text[origin]! >>> 8;
  let previous = -1;
  let same = 0;
  for (let taken = 0; taken < length; taken += 1) {
    const entry = text[link]!;
    const byte = entry & 0xff;
    link = entry >>> 8;
    // After four equal bytes comes how often the byte follows once more.
    const isCount = same === 4;
    let times = isCount ? byte : 1;
    const value = isCount ? previous : byte;
    same = isCount ? 0 : byte === previous ? same + 1 : 1;
    previous = isCount ? -1 : byte;
    for (; times > 0; times -= 1) {
      if (filled === CHUNK_BYTES) {
        yield chunk;
        chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        filled = 0;
      }
      chunk[filled] = value;
      filled += 1;
      crc = crcStep(crc, value);
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
  return ~crc >>> 0;
}

/** Puts into the upper 24 bits of each place where the byte that follows it in the original text stands. */
function linkText(text: Uint32Array, length: number): void {
  const starts = new Uint32Array(256);
  for (let at = 0; at < length; at += 1) starts[text[at]!]! += 1;
  let sum = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    const count = starts[byte]!;
    starts[byte] = sum;
    sum += count;
  }
  for (let at = 0; at < length; at += 1) {
    const byte = text[at]! & 0xff;
    const place = starts[byte]!;
    starts[byte] = place + 1;
    text[place]! |= at << 8;
  }
}
