import { BackwardBits } from "./backward-bits.ts";
import { type FseTable, fseTable } from "./fse-table.ts";
import { type Lzfse2Header, readLzfse2Header } from "./lzfse-frequencies.ts";
import { unpackLzvn } from "./lzvn.ts";

/** The blocks' magics, "bvx-", "bvx2", "bvxn", "bvx$", as little-endian numbers. */
const RAW = 0x2d787662;
const LZFSE2 = 0x32787662;
const LZVN = 0x6e787662;
const END = 0x24787662;

/** Extra bits of the symbols that stand for more than one value. */
const lengthBits = [...zeros(16), 2, 3, 5, 8];
const matchBits = [...zeros(16), 3, 5, 8, 11];
const distanceBits = Array.from({ length: 64 }, (_, symbol) => symbol >> 2);
const lengthBases = bases(lengthBits);
const matchBases = bases(matchBits);
const distanceBases = bases(distanceBits);

const LENGTH_STATES = 64;
const MATCH_STATES = 64;
const DISTANCE_STATES = 256;
const LITERAL_STATES = 1024;

/**
 * Unpacks LZFSE to exactly `sizeBytes`; null for what does not make that, or is in the form with plain tables ("bvx1"), which
 * Apple's own packer never wrote. Memory is the output and 128 KiB.
 */
export function unpackLzfse(packed: Uint8Array, sizeBytes: number): Buffer | null {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const out = Buffer.alloc(sizeBytes);
  let written = 0;
  let at = 0;
  while (at + 4 <= bytes.length) {
    const magic = bytes.readUInt32LE(at);
    if (magic === END) return written === sizeBytes ? out : null;
    if (at + 12 > bytes.length) return null;
    const stop = written + bytes.readUInt32LE(at + 4);
    // A block that makes nothing would let a stream of them go on for long.
    if (stop > sizeBytes || stop === written) return null;
    const used = unpackBlock(magic, bytes.subarray(at), out.subarray(0, stop), written);
    if (used === null) return null;
    written = stop;
    at += used;
  }
  return null;
}

/** Unpacks one block into `out` from `start` to its end; answers how many bytes it takes, or null. */
function unpackBlock(magic: number, block: Buffer, out: Buffer, start: number): number | null {
  if (magic === RAW) {
    const used = 8 + out.length - start;
    if (used > block.length) return null;
    block.copy(out, start, 8, used);
    return used;
  }
  if (magic === LZVN) {
    const used = 12 + block.readUInt32LE(8);
    if (used > block.length) return null;
    return unpackLzvn(block.subarray(12, used), out, start) === out.length ? used : null;
  }
  const header = magic === LZFSE2 ? readLzfse2Header(block) : null;
  if (header === null) return null;
  const literalStop = header.headerBytes + header.literalBytes;
  const used = literalStop + header.matchBytes;
  if (used > block.length) return null;
  const literals = unpackLiterals(header, block.subarray(header.headerBytes, literalStop));
  if (literals === null) return null;
  return unpackMatches(header, block.subarray(literalStop, used), literals, out, start) ? used : null;
}

/** Four decoders take turns. */
function unpackLiterals(header: Lzfse2Header, packed: Uint8Array): Uint8Array | null {
  const { literalCount, literalStates } = header;
  const table = fseTable(header.literals, LITERAL_STATES);
  if (table === null || literalCount % 4 !== 0) return null;
  const bits = new BackwardBits(packed, header.literalUnusedBits);
  const states = [...literalStates];
  const literals = new Uint8Array(literalCount);
  for (let index = 0; index < literalCount; index += 1) {
    const state = states[index & 3]!;
    literals[index] = table.symbol[state]!;
    states[index & 3] = table.base[state]! + bits.take(table.bits[state]!);
  }
  return bits.isBeyond ? null : literals;
}

function unpackMatches(
  header: Lzfse2Header,
  packed: Uint8Array,
  literals: Uint8Array,
  out: Buffer,
  start: number,
): boolean {
  const lengthTable = fseTable(header.lengths, LENGTH_STATES);
  const matchTable = fseTable(header.matches, MATCH_STATES);
  const distanceTable = fseTable(header.distances, DISTANCE_STATES);
  if (lengthTable === null || matchTable === null || distanceTable === null) return false;
  if (header.lengthState >= LENGTH_STATES || header.matchState >= MATCH_STATES) return false;
  if (header.distanceState >= DISTANCE_STATES) return false;
  const bits = new BackwardBits(packed, header.matchUnusedBits);
  const lengths = new ValueDecoder(lengthTable, lengthBits, lengthBases, header.lengthState);
  const matches = new ValueDecoder(matchTable, matchBits, matchBases, header.matchState);
  const distances = new ValueDecoder(distanceTable, distanceBits, distanceBases, header.distanceState);
  let written = start;
  let taken = 0;
  let distance = 0;
  for (let index = 0; index < header.matchCount; index += 1) {
    const length = lengths.next(bits);
    const match = matches.next(bits);
    // A distance of zero is the one of before.
    distance = distances.next(bits) || distance;
    if (bits.isBeyond || taken + length > literals.length || written + length + match > out.length)
      return false;
    for (let n = 0; n < length; n += 1) out[written + n] = literals[taken + n]!;
    taken += length;
    written += length;
    if (match > 0 && (distance === 0 || distance > written)) return false;
    for (const stop = written + match; written < stop; written += 1) out[written] = out[written - distance]!;
  }
  return written === out.length;
}

/** A decoder whose symbols stand for ranges: extra bits tell which value of the range. */
class ValueDecoder {
  readonly #table: FseTable;
  readonly #extra: readonly number[];
  readonly #bases: readonly number[];
  #state: number;

  constructor(table: FseTable, extra: readonly number[], base: readonly number[], state: number) {
    this.#table = table;
    this.#extra = extra;
    this.#bases = base;
    this.#state = state;
  }

  next(bits: BackwardBits): number {
    const state = this.#state;
    const symbol = this.#table.symbol[state]!;
    // The state's bits stand above the value's.
    this.#state = this.#table.base[state]! + bits.take(this.#table.bits[state]!);
    return this.#bases[symbol]! + bits.take(this.#extra[symbol]!);
  }
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

/** Each symbol's range begins where the one before ends. */
function bases(extra: readonly number[]): number[] {
  let next = 0;
  return extra.map((bits) => {
    const base = next;
    next += 2 ** bits;
    return base;
  });
}
