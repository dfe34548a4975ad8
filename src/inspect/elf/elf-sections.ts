import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly, readUpTo } from "../bytes.ts";
import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ElfStart } from "./elf-header.ts";

/** Programs have some dozens; the field holds 65,535, each an object here. */
const MAX_SECTIONS = 4096;
const MAX_NAMES_BYTES = 256 * 1024;
const HEADER_BYTES = 64;
/** SHT_NOBITS: it has a size in memory and none in the file. */
const NO_BITS = 8;

export interface ElfSection {
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface ElfSections {
  readonly byName: ReadonlyMap<string, ElfSection>;
  /** The first byte after the program; what is appended to it begins there. */
  readonly endOffset: number;
}

interface Table {
  readonly offset: number;
  readonly entryBytes: number;
  readonly count: number;
  readonly namesIndex: number;
}

/**
 * The sections of a little-endian ELF file, by name (System V gABI, "Sections"). A program without them ends with its header. Throws
 * `UnreadableError`.
 */
export async function readElfSections(bytes: RandomAccess, { bits }: ElfStart): Promise<ElfSections> {
  const header = await readUpTo(bytes, 0, HEADER_BYTES);
  const table = readTable(new ByteReader(header, "ELF header"), bits);
  if (table.count === 0 || table.offset === 0) {
    return { byName: new Map(), endOffset: bits === 64 ? HEADER_BYTES : 52 };
  }
  if (table.count > MAX_SECTIONS || table.entryBytes !== (bits === 64 ? 64 : 40)) {
    throw new UnreadableError("damaged", "The ELF program's table of sections is none.", WHERE);
  }
  const content = await readExactly(bytes, table.offset, table.count * table.entryBytes);
  if (!content) throw new UnreadableError("truncated", "The file ends before the program's sections.", WHERE);
  const sections = readEntries(content, table, bits);
  const names = sections[table.namesIndex];
  const text = names
    ? await readUpTo(bytes, names.offset, Math.min(names.sizeBytes, MAX_NAMES_BYTES))
    : Buffer.alloc(0);
  const stops = sections
    .filter(({ type }) => type !== NO_BITS)
    .map(({ offset, sizeBytes }) => offset + sizeBytes);
  return {
    byName: new Map(
      sections.map(({ name, offset, sizeBytes }) => [nameAt(text, name), { offset, sizeBytes }]),
    ),
    endOffset: Math.max(table.offset + content.length, ...stops),
  };
}

const WHERE = "ELF sections";

function readTable(reader: ByteReader, bits: 32 | 64): Table {
  const offset = bits === 64 ? reader.seek(0x28).u64le() : reader.seek(0x20).u32le();
  reader.seek(bits === 64 ? 0x3a : 0x2e);
  return { offset, entryBytes: reader.u16le(), count: reader.u16le(), namesIndex: reader.u16le() };
}

function readEntries(content: Buffer, { entryBytes, count }: Table, bits: 32 | 64) {
  const reader = new ByteReader(content, WHERE);
  return Array.from({ length: count }, () => {
    const entry = reader.part(entryBytes);
    const name = entry.u32le();
    const type = entry.u32le();
    const word = () => (bits === 64 ? entry.u64le() : entry.u32le());
    // Flags and the place in memory, which may be any number.
    entry.skip(bits === 64 ? 16 : 8);
    return { name, type, offset: word(), sizeBytes: word() };
  });
}

function nameAt(names: Buffer, offset: number): string {
  const end = names.indexOf(0, offset);
  return end === -1 || end - offset > 200 ? "" : names.toString("latin1", offset, end);
}
