import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { chunkTypes, readChunk } from "./chunks.ts";
import type { Resources, ResourceValue } from "../android/resources.ts";
import { StringPool } from "./string-pool.ts";
import { readTypedValue, typedValue } from "./typed-value.ts";

/** One for each type and kind of device: large apps have a few thousand. All of them are gone through for each resource. */
const MAX_TYPES = 20_000;

const WHERE = "resources.arsc";
/** `ResTable_type.flags` */
const SPARSE = 1;
const SHORT_OFFSETS = 2;
/** `ResTable_entry.flags` */
const COMPLEX = 1;
const COMPACT = 8;
const NO_ENTRY = 0xffffffff;
const NO_SHORT_ENTRY = 0xffff;

/** The values of one type (layouts, strings, …) of one package for one kind of device. */
interface TypeChunk {
  readonly packageId: number;
  readonly typeId: number;
  readonly flags: number;
  readonly entryCount: number;
  readonly headerBytes: number;
  readonly entriesStart: number;
  readonly density: number;
  readonly isDefault: boolean;
  readonly reader: ByteReader;
}

/**
 * Reads a compiled resource table (`ResTable_header`). Its values are looked for only when asked for. Throws `UnreadableError`:
 * `damaged` where it is none, `limit` beyond what is read.
 */
export function readResourceTable(file: Uint8Array): Resources {
  const table = readChunk(new ByteReader(file, WHERE), WHERE);
  if (table.type !== chunkTypes.table) throw damaged("is no resource table");
  const reader = table.reader.seek(table.headerBytes);
  let strings: StringPool | undefined;
  const types: TypeChunk[] = [];
  while (reader.left > 0) {
    const chunk = readChunk(reader, WHERE);
    if (chunk.type === chunkTypes.stringPool)
      strings ??= new StringPool(chunk.reader, chunk.headerBytes, WHERE);
    if (chunk.type === chunkTypes.tablePackage) readPackage(chunk.reader, chunk.headerBytes, types);
  }
  const pool = strings;
  if (!pool) throw damaged("has no strings");
  const byType = Map.groupBy(types, ({ packageId, typeId }) => packageId * 0x100 + typeId);
  return {
    lookup: (id) =>
      (byType.get(id >>> 16) ?? []).flatMap((type) => {
        const value = valueOf(type, id & 0xffff, pool);
        return value ? [value] : [];
      }),
  };
}

function readPackage(reader: ByteReader, headerBytes: number, types: TypeChunk[]): void {
  const packageId = reader.u32le() & 0xff;
  reader.seek(headerBytes);
  while (reader.left > 0) {
    const chunk = readChunk(reader, WHERE);
    if (chunk.type !== chunkTypes.tableType) continue;
    if (types.length === MAX_TYPES) {
      throw new UnreadableError(
        "limit",
        `The ${WHERE} has more than the ${MAX_TYPES} types that are read.`,
        WHERE,
      );
    }
    types.push({ packageId, headerBytes: chunk.headerBytes, ...readType(chunk.reader) });
  }
}

function readType(reader: ByteReader): Omit<TypeChunk, "packageId" | "headerBytes"> {
  const typeId = reader.u8();
  const flags = reader.u8();
  const entryCount = reader.skip(2).u32le();
  const entriesStart = reader.u32le();
  const config = reader.part(reader.u32le() - 4);
  return { typeId, flags, entryCount, entriesStart, ...readConfig(config), reader };
}

/** `ResTable_config` behind its size: country and operator, language, kind of screen and its density at byte 10, and more. */
function readConfig(config: ByteReader): { density: number; isDefault: boolean } {
  const isDefault = config.rest().every((byte) => byte === 0);
  const density = config.sizeBytes >= 12 ? config.seek(10).u16le() : 0;
  return { density, isDefault };
}

function valueOf(type: TypeChunk, entry: number, strings: StringPool): ResourceValue | undefined {
  const offset = entryOffset(type, entry);
  if (offset === undefined) return undefined;
  const reader = type.reader.seek(type.entriesStart + offset);
  const size = reader.u16le();
  const flags = reader.u16le();
  const { density, isDefault } = type;
  if ((flags & COMPACT) !== 0) {
    return { density, isDefault, value: typedValue(flags >>> 8, reader.u32le(), strings) };
  }
  // Bags (styles, arrays, plurals) are nothing that a manifest's texts and icons come from.
  if ((flags & COMPLEX) !== 0) return undefined;
  return { density, isDefault, value: readTypedValue(reader.skip(size - 4), strings) };
}

function entryOffset(type: TypeChunk, entry: number): number | undefined {
  if ((type.flags & SPARSE) !== 0) return sparseOffset(type, entry);
  if (entry >= type.entryCount) return undefined;
  if ((type.flags & SHORT_OFFSETS) !== 0) {
    const offset = type.reader.seek(type.headerBytes + entry * 2).u16le();
    return offset === NO_SHORT_ENTRY ? undefined : offset * 4;
  }
  const offset = type.reader.seek(type.headerBytes + entry * 4).u32le();
  return offset === NO_ENTRY ? undefined : offset;
}

/** Pairs of an entry's number and a quarter of its offset, ordered by number. */
function sparseOffset({ reader, headerBytes, entryCount }: TypeChunk, entry: number): number | undefined {
  let low = 0;
  let high = entryCount;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = reader.seek(headerBytes + middle * 4).u16le();
    if (found === entry) return reader.u16le() * 4;
    if (found < entry) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The ${WHERE} ${problem}.`, WHERE);
}
