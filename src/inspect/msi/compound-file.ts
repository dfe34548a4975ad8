import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly, readUpTo } from "../bytes.ts";
import { readWhole, UnreadableError } from "../unreadable.ts";

const HEADER_BYTES = 512;
const HEADER_FAT_SECTORS = 109;
/** [MS-CFB] 2.1: sector numbers above this one are marks: free, end of a chain, a part of the tables. */
const MAX_SECTOR = 0xfffffffa;
const FREE = 0xffffffff;
const END = 0xfffffffe;
const LITTLE_ENDIAN = 0xfffe;
const MINI_SECTOR_SHIFT = 6;
const MINI_CUTOFF_BYTES = 4096;
/** A table of 2 GiB in sectors of 512 bytes, the most that the usual form may have: 16 MiB when all of it was needed. */
const MAX_FAT_SECTORS = 32_768;
const RUN_BYTES = 1024 * 1024;
/** Reads near each other cost one read of the file. */
const NEAR_BYTES = 256 * 1024;
/** Chains that jump to and fro would have the file read once for each of their sectors. */
const FREE_JUMPS = 1_000;
const JUMPS_PER_BLOCK = 4;
export const COMPOUND_FILE = "compound file";

/** A number of bytes at a place. */
interface Run {
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * A compound file ([MS-CFB]): sectors in chains. The table of which sector follows which (FAT) is scattered over the file, and read
 * where a chain needs it.
 */
export class CompoundFile {
  readonly sectorBytes: number;
  readonly isVersion4: boolean;
  readonly directoryStart: number;
  readonly miniFatStart: number;
  /** Streams shorter than this stand in the mini stream. */
  readonly miniCutoffBytes: number;
  readonly #bytes: RandomAccess;
  readonly #fatSectors: readonly number[];
  readonly #fat = new Map<number, Buffer>();
  #lastEnd = 0;
  #jumpsLeft: number;

  private constructor(bytes: RandomAccess, header: Header, fatSectors: readonly number[]) {
    this.#bytes = bytes;
    this.sectorBytes = header.sectorBytes;
    this.isVersion4 = header.isVersion4;
    this.directoryStart = header.directoryStart;
    this.miniFatStart = header.miniFatStart;
    this.miniCutoffBytes = header.miniCutoffBytes;
    this.#fatSectors = fatSectors;
    this.#jumpsLeft = FREE_JUMPS + JUMPS_PER_BLOCK * Math.ceil(bytes.sizeBytes / NEAR_BYTES);
  }

  /** Reads the header and the list of the table's sectors. Throws `UnreadableError`. */
  static async open(bytes: RandomAccess): Promise<CompoundFile> {
    const start = await readUpTo(bytes, 0, HEADER_BYTES);
    return await readWhole(isCompoundFile(start), async () => {
      const header = readHeader(start);
      return new CompoundFile(bytes, header, await readFatSectors(bytes, header));
    });
  }

  /** The bytes of a chain of sectors, at most `sizeBytes`, as they stream by. Throws `UnreadableError` when the chain is shorter. */
  async *chunks(start: number, sizeBytes: number): AsyncGenerator<Buffer, void, undefined> {
    let left = sizeBytes;
    for await (const run of this.#runs(start, Math.ceil(sizeBytes / this.sectorBytes))) {
      const length = Math.min(run.sizeBytes, left);
      yield await this.#read(run.offset, length);
      left -= length;
    }
    if (left > 0) throw damaged("has a stream that ends before its size");
  }

  /** The whole chain from a sector on, at most `limitBytes` of it. Throws `UnreadableError`. */
  async readChain(start: number, limitBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let sizeBytes = 0;
    for await (const run of this.#runs(start, Math.floor(limitBytes / this.sectorBytes) + 1)) {
      sizeBytes += run.sizeBytes;
      if (sizeBytes > limitBytes)
        throw limit(`has a table of more than the ${limitBytes} bytes that are read`);
      parts.push(Buffer.from(await this.#read(run.offset, run.sizeBytes)));
    }
    return Buffer.concat(parts);
  }

  /** How many bytes follow the last sector that is in use. */
  async trailingBytes(): Promise<number> {
    const perSector = this.sectorBytes / 4;
    for (let index = this.#fatSectors.length - 1; index >= 0; index -= 1) {
      const sector = await this.#fatSector(index);
      for (let slot = perSector - 1; slot >= 0; slot -= 1) {
        if (sector.readUInt32LE(slot * 4) === FREE) continue;
        return Math.max(0, this.#bytes.sizeBytes - this.#offsetOf(index * perSector + slot + 1));
      }
    }
    return 0;
  }

  /** The sectors of a chain, those that follow each other in the file together. A chain that comes back to itself is cut at `maxSectors`. */
  async *#runs(start: number, maxSectors: number): AsyncGenerator<Run, void, undefined> {
    let sector = start;
    let left = maxSectors;
    while (left > 0 && sector !== END) {
      const first = sector;
      let count = 0;
      do {
        this.#requireSector(sector);
        count += 1;
        sector = await this.#next(sector);
      } while (count < left && sector === first + count && count * this.sectorBytes < RUN_BYTES);
      left -= count;
      yield { offset: this.#offsetOf(first), sizeBytes: count * this.sectorBytes };
    }
  }

  /** Numbers beyond the file would make chains of sectors that are not there. */
  #requireSector(sector: number): void {
    if (sector < MAX_SECTOR && this.#offsetOf(sector) < this.#bytes.sizeBytes) return;
    throw damaged("has a chain that leads out of the file");
  }

  async #next(sector: number): Promise<number> {
    const perSector = this.sectorBytes / 4;
    const table = await this.#fatSector(Math.floor(sector / perSector));
    return table.readUInt32LE((sector % perSector) * 4);
  }

  async #fatSector(index: number): Promise<Buffer> {
    const kept = this.#fat.get(index);
    if (kept !== undefined) return kept;
    const sector = this.#fatSectors[index];
    if (sector === undefined) throw damaged("has a chain that is longer than its table");
    const read = Buffer.from(await this.#read(this.#offsetOf(sector), this.sectorBytes));
    this.#fat.set(index, read);
    return read;
  }

  #offsetOf(sector: number): number {
    return (sector + 1) * this.sectorBytes;
  }

  async #read(offset: number, length: number): Promise<Buffer> {
    if (Math.abs(offset - this.#lastEnd) > NEAR_BYTES) this.#jumpsLeft -= 1;
    if (this.#jumpsLeft < 0) throw limit("is scattered over so many places that reading it takes too long");
    this.#lastEnd = offset + length;
    const found = await readExactly(this.#bytes, offset, length);
    if (found) return found;
    throw new UnreadableError("truncated", "The file ends within a part that it announces.", COMPOUND_FILE);
  }
}

interface Header {
  readonly sectorBytes: number;
  readonly isVersion4: boolean;
  readonly directoryStart: number;
  readonly miniFatStart: number;
  readonly miniCutoffBytes: number;
  readonly fatCount: number;
  readonly difatStart: number;
  /** The first numbers of the table's sectors. */
  readonly fatSectors: readonly number[];
}

/** [MS-CFB] 2.2: true when most of the fields that are the same in all files are so here. */
function isCompoundFile(start: Buffer): boolean {
  if (start.length < HEADER_BYTES) return false;
  const fixed = [
    [3, 4].includes(start.readUInt16LE(26)),
    start.readUInt16LE(28) === LITTLE_ENDIAN,
    [9, 12].includes(start.readUInt16LE(30)),
    start.readUInt16LE(32) === MINI_SECTOR_SHIFT,
    start.readUInt32LE(56) === MINI_CUTOFF_BYTES,
  ];
  return fixed.filter(Boolean).length >= 3;
}

/** [MS-CFB] 2.2. */
function readHeader(bytes: Buffer): Header {
  if (bytes.length < HEADER_BYTES) {
    throw new UnreadableError("truncated", "The file ends within its header.", COMPOUND_FILE);
  }
  const reader = new ByteReader(bytes, COMPOUND_FILE).skip(26);
  const version = reader.u16le();
  const sectorShift = reader.skip(2).u16le();
  // "If Major Version is 3, the Sector Shift MUST be 0x0009 … If Major Version is 4, 0x000C".
  if (!((version === 3 && sectorShift === 9) || (version === 4 && sectorShift === 12))) {
    throw damaged(`says version ${version} with sectors of 2^${sectorShift} bytes, which there is not`);
  }
  if (reader.seek(28).u16le() !== LITTLE_ENDIAN) throw damaged("says a byte order that there is not");
  if (reader.seek(32).u16le() !== MINI_SECTOR_SHIFT) throw damaged("has small sectors of a wrong size");
  const directorySectors = reader.seek(40).u32le();
  // "If Major Version is 3, the Number of Directory Sectors MUST be zero."
  if (version === 3 && directorySectors !== 0) throw damaged("counts what its version does not count");
  const fatCount = reader.u32le();
  const directoryStart = reader.u32le();
  const miniCutoffBytes = reader.skip(4).u32le();
  const miniFatStart = reader.u32le();
  const difatStart = reader.skip(4).u32le();
  reader.skip(4);
  if (miniCutoffBytes !== MINI_CUTOFF_BYTES) throw damaged("has a wrong limit for small streams");
  if (fatCount > MAX_FAT_SECTORS) throw limit(`claims a table of ${fatCount} sectors`);
  const listed = Math.min(fatCount, HEADER_FAT_SECTORS);
  const fatSectors = Array.from({ length: listed }, () => reader.u32le());
  return {
    sectorBytes: 2 ** sectorShift,
    isVersion4: version === 4,
    directoryStart,
    miniFatStart,
    miniCutoffBytes,
    fatCount,
    difatStart,
    fatSectors,
  };
}

/** [MS-CFB] 2.5: sectors of numbers, of which the last one is the next sector of them. */
async function readFatSectors(bytes: RandomAccess, header: Header): Promise<number[]> {
  const sectors = [...header.fatSectors];
  let next = header.difatStart;
  // The count bounds this: a list that comes back to itself ends there.
  while (sectors.length < header.fatCount) {
    const list = await readExactly(bytes, (next + 1) * header.sectorBytes, header.sectorBytes);
    if (!list) throw damaged("has a list of its tables that leads out of the file");
    const reader = new ByteReader(list, COMPOUND_FILE);
    while (reader.left > 4 && sectors.length < header.fatCount) sectors.push(reader.u32le());
    next = list.readUInt32LE(list.length - 4);
  }
  return sectors;
}

export function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The compound file ${problem}.`, COMPOUND_FILE);
}

export function limit(problem: string): UnreadableError {
  return new UnreadableError("limit", `The compound file ${problem}.`, COMPOUND_FILE);
}
