import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";

/** Every object begins with its checksum 8, number 8, transaction 8, type 4, subtype 4; little-endian. */
export const OBJECT_HEADER_BYTES = 32;
const CHECKSUM_BYTES = 8;
const MODULUS = 0xffffffff;
/** So many words can be added up before a sum is no longer exact. */
const WORDS_AT_ONCE = 1024;

/** Reads a container's blocks. */
export interface ApfsBlocks {
  readonly bytes: RandomAccess;
  readonly blockBytes: number;
}

/** The object in a block, its checksum compared. Throws `UnreadableError`. */
export async function readObject(
  { bytes, blockBytes }: ApfsBlocks,
  block: number,
  where: string,
): Promise<Buffer> {
  const object = await readExactly(bytes, block * blockBytes, blockBytes);
  if (object && isSound(object)) return object;
  const problem = object ? "is damaged" : "is beyond the end of the container";
  throw new UnreadableError("damaged", `The ${where} in block ${block} ${problem}.`, where);
}

/** Apple File System Reference, "Objects": a Fletcher checksum of the words behind it, such that all of them add up to zero. */
export function isSound(object: Buffer): boolean {
  let simple = 0;
  let second = 0;
  for (let at = CHECKSUM_BYTES; at < object.length; at += 4 * WORDS_AT_ONCE) {
    const stop = Math.min(object.length, at + 4 * WORDS_AT_ONCE);
    for (let word = at; word < stop; word += 4) {
      simple += object.readUInt32LE(word);
      second += simple;
    }
    simple %= MODULUS;
    second %= MODULUS;
  }
  const low = MODULUS - ((simple + second) % MODULUS);
  const high = MODULUS - ((simple + low) % MODULUS);
  return object.readUInt32LE(0) === low && object.readUInt32LE(4) === high;
}
