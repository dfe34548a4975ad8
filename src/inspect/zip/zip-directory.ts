import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly, readUpTo } from "../bytes.ts";
import { ByteReader } from "../byte-reader.ts";
import { readWhole, UnreadableError } from "../unreadable.ts";

/** One entry as the central directory has it. */
export interface ZipEntry {
  /** As it is written; `\` stays. Bytes that are no UTF-8 are read as Latin-1. */
  readonly name: string;
  /** 0 stored, 8 deflated; others are not read. */
  readonly method: number;
  /** The general purpose bits; bit 0 means encrypted. */
  readonly flags: number;
  readonly crc32: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  /** Where its local header stands. */
  readonly localOffset: number;
  /** The Unix mode, 0 where none is kept. */
  readonly unixMode: number;
}

export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  /** Where the central directory begins. */
  readonly offset: number;
  /** Where the end record begins: the directory's end, or that of the Zip64 records. */
  readonly endOffset: number;
  readonly commentBytes: number;
}

/** APNOTE 4.3.16: the end record is 22 bytes and a comment of up to 65,535. */
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const END_SIGNATURE = 0x06054b50;
/** The fixed part of an entry's own header. */
const LOCAL_BYTES = 30;
/** "Version needed to extract": 6.3 is the newest that there is; the upper byte says nothing there. */
const MAX_VERSION = 63;
const ENTRY_SIGNATURE = 0x02014b50;
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
const ZIP64_END_SIGNATURE = 0x06064b50;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_END_BYTES = 56;
/** Real apps have some ten thousand. Each costs a few hundred bytes of memory here; ten million can be claimed in one number. */
const MAX_ENTRIES = 200_000;
/** The whole directory is held in memory. */
const MAX_DIRECTORY_BYTES = 48 * 1024 * 1024;

/**
 * Reads a zip archive's central directory (APPNOTE 4.3.12 to 4.3.16, Zip64 included). Throws `UnreadableError`: `truncated` without
 * an end record, `limit` beyond what is read, `broken` where it contradicts itself, `damaged` for what never was an archive. Raises what reading the bytes raises.
 */
export async function readZipDirectory(bytes: RandomAccess): Promise<ZipDirectory> {
  const record = await findEnd(bytes);
  return await readWhole(true, async () => readDirectory(bytes, await readEnd(bytes, record)));
}

async function readDirectory(bytes: RandomAccess, end: End): Promise<ZipDirectory> {
  const { entryCount, directoryBytes, offset } = end;
  if (offset + directoryBytes > end.endOffset) throw damaged("reaches into the end record");
  if (entryCount > MAX_ENTRIES || directoryBytes > MAX_DIRECTORY_BYTES) {
    throw new UnreadableError(
      "limit",
      `The archive claims ${entryCount} entries in a directory of ${directoryBytes} bytes; ${MAX_ENTRIES} and ${MAX_DIRECTORY_BYTES} are read.`,
      WHERE,
    );
  }
  const directory = await readExactly(bytes, offset, directoryBytes);
  if (!directory) throw damaged("reaches beyond the end of the file");
  const reader = new ByteReader(directory, WHERE);
  const entries: ZipEntry[] = [];
  for (let index = 0; index < entryCount; index += 1) entries.push(readEntry(reader));
  // Readers that count and readers that go on would see two archives.
  if (reader.left >= 4 && reader.u32le() === ENTRY_SIGNATURE) {
    throw damaged("has more entries than the end record says");
  }
  return { entries, offset, endOffset: end.endOffset, commentBytes: end.commentBytes };
}

const WHERE = "central directory";

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The zip archive's central directory ${problem}.`, WHERE);
}

interface End {
  readonly entryCount: number;
  readonly directoryBytes: number;
  readonly offset: number;
  readonly endOffset: number;
  readonly commentBytes: number;
}

/** The end record, and where it begins. */
interface EndRecord {
  readonly record: Buffer;
  readonly start: number;
}

/** The end record is the last one whose comment reaches just to the end of the file. */
async function findEnd(bytes: RandomAccess): Promise<EndRecord> {
  // Most archives have no comment: one small read does.
  for (const length of [END_BYTES, END_BYTES + MAX_COMMENT_BYTES]) {
    const start = Math.max(0, bytes.sizeBytes - length);
    const tail = await readUpTo(bytes, start, length);
    for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
      if (tail.readUInt32LE(at) !== END_SIGNATURE) continue;
      const commentBytes = tail.readUInt16LE(at + 20);
      if (at + END_BYTES + commentBytes !== tail.length) continue;
      return { record: tail.subarray(at), start: start + at };
    }
  }
  throw await whyNoEnd(bytes);
}

/** What begins with an entry was an archive and is cut off; four bytes alone make none. */
async function whyNoEnd(bytes: RandomAccess): Promise<UnreadableError> {
  return (await beginsWithEntry(bytes))
    ? new UnreadableError("truncated", "The zip archive ends before its central directory.")
    : new UnreadableError(
        "damaged",
        "The file begins as a zip archive does, but is none: it has no entry and no end record.",
      );
}

/** True when a file begins with the header of an entry, not just with its four bytes. Raises what reading the bytes raises. */
async function beginsWithEntry(bytes: RandomAccess): Promise<boolean> {
  const header = await readUpTo(bytes, 0, LOCAL_BYTES);
  return (
    header.length === LOCAL_BYTES &&
    header.readUInt16LE(4) <= MAX_VERSION &&
    // Packers for Android pad with entries that have no name and an extra field.
    header.readUInt16LE(26) + header.readUInt16LE(28) > 0 &&
    [0, 8].includes(header.readUInt16LE(8))
  );
}

async function readEnd(bytes: RandomAccess, { record, start: endOffset }: EndRecord): Promise<End> {
  const commentBytes = record.readUInt16LE(20);
  const entryCount = record.readUInt16LE(10);
  const directoryBytes = record.readUInt32LE(12);
  const offset = record.readUInt32LE(16);
  const plain = { entryCount, directoryBytes, offset, endOffset, commentBytes };
  // APPNOTE 4.4.1.4: a field that is too small for its value holds its largest number, and the Zip64 record the value.
  const isZip64 = entryCount === 0xffff || directoryBytes === 0xffffffff || offset === 0xffffffff;
  if (!isZip64) return plain;
  const locator = await readExactly(bytes, Math.max(0, endOffset - ZIP64_LOCATOR_BYTES), ZIP64_LOCATOR_BYTES);
  if (locator?.readUInt32LE(0) !== ZIP64_LOCATOR_SIGNATURE) return plain;
  const zip64Offset = new ByteReader(locator, WHERE).seek(8).u64le();
  const zip64 = await readExactly(bytes, zip64Offset, ZIP64_END_BYTES);
  if (zip64?.readUInt32LE(0) !== ZIP64_END_SIGNATURE) throw damaged("has no Zip64 record where it says");
  const reader = new ByteReader(zip64, WHERE).seek(32);
  const large = { entryCount: reader.u64le(), directoryBytes: reader.u64le(), offset: reader.u64le() };
  return { ...large, endOffset: zip64Offset, commentBytes };
}

function readEntry(reader: ByteReader): ZipEntry {
  if (reader.u32le() !== ENTRY_SIGNATURE) throw damaged("has something else in place of an entry");
  const madeBy = reader.u16le();
  const flags = reader.skip(2).u16le();
  const method = reader.u16le();
  const crc32 = reader.skip(4).u32le();
  const packedBytes = reader.u32le();
  const sizeBytes = reader.u32le();
  const nameBytes = reader.u16le();
  const extraBytes = reader.u16le();
  const commentBytes = reader.u16le();
  const attributes = reader.skip(4).u32le();
  const localOffset = reader.u32le();
  const name = textOf(reader.bytes(nameBytes));
  const extra = reader.bytes(extraBytes);
  reader.skip(commentBytes);
  // The upper byte of "version made by" is the system; 3 is Unix and 19 macOS, which keep the mode in the upper half.
  const isUnix = madeBy >> 8 === 3 || madeBy >> 8 === 19;
  const unixMode = isUnix ? attributes >>> 16 : 0;
  const entry = { name, method, flags, crc32, packedBytes, sizeBytes, localOffset, unixMode };
  return withZip64(entry, extra);
}

/** APPNOTE 4.5.3: the values that do not fit stand in the extra field 0x0001, in this order, each only where it is needed. */
function withZip64(entry: ZipEntry, extra: Buffer): ZipEntry {
  const names = (["sizeBytes", "packedBytes", "localOffset"] as const).filter(
    (name) => entry[name] === 0xffffffff,
  );
  if (names.length === 0) return entry;
  const reader = new ByteReader(extra, WHERE);
  while (reader.left >= 4) {
    const id = reader.u16le();
    const field = reader.part(reader.u16le());
    if (id !== 1) continue;
    return { ...entry, ...Object.fromEntries(names.map((name) => [name, field.u64le()])) };
  }
  return entry;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
