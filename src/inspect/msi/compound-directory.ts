import { ByteReader } from "../byte-reader.ts";
import { COMPOUND_FILE, type CompoundFile, damaged, limit } from "./compound-file.ts";

const ENTRY_BYTES = 128;
/** Real installers have some hundreds. */
const MAX_ENTRIES = 20_000;
const MAX_MINI_STREAM_BYTES = 64 * 1024 * 1024;
const MINI_SECTOR_BYTES = 64;
const NO_ENTRY = 0xffffffff;
const END = 0xfffffffe;
const STORAGE = 1;
const STREAM = 2;
const ROOT = 5;

/** A storage or a stream ([MS-CFB] 2.6.1). */
export interface CompoundEntry {
  readonly isStream: boolean;
  /** UTF-16 as it is written, without the final zero. */
  readonly nameBytes: Buffer;
  readonly sizeBytes: number;
  readonly start: number;
  /** These four are signed as they stand. */
  readonly classId: Buffer;
  readonly stateBits: Buffer;
  readonly created: Buffer;
  readonly modified: Buffer;
  /** What is in a storage, in the order in which signatures take them. */
  readonly children: readonly CompoundEntry[];
}

/** The streams of a compound file. */
export class CompoundDirectory {
  readonly root: CompoundEntry;
  readonly #file: CompoundFile;
  #mini: Promise<MiniStream> | undefined;

  private constructor(file: CompoundFile, root: CompoundEntry) {
    this.#file = file;
    this.root = root;
  }

  /** Reads the directory. Throws `UnreadableError`. */
  static async open(file: CompoundFile): Promise<CompoundDirectory> {
    const table = await file.readChain(file.directoryStart, MAX_ENTRIES * ENTRY_BYTES);
    return new CompoundDirectory(file, readTree(table, file.isVersion4));
  }

  /** The stream of this name in the root; undefined when there is none. */
  find(name: string): CompoundEntry | undefined {
    const wanted = Buffer.from(name, "utf16le");
    return this.root.children.find(({ isStream, nameBytes }) => isStream && nameBytes.equals(wanted));
  }

  /** The content of a stream as it streams by. Throws `UnreadableError`. */
  async *chunks(entry: CompoundEntry): AsyncGenerator<Buffer, void, undefined> {
    if (entry.sizeBytes >= this.#file.miniCutoffBytes) {
      yield* this.#file.chunks(entry.start, entry.sizeBytes);
      return;
    }
    this.#mini ??= readMiniStream(this.#file, this.root);
    if (entry.sizeBytes > 0) yield readMini(await this.#mini, entry);
  }

  /** The whole content of a stream. Throws `UnreadableError`: `limit` when it is longer than `limitBytes`. */
  async read(entry: CompoundEntry, limitBytes: number): Promise<Buffer> {
    if (entry.sizeBytes > limitBytes) {
      throw limit(`has a stream of ${entry.sizeBytes} bytes where ${limitBytes} are read`);
    }
    return Buffer.concat(await Array.fromAsync(this.chunks(entry), (chunk) => Buffer.from(chunk)));
  }
}

interface MiniStream {
  readonly content: Buffer;
  readonly table: Buffer;
}

/** [MS-CFB] 2.4: the root's stream is cut into small sectors, which a table of their own puts in chains. */
async function readMiniStream(file: CompoundFile, root: CompoundEntry): Promise<MiniStream> {
  return {
    content: await file.readChain(root.start, MAX_MINI_STREAM_BYTES),
    table: await file.readChain(file.miniFatStart, (MAX_MINI_STREAM_BYTES / MINI_SECTOR_BYTES) * 4),
  };
}

function readMini({ content, table }: MiniStream, { start, sizeBytes }: CompoundEntry): Buffer {
  const parts: Buffer[] = [];
  let sector = start;
  for (let left = sizeBytes; left > 0; left -= MINI_SECTOR_BYTES) {
    const offset = sector * MINI_SECTOR_BYTES;
    if (sector === END || offset + Math.min(left, MINI_SECTOR_BYTES) > content.length) {
      throw damaged("has a small stream that ends before its size");
    }
    parts.push(content.subarray(offset, offset + Math.min(left, MINI_SECTOR_BYTES)));
    if (sector * 4 + 4 > table.length) throw damaged("has a small stream that leads out of its table");
    sector = table.readUInt32LE(sector * 4);
  }
  return Buffer.concat(parts);
}

interface RawEntry extends Omit<CompoundEntry, "children" | "isStream"> {
  readonly type: number;
  readonly left: number;
  readonly right: number;
  readonly child: number;
}

/** The entries are nodes of trees by number. Each is taken once: one that comes again would lead round in circles. */
function readTree(table: Buffer, isVersion4: boolean): CompoundEntry {
  const seen = new Set<number>();
  const take = (index: number): RawEntry => {
    if (seen.has(index) || index * ENTRY_BYTES >= table.length)
      throw damaged("has a directory that is no tree");
    seen.add(index);
    return readEntry(new ByteReader(table, COMPOUND_FILE).seek(index * ENTRY_BYTES), isVersion4);
  };
  const root = take(0);
  if (root.type !== ROOT) throw damaged("has no root");
  const top: CompoundEntry = { ...root, isStream: false, children: [] };
  const waiting = [{ into: top.children as CompoundEntry[], index: root.child }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { into, index } = next;
    if (index === NO_ENTRY) continue;
    const { type, left, right, child, ...raw } = take(index);
    if (type !== STORAGE && type !== STREAM) throw damaged("has an entry that is neither storage nor stream");
    const entry = { ...raw, isStream: type === STREAM, children: [] };
    into.push(entry);
    waiting.push({ into, index: left }, { into, index: right });
    if (type === STORAGE) waiting.push({ into: entry.children, index: child });
  }
  sortChildren(top);
  return top;
}

/** Signatures take them by the bytes of their names. */
function sortChildren(root: CompoundEntry): void {
  const waiting = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    (next.children as CompoundEntry[]).sort((a, b) => Buffer.compare(a.nameBytes, b.nameBytes));
    waiting.push(...next.children);
  }
}

function readEntry(reader: ByteReader, isVersion4: boolean): RawEntry {
  const name = reader.bytes(64);
  const nameLength = reader.u16le();
  const type = reader.u8();
  const [left, right, child] = [reader.skip(1).u32le(), reader.u32le(), reader.u32le()];
  const classId = reader.bytes(16);
  const stateBits = reader.bytes(4);
  const [created, modified] = [reader.bytes(8), reader.bytes(8)];
  const start = reader.u32le();
  // [MS-CFB] 2.6.1: in version 3 the upper half of the size may be anything.
  const sizeBytes = isVersion4 ? reader.u64le() : reader.u32le();
  const nameBytes = name.subarray(0, Math.max(0, Math.min(nameLength, 64) - 2));
  return { type, left, right, child, nameBytes, sizeBytes, start, classId, stateBits, created, modified };
}
