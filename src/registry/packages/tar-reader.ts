import { packageErrors } from "../errors.ts";

/** POSIX.1-2024, pax: "The archive … shall be composed of … logical records … of 512 bytes". */
const BLOCK_BYTES = 512;
/** A name of 1,024 bytes needs far less; more is an attempt to fill the memory. */
const MAX_EXTENDED_HEADER_BYTES = 1024 * 1024;

/** One member of an archive. Its bytes are read before the next member is asked for, or are passed over. */
export interface TarMember {
  readonly path: string;
  readonly kind: "file" | "directory" | "other";
  readonly sizeBytes: number;
  /** A chunk is good only until the next one is asked for. */
  read(): AsyncIterable<Uint8Array>;
}

/** True for the first bytes of a tar in the format of POSIX or of GNU. */
export function looksLikeTar(start: Uint8Array): boolean {
  return start.byteLength >= BLOCK_BYTES && ascii(start, 257, 5) === "ustar" && hasRightSum(start);
}

/**
 * The members of a tar, as `package download` writes it, in their order: POSIX ustar with pax headers, and the long names of GNU. Directories
 * stand among them. Raises `package.invalid_archive`, and what reading raised.
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember, void, void> {
  const source = new Source(chunks);
  try {
    yield* members(source);
  } finally {
    await source.close();
  }
}

async function* members(source: Source): AsyncGenerator<TarMember, void, void> {
  let extended: { path?: string; sizeBytes?: number } = {};
  for (;;) {
    const header = await source.take(BLOCK_BYTES, { mayEnd: true });
    // POSIX: "At the end of the archive file there shall be two 512-octet logical records filled with binary zeros".
    if (header === undefined || header.every((byte) => byte === 0)) return;
    if (!looksLikeTar(header)) throw invalid("A header is damaged");
    const type = String.fromCharCode(header[156]!);
    const ownBytes = numberAt(header, 124, 12);
    if (type === "x" || type === "L") {
      const data = (await source.take(extendedSize(ownBytes)))!;
      await source.skip(padding(ownBytes));
      extended = type === "x" ? { ...extended, ...paxRecords(data) } : { ...extended, path: untilNul(data) };
    } else if (type === "g" || type === "K") {
      // A global header, and the long target of a link, say nothing of files.
      await source.skip(ownBytes + padding(ownBytes));
    } else {
      const sizeBytes = extended.sizeBytes ?? ownBytes;
      const path = trimmed(extended.path ?? nameIn(header));
      extended = {};
      let readBytes = 0;
      const body = source.body(sizeBytes);
      const read = async function* () {
        for await (const part of body) {
          readBytes += part.byteLength;
          yield part;
        }
      };
      yield { path, kind: kindOf(type), sizeBytes, read };
      await source.skip(sizeBytes - readBytes + padding(sizeBytes));
    }
  }
}

/** Bytes of a stream, in the portions asked for. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #current: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** A copy of the next bytes; undefined at the end, where that may be. */
  async take(count: number, { mayEnd = false } = {}): Promise<Uint8Array | undefined> {
    const taken = new Uint8Array(count);
    let filled = 0;
    for await (const part of this.body(count, mayEnd)) {
      taken.set(part, filled);
      filled += part.byteLength;
    }
    return filled === count ? taken : undefined;
  }

  async skip(count: number): Promise<void> {
    for await (const _ of this.body(count));
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** The next bytes as they come. */
  async *body(count: number, mayEnd = false): AsyncGenerator<Uint8Array, void, void> {
    let left = count;
    while (left > 0) {
      if (this.#current.byteLength === 0) {
        const { done, value } = await this.#chunks.next();
        if (done && mayEnd && left === count) return;
        if (done) throw invalid("It ends in the middle");
        this.#current = value;
        continue;
      }
      const part = this.#current.subarray(0, left);
      this.#current = this.#current.subarray(part.byteLength);
      left -= part.byteLength;
      yield part;
    }
  }
}

function kindOf(type: string): TarMember["kind"] {
  if (type === "0" || type === "\0" || type === "7") return "file";
  return type === "5" ? "directory" : "other";
}

/** `./a`, as tar programs write it for a directory's contents, is `a`; a directory's name ends with a slash. */
function trimmed(path: string): string {
  return path.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
}

function nameIn(header: Uint8Array): string {
  const prefix = untilNul(header.subarray(345, 500));
  const name = untilNul(header.subarray(0, 100));
  // GNU keeps other things where POSIX has the prefix.
  return prefix === "" || ascii(header, 257, 6) !== "ustar\0" ? name : `${prefix}/${name}`;
}

/** POSIX: "Each … record … shall consist of: "%d %s=%s\n", <length>, <keyword>, <value>"; the length counts itself. */
function paxRecords(data: Uint8Array): { path?: string; sizeBytes?: number } {
  const records: { path?: string; sizeBytes?: number } = {};
  let at = 0;
  while (at < data.byteLength && data[at] !== 0) {
    const space = data.indexOf(0x20, at);
    if (space === -1) throw invalid("An extended header is damaged");
    const length = decimal(ascii(data, at, space - at));
    const end = at + length;
    if (length < space - at + 4 || end > data.byteLength || data[end - 1] !== 0x0a) {
      throw invalid("An extended header is damaged");
    }
    const [keyword = "", ...value] = utf8(data.subarray(space + 1, end - 1)).split("=");
    if (keyword === "path") records.path = value.join("=");
    if (keyword === "size") records.sizeBytes = decimal(value.join("="));
    at = end;
  }
  return records;
}

function extendedSize(sizeBytes: number): number {
  if (sizeBytes <= MAX_EXTENDED_HEADER_BYTES) return sizeBytes;
  throw invalid(`An extended header is larger than ${MAX_EXTENDED_HEADER_BYTES} bytes`);
}

/** Members are filled up to whole blocks. */
function padding(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** The sum of a header's bytes, with those of the sum itself as spaces. */
function hasRightSum(header: Uint8Array): boolean {
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 0x20 : header[at]!;
  return sum === octal(ascii(header, 148, 8));
}

/** Octal digits; GNU writes what does not fit as a number of base 256 behind a byte 0x80. */
function numberAt(header: Uint8Array, start: number, length: number): number {
  if (header[start] !== 0x80) return safe(octal(ascii(header, start, length)));
  const value = header.subarray(start + 1, start + length).reduce((sum, byte) => sum * 256 + byte, 0);
  return safe(value);
}

/** NaN for what is no number. */
function octal(text: string): number {
  const digits = text.replace(/^ +/, "").replace(/[ \0]+$/, "");
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function decimal(text: string): number {
  return safe(/^\d+$/.test(text) ? Number(text) : Number.NaN);
}

function safe(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw invalid("A number in it cannot be read");
}

function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8(end === -1 ? bytes : bytes.subarray(0, end));
}

/** What is no UTF-8 becomes a name that no package has. */
function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
}

function invalid(why: string): Error {
  return packageErrors.error("package.invalid_archive", `This is no whole tar: ${why}.`);
}
