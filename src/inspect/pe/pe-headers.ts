import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly, readUpTo } from "../bytes.ts";
import { readWhole, UnreadableError } from "../unreadable.ts";

const COFF_BYTES = 20;
const SECTION_BYTES = 40;
/** "The Windows loader limits the number of sections to 96"; old ones took no more either. */
const MAX_SECTIONS = 96;
/** There are 16; a file may claim more, and Windows looks at no more. */
const MAX_DIRECTORIES = 16;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
/** Of PE32 and PE32+ with all 16 directories. */
const OPTIONAL_BYTES: ReadonlySet<number> = new Set([224, 240]);
const WHERE = "headers";

/** A piece of the file and where it stands in memory. */
export interface PeSection {
  readonly rva: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** An entry of the data directories: a place in memory, but for the certificate table, whose place is in the file. */
export interface DataDirectory {
  readonly rva: number;
  readonly sizeBytes: number;
}

/** What the headers of a Windows program say ("PE Format", COFF file header and optional header). */
export interface PeHeaders {
  readonly machine: number;
  readonly isDll: boolean;
  readonly isPe32Plus: boolean;
  readonly subsystem: number;
  /** The newest of the operating system and subsystem versions: what Windows has to be at least. */
  readonly minVersion: readonly [major: number, minor: number];
  readonly sections: readonly PeSection[];
  readonly directories: readonly DataDirectory[];
  /** Where the checksum stands, which signatures leave out. */
  readonly checksumOffset: number;
  /** Where the entry of the certificate table stands; null when the directories end before. */
  readonly certificateEntryOffset: number | null;
  readonly headersEnd: number;
}

/** The indexes of data directories. */
export const directory = { resources: 2, certificates: 4, clrHeader: 14 } as const;

/** Reads the headers of a Windows program. Throws `UnreadableError`. */
export async function readPeHeaders(bytes: RandomAccess): Promise<PeHeaders> {
  const coff = await readCoff(bytes);
  return await readWhole(await hasOptionalHeader(bytes, coff), () => readHeaders(bytes, coff));
}

interface CoffHeader {
  readonly machine: number;
  readonly sectionCount: number;
  readonly characteristics: number;
  readonly optionalOffset: number;
  readonly optionalBytes: number;
}

async function readCoff(bytes: RandomAccess): Promise<CoffHeader> {
  const start = new ByteReader(await read(bytes, 0x3c, 4), WHERE).u32le();
  const reader = new ByteReader(await read(bytes, start, 4 + COFF_BYTES), WHERE).skip(4);
  const machine = reader.u16le();
  const sectionCount = reader.u16le();
  const optionalBytes = reader.skip(12).u16le();
  const characteristics = reader.u16le();
  return { machine, sectionCount, characteristics, optionalOffset: start + 4 + COFF_BYTES, optionalBytes };
}

/** True when its size or its magic is that of one, as in every program that a linker wrote. */
async function hasOptionalHeader(bytes: RandomAccess, coff: CoffHeader): Promise<boolean> {
  if (OPTIONAL_BYTES.has(coff.optionalBytes)) return true;
  const magic = await readUpTo(bytes, coff.optionalOffset, 2);
  return magic.length === 2 && [PE32, PE32_PLUS].includes(magic.readUInt16LE(0));
}

async function readHeaders(bytes: RandomAccess, coff: CoffHeader): Promise<PeHeaders> {
  const { machine, sectionCount, characteristics, optionalOffset, optionalBytes } = coff;
  if (sectionCount > MAX_SECTIONS) {
    throw new UnreadableError(
      "damaged",
      `The program claims ${sectionCount} sections; Windows loads none with more than ${MAX_SECTIONS}.`,
      WHERE,
    );
  }
  const sectionsOffset = optionalOffset + optionalBytes;
  const optional = new ByteReader(await read(bytes, optionalOffset, optionalBytes), WHERE);
  const sections = new ByteReader(await read(bytes, sectionsOffset, sectionCount * SECTION_BYTES), WHERE);
  return {
    machine,
    isDll: (characteristics & 0x2000) !== 0,
    ...readOptionalHeader(optional, optionalOffset),
    sections: Array.from({ length: sectionCount }, () => readSection(sections)),
    headersEnd: sectionsOffset + sectionCount * SECTION_BYTES,
  };
}

/** Where a place in memory stands in the file. Throws `UnreadableError` when it is in none of the sections. */
export function offsetOf({ sections }: PeHeaders, rva: number, where: string): number {
  const section = sections.find((one) => rva >= one.rva && rva - one.rva < one.sizeBytes);
  if (section !== undefined) return section.offset + (rva - section.rva);
  throw new UnreadableError("damaged", `The program's ${where} stand outside of the file.`, where);
}

async function read(bytes: RandomAccess, offset: number, length: number): Promise<Buffer> {
  const found = await readExactly(bytes, offset, length);
  if (found) return found;
  throw new UnreadableError("truncated", "The file ends within the program's headers.", WHERE);
}

/** The fields that both forms have stand at the same places but for the sizes of the base addresses before them. */
function readOptionalHeader(reader: ByteReader, offset: number) {
  const magic = reader.left < 2 ? null : reader.u16le();
  if (magic !== PE32 && magic !== PE32_PLUS) {
    throw new UnreadableError(
      "damaged",
      "The program has no optional header, which programs must have.",
      WHERE,
    );
  }
  const isPe32Plus = magic === PE32_PLUS;
  const os = [reader.seek(40).u16le(), reader.u16le()] as const;
  const subsystemVersion = [reader.seek(48).u16le(), reader.u16le()] as const;
  const subsystem = reader.seek(68).u16le();
  const count = Math.min(reader.seek(isPe32Plus ? 108 : 92).u32le(), MAX_DIRECTORIES);
  const directoriesOffset = reader.offset;
  const directories = Array.from({ length: count }, () => ({
    rva: reader.u32le(),
    sizeBytes: reader.u32le(),
  }));
  return {
    isPe32Plus,
    subsystem,
    minVersion: isNewer(os, subsystemVersion) ? os : subsystemVersion,
    directories,
    checksumOffset: offset + 64,
    certificateEntryOffset:
      count > directory.certificates ? offset + directoriesOffset + 8 * directory.certificates : null,
  };
}

function isNewer(one: readonly [number, number], other: readonly [number, number]): boolean {
  return one[0] > other[0] || (one[0] === other[0] && one[1] > other[1]);
}

function readSection(reader: ByteReader): PeSection {
  reader.skip(8 + 4); // Name, VirtualSize
  const rva = reader.u32le();
  const sizeBytes = reader.u32le();
  const offset = reader.u32le();
  reader.skip(16);
  return { rva, offset, sizeBytes };
}
