/** How often the symbols of a block occur, and the numbers its header holds. */
export interface Lzfse2Header {
  readonly headerBytes: number;
  readonly literalCount: number;
  readonly literalBytes: number;
  readonly literalUnusedBits: number;
  readonly literalStates: readonly [number, number, number, number];
  readonly matchCount: number;
  readonly matchBytes: number;
  readonly matchUnusedBits: number;
  readonly lengthState: number;
  readonly matchState: number;
  readonly distanceState: number;
  readonly lengths: readonly number[];
  readonly matches: readonly number[];
  readonly distances: readonly number[];
  readonly literals: readonly number[];
}

/** The fixed part: magic 4, unpacked size 4, three words of 64 bits that hold fields of a few bits. */
const FIXED_BYTES = 32;
/** Symbols of literal run lengths, match lengths, distances and literals. */
const SYMBOLS = [20, 20, 64, 256] as const;

/** Reads the header of a block whose tables are packed ("bvx2"); null when it contradicts itself. */
export function readLzfse2Header(block: Buffer): Lzfse2Header | null {
  if (block.length < FIXED_BYTES) return null;
  const [first, second, third] = [8, 16, 24].map((at) => block.readBigUInt64LE(at)) as [
    bigint,
    bigint,
    bigint,
  ];
  const headerBytes = field(third, 0, 32);
  if (headerBytes < FIXED_BYTES || headerBytes > block.length) return null;
  const frequencies = readFrequencies(block.subarray(FIXED_BYTES, headerBytes));
  if (frequencies === null) return null;
  const [lengths, matches, distances, literals] = frequencies as [number[], number[], number[], number[]];
  return {
    headerBytes,
    literalCount: field(first, 0, 20),
    literalBytes: field(first, 20, 20),
    matchCount: field(first, 40, 20),
    literalUnusedBits: 7 - field(first, 60, 3),
    literalStates: [0, 10, 20, 30].map((at) => field(second, at, 10)) as [number, number, number, number],
    matchBytes: field(second, 40, 20),
    matchUnusedBits: 7 - field(second, 60, 3),
    lengthState: field(third, 32, 10),
    matchState: field(third, 42, 10),
    distanceState: field(third, 52, 10),
    lengths,
    matches,
    distances,
    literals,
  };
}

function field(word: bigint, from: number, count: number): number {
  return Number((word >> BigInt(from)) & ((1n << BigInt(count)) - 1n));
}

/**
 * The frequencies are packed so that small ones take few bits, from the lowest bit of each byte on. The last bits of a code tell its
 * length: 00 is 0, 01 (of three bits) 2 or 3, 10 is 1, 011 (of five) 4 to 7, 0111 (of eight) 8 to 23, 1111 (of fourteen) 24 and more.
 */
function readFrequencies(bytes: Buffer): number[][] | null {
  const total = SYMBOLS.reduce((sum, count) => sum + count, 0);
  // Without them all are zero: a block without literals and matches.
  const frequencies: number[] = [];
  let word = 0;
  let available = 0;
  let at = 0;
  while (frequencies.length < total && bytes.length > 0) {
    while (available <= 16 && at < bytes.length) {
      word |= bytes[at]! << available;
      available += 8;
      at += 1;
    }
    const [value, count] = readFrequency(word);
    if (count > available) return null;
    frequencies.push(value);
    word >>>= count;
    available -= count;
  }
  if (available >= 8 || at < bytes.length) return null;
  let start = 0;
  return SYMBOLS.map((count) => {
    const part = Array.from({ length: count }, (_, index) => frequencies[start + index] ?? 0);
    start += count;
    return part;
  });
}

/** The frequency in the lowest bits, and how many they are. */
function readFrequency(word: number): readonly [value: number, bits: number] {
  if ((word & 3) === 0) return [0, 2];
  if ((word & 3) === 2) return [1, 2];
  if ((word & 3) === 1) return [2 + ((word >> 2) & 1), 3];
  if ((word & 7) === 3) return [4 + ((word >> 3) & 3), 5];
  if ((word & 15) === 7) return [8 + ((word >> 4) & 15), 8];
  return [24 + ((word >> 4) & 0x3ff), 14];
}
