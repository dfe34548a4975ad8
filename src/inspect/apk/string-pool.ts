import type { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

/** `ResStringPool_header.flags`: the strings are UTF-8, else UTF-16. */
const UTF8_FLAG = 1 << 8;
/** No name, label or path is longer; a pool may say that one string is all the file. */
const MAX_STRING_BYTES = 64 * 1024;

/**
 * Strings of a hostile pool may share their bytes: what is decoded altogether is no more than this many times the pool, so that a
 * megabyte does not become gigabytes.
 */
const MAX_SHARING = 4;

/** The strings of a compiled XML file or resource table. Only those asked for are decoded. */
export class StringPool {
  readonly #chunk: ByteReader;
  readonly #offsets: number;
  readonly #count: number;
  readonly #start: number;
  readonly #isUtf8: boolean;
  readonly #where: string;
  readonly #decoded = new Map<number, string>();
  #budgetBytes: number;

  /** `chunk` is the whole `ResStringPool` chunk, its header of `headerBytes` included. Throws `UnreadableError`. */
  constructor(chunk: ByteReader, headerBytes: number, where: string) {
    chunk.seek(8);
    this.#count = chunk.u32le();
    this.#isUtf8 = (chunk.skip(4).u32le() & UTF8_FLAG) !== 0;
    this.#start = chunk.u32le();
    this.#offsets = headerBytes;
    // The list of offsets is there as a whole, so that a claimed count is no more than the file pays for.
    chunk.seek(headerBytes).skip(this.#count * 4);
    this.#chunk = chunk;
    this.#budgetBytes = MAX_SHARING * chunk.sizeBytes;
    this.#where = where;
  }

  /** The string of this number; undefined for the number that stands for none, or one the pool does not have. */
  get(index: number): string | undefined {
    if (index >= this.#count) return undefined;
    const known = this.#decoded.get(index);
    if (known !== undefined) return known;
    const offset = this.#chunk.seek(this.#offsets + index * 4).u32le();
    this.#chunk.seek(this.#start + offset);
    const text = this.#isUtf8 ? this.#utf8() : this.#utf16();
    this.#decoded.set(index, text);
    return text;
  }

  /** The length in UTF-16 units, then that in bytes, each one byte or, with the upper bit set, two; then the bytes. */
  #utf8(): string {
    this.#length8();
    return this.#bytes(this.#length8()).toString("utf8");
  }

  #utf16(): string {
    const first = this.#chunk.u16le();
    const units = (first & 0x8000) === 0 ? first : (first & 0x7fff) * 0x10000 + this.#chunk.u16le();
    return this.#bytes(units * 2).toString("utf16le");
  }

  #length8(): number {
    const first = this.#chunk.u8();
    return (first & 0x80) === 0 ? first : (first & 0x7f) * 0x100 + this.#chunk.u8();
  }

  #bytes(length: number): Buffer {
    this.#budgetBytes -= length;
    if (length <= MAX_STRING_BYTES && this.#budgetBytes >= 0) return this.#chunk.bytes(length);
    throw new UnreadableError(
      "limit",
      `The strings in the ${this.#where} are longer than is read.`,
      this.#where,
    );
  }
}
