import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly, readUpTo } from "../bytes.ts";
import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

/** rpm itself takes at most 65,535 tags; the index of so many is one megabyte, which is held in memory. */
const MAX_TAGS = 0xffff;
/** The largest header that is taken for one. Values are read from it one by one. */
const MAX_HEADER_BYTES = 32 * 1024 * 1024;
/** The longest text, and the longest list of texts, that is read of one tag. */
const MAX_TEXT_BYTES = 4 * 1024;
const MAX_LIST_BYTES = 256 * 1024;

const INTRO_BYTES = 16;
const ENTRY_BYTES = 16;

/** The types of values that are read. */
const types = { int32: 4, int64: 5, string: 6, binary: 7, stringArray: 8, i18nString: 9 } as const;

interface Entry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

/**
 * One header of an rpm package: 8e ad e8 01, four reserved bytes, the number of index entries, the size of the store; the entries (tag, type,
 * offset, count); the store. All numbers are big-endian. Values are read when they are asked for; one that is not there, is of another
 * type or reaches out of the store is undefined.
 */
export class RpmHeader {
  /** Where it begins, and the first byte after it. */
  readonly start: number;
  readonly stop: number;
  readonly #bytes: RandomAccess;
  readonly #storeOffset: number;
  readonly #entries: ReadonlyMap<number, Entry>;

  private constructor(
    bytes: RandomAccess,
    places: { start: number; storeOffset: number; stop: number },
    entries: ReadonlyMap<number, Entry>,
  ) {
    this.#bytes = bytes;
    this.start = places.start;
    this.stop = places.stop;
    this.#storeOffset = places.storeOffset;
    this.#entries = entries;
  }

  /** Reads a header's index. Throws `UnreadableError`: `damaged` when it is not there, `truncated`, `limit`. */
  static async read(bytes: RandomAccess, start: number, where: string): Promise<RpmHeader> {
    const intro = await readExactly(bytes, start, INTRO_BYTES);
    if (!intro) throw new UnreadableError("truncated", `The package ends before its ${where}.`, where);
    if (intro.readUInt32BE(0) !== 0x8eade801) {
      throw new UnreadableError("damaged", `The package has no ${where} where it should be.`, where);
    }
    const tags = intro.readUInt32BE(8);
    const storeBytes = intro.readUInt32BE(12);
    if (tags > MAX_TAGS || storeBytes > MAX_HEADER_BYTES) {
      const message = `The package's ${where} has over ${MAX_TAGS} tags or ${MAX_HEADER_BYTES} bytes.`;
      throw new UnreadableError("limit", message, where);
    }
    const storeOffset = start + INTRO_BYTES + tags * ENTRY_BYTES;
    const stop = storeOffset + storeBytes;
    const index = await readExactly(bytes, start + INTRO_BYTES, tags * ENTRY_BYTES);
    if (!index || stop > bytes.sizeBytes) {
      throw new UnreadableError("truncated", `The package ends within its ${where}.`, where);
    }
    return new RpmHeader(bytes, { start, storeOffset, stop }, readIndex(index, where));
  }

  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  /** A text; of one in several languages the first. */
  async text(tag: number): Promise<string | undefined> {
    const entry = this.#entries.get(tag);
    if (!entry || ![types.string, types.stringArray, types.i18nString].includes(entry.type as 6))
      return undefined;
    const stored = await this.#stored(entry, MAX_TEXT_BYTES);
    const end = stored.indexOf(0);
    if (end === -1) return stored.length === MAX_TEXT_BYTES ? stored.toString("utf8") : undefined;
    return stored.toString("utf8", 0, end);
  }

  /** The texts of a list, as many as are read. */
  async texts(tag: number): Promise<string[]> {
    const entry = this.#entries.get(tag);
    if (entry?.type !== types.stringArray) return [];
    const stored = await this.#stored(entry, MAX_LIST_BYTES);
    const texts: string[] = [];
    for (let at = 0; texts.length < entry.count;) {
      const end = stored.indexOf(0, at);
      if (end === -1) break;
      texts.push(stored.toString("utf8", at, end));
      at = end + 1;
    }
    return texts;
  }

  /** The numbers of a list of 32 or 64 bits, as many as are read. */
  async numbers(tag: number): Promise<number[]> {
    const entry = this.#entries.get(tag);
    if (entry?.type !== types.int32 && entry?.type !== types.int64) return [];
    const width = entry.type === types.int32 ? 4 : 8;
    const stored = await this.#stored(entry, Math.min(MAX_LIST_BYTES, entry.count * width));
    return Array.from({ length: Math.floor(stored.length / width) }, (_, index) =>
      width === 4 ? stored.readUInt32BE(index * 4) : Number(stored.readBigUInt64BE(index * 8)),
    );
  }

  async number(tag: number): Promise<number | undefined> {
    return (await this.numbers(tag))[0];
  }

  /** Binary data of at most `limitBytes`. */
  async binary(tag: number, limitBytes: number): Promise<Buffer | undefined> {
    const entry = this.#entries.get(tag);
    if (entry?.type !== types.binary || entry.count > limitBytes) return undefined;
    const stored = await this.#stored(entry, entry.count);
    return stored.length === entry.count ? stored : undefined;
  }

  #stored({ offset }: Entry, sizeBytes: number): Promise<Buffer> {
    const start = this.#storeOffset + offset;
    return readUpTo(this.#bytes, start, Math.max(0, Math.min(sizeBytes, this.stop - start)));
  }
}

/** Where a tag stands twice the first one counts. */
function readIndex(index: Buffer, where: string): Map<number, Entry> {
  const reader = new ByteReader(index, where);
  const entries = new Map<number, Entry>();
  while (reader.left > 0) {
    const tag = reader.u32be();
    const entry = { type: reader.u32be(), offset: reader.u32be(), count: reader.u32be() };
    if (!entries.has(tag)) entries.set(tag, entry);
  }
  return entries;
}
