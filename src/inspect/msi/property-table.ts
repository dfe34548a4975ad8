import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { CompoundDirectory } from "./compound-directory.ts";
import { tableStreamName } from "./stream-names.ts";
import { decodeText } from "./text-encoding.ts";

/** Large installers have some ten thousand strings, of one or two MiB. */
const MAX_POOL_BYTES = 2 * 1024 * 1024;
const MAX_DATA_BYTES = 32 * 1024 * 1024;
const MAX_TABLE_BYTES = 256 * 1024;
const MAX_VALUE_BYTES = 4_000;
const WHERE = "database";

/** The properties of an installer: ProductName, ProductVersion and others. Throws `UnreadableError`. */
export async function readProperties(directory: CompoundDirectory): Promise<ReadonlyMap<string, string>> {
  const strings = readStrings(
    await read(directory, "_StringPool", MAX_POOL_BYTES),
    await read(directory, "_StringData", MAX_DATA_BYTES),
  );
  const table = await read(directory, "Property", MAX_TABLE_BYTES);
  // Tables are kept column by column. This one has two of strings, each a number of the pool.
  const rows = Math.floor(table.length / (2 * strings.referenceBytes));
  const column = (index: number) => table.subarray(index * rows * strings.referenceBytes);
  const reference = (bytes: Buffer, row: number) =>
    strings.text(bytes.readUIntLE(row * strings.referenceBytes, strings.referenceBytes));
  return new Map(
    Array.from({ length: rows }, (_, row) => [reference(column(0), row), reference(column(1), row)] as const),
  );
}

async function read(directory: CompoundDirectory, table: string, limitBytes: number): Promise<Buffer> {
  const entry = directory.find(tableStreamName(table));
  if (entry) return directory.read(entry, limitBytes);
  throw new UnreadableError("damaged", `The installer has no ${table}.`, WHERE);
}

interface Strings {
  /** How long the number of a string is in a table. */
  readonly referenceBytes: number;
  text(id: number): string;
}

/**
 * The pool begins with the code page, whose bit 31 makes references three bytes long. Then each string has length and use count, 16 bits
 * each; one of 64 KiB and more has the length 0 and its own in the 32 bits that follow. Number 1 is the first.
 */
function readStrings(pool: Buffer, data: Buffer): Strings {
  const reader = new ByteReader(pool, WHERE);
  const codePage = reader.u32le();
  const places: Array<readonly [offset: number, length: number]> = [[0, 0]];
  let offset = 0;
  while (reader.left >= 4) {
    const short = reader.u16le();
    const uses = reader.u16le();
    const length = short === 0 && uses !== 0 ? reader.u32le() : short;
    places.push([offset, length]);
    offset += length;
  }
  if (offset > data.length)
    throw new UnreadableError("damaged", "The installer's strings are cut off.", WHERE);
  return {
    referenceBytes: codePage >= 0x80000000 ? 3 : 2,
    text: (id) => {
      const [at, length] = places[id] ?? [0, 0];
      return decodeText(data.subarray(at, at + Math.min(length, MAX_VALUE_BYTES)), codePage & 0x7fffffff);
    },
  };
}
