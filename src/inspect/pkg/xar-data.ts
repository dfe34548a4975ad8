import { createHash, getHashes, type Hash } from "node:crypto";
import { createInflate } from "node:zlib";

import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { piped } from "../unpack/piped.ts";
import { UnreadableError } from "../unreadable.ts";
import type { XarChecksum, XarData, XarFile } from "./xar-toc.ts";

const READ_BYTES = 1024 * 1024;

/** What xar calls gzip is a zlib stream. */
const GZIP = "application/x-gzip";
const STORED = "application/octet-stream";

/** The content of files in a xar archive's heap, which begins at `heapOffset`. */
export class XarHeap {
  readonly #bytes: RandomAccess;
  readonly #heapOffset: number;

  constructor(bytes: RandomAccess, heapOffset: number) {
    this.#bytes = bytes;
    this.#heapOffset = heapOffset;
  }

  /** A small stretch of the heap. Throws `UnreadableError` when the file ends before. */
  async range(offset: number, length: number, limitBytes: number, where: string): Promise<Buffer> {
    if (length > limitBytes) {
      throw new UnreadableError("limit", `${where} claims ${length} bytes; ${limitBytes} are read.`, where);
    }
    const range = await readExactly(this.#bytes, this.#heapOffset + offset, length);
    if (!range) throw truncated(where);
    return range;
  }

  /** Bytes of a file as they stand in the heap. */
  async *packed({ path, data }: XarFile): AsyncGenerator<Buffer, void, undefined> {
    const stop = data ? data.offset + data.length : 0;
    for (let offset = data?.offset ?? 0; offset < stop; offset += READ_BYTES) {
      const length = Math.min(READ_BYTES, stop - offset);
      const chunk = await readExactly(this.#bytes, this.#heapOffset + offset, length);
      if (!chunk) throw truncated(path);
      yield chunk;
    }
  }

  /** The content of a file, unpacked; never more of it than the table says. */
  async *content(file: XarFile): AsyncGenerator<Buffer, void, undefined> {
    yield* unpacked(file, this.packed(file));
  }

  /**
   * Compares the checksums of a file with its bytes in the heap and its content unpacked: what is wrong, or null. Those of algorithms
   * that are unknown here are left out.
   */
  async check(file: XarFile): Promise<string | null> {
    const { data } = file;
    if (data === null) return null;
    const archived = hashFor(data.archived);
    const extracted = hashFor(data.extracted);
    if (archived && (await digest(archived, this.packed(file))) !== data.archived?.hex) {
      return differs(file, "its bytes");
    }
    // What stands as it is has been read, unless the two checksums are of different kinds.
    const isRead = archived && data.encoding === STORED && data.extracted?.hex === data.archived?.hex;
    if (extracted === null || isRead || !isReadable(data)) return null;
    try {
      const hex = await digest(extracted, this.content(file));
      return hex === data.extracted?.hex ? null : differs(file, "its content");
    } catch (error) {
      if (error instanceof UnreadableError && (error.reason === "damaged" || error.reason === "corrupt"))
        return error.message;
      throw error;
    }
  }
}

/** The whole content of a file. Throws `UnreadableError`: `limit` when it is longer than `limitBytes`. */
export async function readContent(heap: XarHeap, file: XarFile, limitBytes: number): Promise<Buffer> {
  const { path, data } = file;
  if (data && data.sizeBytes > limitBytes) {
    throw new UnreadableError("limit", `${path} has ${data.sizeBytes} bytes; ${limitBytes} are read.`, path);
  }
  return Buffer.concat(await Array.fromAsync(heap.content(file)));
}

/** How much reading a file's content unpacked yields at most. */
export function unpackedBytes({ data }: XarFile): number {
  return data && data.encoding === GZIP ? data.sizeBytes : 0;
}

/** Whether `check` compares anything: a checksum of an algorithm that is known here. */
export function isChecked({ data }: XarFile): boolean {
  if (data === null) return true;
  return hashFor(data.archived) !== null || (hashFor(data.extracted) !== null && isReadable(data));
}

function isReadable({ encoding }: XarData): boolean {
  return encoding === GZIP || encoding === STORED;
}

async function* unpacked(file: XarFile, packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { path, data } = file;
  if (data === null) return;
  if (!isReadable(data)) {
    throw new UnreadableError("unsupported", `${path} is packed as ${data.encoding}.`, path);
  }
  let sizeBytes = 0;
  for await (const chunk of data.encoding === GZIP ? inflated(path, packed) : packed) {
    sizeBytes += chunk.length;
    if (sizeBytes > data.sizeBytes) throw damaged(path, "unpacks to more than the table of contents says");
    yield chunk;
  }
  if (sizeBytes < data.sizeBytes) throw damaged(path, "unpacks to less than the table of contents says");
}

function inflated(path: string, packed: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  return piped(packed, createInflate({ chunkSize: 128 * 1024 }), () => damaged(path, "is no zlib data"));
}

async function digest(hash: Hash, chunks: AsyncIterable<Buffer>): Promise<string> {
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

const known = new Set(getHashes());

function hashFor(checksum: XarChecksum | null): Hash | null {
  return checksum && known.has(checksum.algorithm) ? createHash(checksum.algorithm) : null;
}

function differs({ path }: XarFile, what: string): string {
  return `${path}: the checksum of ${what} is another one than the table of contents says.`;
}

function damaged(path: string, problem: string): UnreadableError {
  return new UnreadableError("damaged", `${path} ${problem}.`, path);
}

function truncated(where: string): UnreadableError {
  return new UnreadableError("truncated", `The xar archive ends within ${where}.`, where);
}
