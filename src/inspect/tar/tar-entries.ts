import type { ChunkReader } from "../unpack/chunk-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { paxRecords } from "./pax-records.ts";
import { BLOCK_BYTES, parseTarHeader, type TarHeader, textOf } from "./tar-header.ts";

/** Long names and pax records are held in memory; a header may claim gigabytes of them. */
const MAX_NAME_BYTES = 64 * 1024;
const MAX_PAX_BYTES = 1024 * 1024;
/** Headers for one entry may follow each other without end. */
const MAX_PRELIMINARIES = 8;
/** A map of holes has 21 of them in a block. */
const MAX_SPARSE_BLOCKS = 100_000;

export type TarKind = "file" | "hard_link" | "symbolic_link" | "device" | "directory" | "fifo" | "other";

export interface TarEntry {
  readonly name: string;
  readonly kind: TarKind;
  /** What a link points at; empty for others. */
  readonly linkName: string;
  readonly mode: number;
  /** What stands in the archive; of a sparse file that is less than it has. */
  readonly sizeBytes: number;
  readonly isSparse: boolean;
  /** The content, in chunks that are good only until the next one. May be left or skipped; not after the next entry was asked for. */
  content(): AsyncGenerator<Buffer, void, undefined>;
}

const kinds: Readonly<Record<string, TarKind>> = {
  "0": "file",
  "1": "hard_link",
  "2": "symbolic_link",
  "3": "device",
  "4": "device",
  "5": "directory",
  "6": "fifo",
  // "Contiguous" files, and GNU's sparse ones.
  "7": "file",
  S: "file",
};

/**
 * The entries of a tar archive one after the other (ustar, GNU long names, pax); returns whether the archive has its end, an empty block. Throws
 * `UnreadableError`: `truncated` within an entry, `damaged` (`CorruptDataError` for a header's checksum), `limit`.
 */
export async function* tarEntries(reader: ChunkReader): AsyncGenerator<TarEntry, boolean, undefined> {
  let global: ReadonlyMap<string, string> = new Map();
  for (;;) {
    const own = new Map<string, string>();
    let header: TarHeader;
    for (let preliminaries = 0; ; preliminaries += 1) {
      const next = await readHeader(reader, preliminaries > 0);
      if (typeof next === "boolean") return next;
      header = next;
      if (!["L", "K", "x", "g"].includes(header.type)) break;
      if (preliminaries === MAX_PRELIMINARIES) throw tooMuch("headers for one entry");
      if (header.type === "g") global = new Map([...global, ...(await readPax(reader, header))]);
      else if (header.type === "x")
        for (const [key, value] of await readPax(reader, header)) own.set(key, value);
      else own.set(header.type === "L" ? "path" : "linkpath", textOf(await readWhole(reader, header)));
    }
    if (header.hasMoreSparse) await skipSparseMap(reader);
    const entry = entryOf(header, (key) => own.get(key) ?? global.get(key));
    const stop = reader.offset + entry.sizeBytes;
    yield { ...entry, content: () => contentOf(reader, stop) };
    await skip(reader, stop + paddingOf(entry.sizeBytes) - reader.offset);
  }
}

/** True at the end of the archive, false where the data end without one. */
async function readHeader(reader: ChunkReader, isAwaited: boolean): Promise<TarHeader | boolean> {
  const block = await reader.read(BLOCK_BYTES);
  if (block.length === 0 && !isAwaited) return false;
  if (block.length < BLOCK_BYTES) throw cutOff();
  const header = parseTarHeader(block);
  if (header === null && isAwaited) {
    throw new UnreadableError("damaged", "The tar archive has a long name for no entry.");
  }
  return header ?? true;
}

function entryOf(header: TarHeader, pax: (key: string) => string | undefined): Omit<TarEntry, "content"> {
  const kind = kinds[header.type] ?? "other";
  const size = pax("size");
  if (size !== undefined && !/^\d{1,15}$/.test(size)) {
    throw new UnreadableError("damaged", "A pax header has a size that is no number.");
  }
  const name = pax("GNU.sparse.name") ?? pax("path") ?? header.name;
  return {
    name,
    // Before there was a type for it, a folder was a file whose name ends in a slash.
    kind: kind === "file" && name.endsWith("/") ? "directory" : kind,
    linkName: pax("linkpath") ?? header.linkName,
    mode: header.mode,
    // Some write the size of what it links to; GNU tar's "links 0 size on tape".
    sizeBytes: kind === "hard_link" ? 0 : Number(size ?? header.sizeBytes),
    isSparse:
      header.type === "S" || pax("GNU.sparse.major") !== undefined || pax("GNU.sparse.size") !== undefined,
  };
}

async function readPax(reader: ChunkReader, header: TarHeader): Promise<Map<string, string>> {
  return paxRecords(await readWhole(reader, header, MAX_PAX_BYTES));
}

async function readWhole(
  reader: ChunkReader,
  { sizeBytes }: TarHeader,
  limitBytes = MAX_NAME_BYTES,
): Promise<Buffer> {
  if (sizeBytes > limitBytes) throw tooMuch(`${sizeBytes} bytes of names`);
  const content = await reader.read(sizeBytes + paddingOf(sizeBytes));
  if (content.length < sizeBytes + paddingOf(sizeBytes)) throw cutOff();
  return content.subarray(0, sizeBytes);
}

/** GNU tar, "struct sparse_header": 21 pieces, then a byte that tells whether another block follows. */
async function skipSparseMap(reader: ChunkReader): Promise<void> {
  for (let count = 0; count < MAX_SPARSE_BLOCKS; count += 1) {
    const block = await reader.read(BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw cutOff();
    if (block[504] === 0) return;
  }
  throw tooMuch("pieces of one sparse file");
}

async function* contentOf(reader: ChunkReader, stop: number): AsyncGenerator<Buffer, void, undefined> {
  while (reader.offset < stop) {
    const chunk = await reader.some(stop - reader.offset);
    if (chunk === null) throw cutOff();
    yield chunk;
  }
}

async function skip(reader: ChunkReader, sizeBytes: number): Promise<void> {
  if ((await reader.skip(sizeBytes)) > 0) throw cutOff();
}

/** How far it is to the next whole block. */
function paddingOf(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

function cutOff(): UnreadableError {
  return new UnreadableError("truncated", "The tar archive ends within an entry.");
}

function tooMuch(what: string): UnreadableError {
  return new UnreadableError("limit", `The tar archive asks for too much: ${what}.`);
}
