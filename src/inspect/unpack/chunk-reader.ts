import type { RandomAccess } from "../../base/random-access.ts";
import { readUpTo } from "../bytes.ts";

/** Bytes one after the other. A chunk is good only until the next one is asked for. */
export interface ChunkSource {
  next(): Promise<Buffer | null>;
  /** Passes over bytes without reading them, where that is possible; answers how many there were not. */
  jump?(sizeBytes: number): number;
}

/** One read of a file, or one request to an object store, where all is read. */
const READ_BYTES = 1024 * 1024;

/** The bytes of a file from `start` to `stop`, fewer when it ends before, so many at once. */
export function rangeSource(
  bytes: RandomAccess,
  start: number,
  stop: number,
  readBytes = READ_BYTES,
): ChunkSource {
  const end = Math.min(stop, bytes.sizeBytes);
  let offset = start;
  return {
    next: async () => {
      const chunk = await readUpTo(bytes, offset, Math.min(readBytes, end - offset));
      offset += chunk.length;
      return chunk.length > 0 ? chunk : null;
    },
    jump: (sizeBytes) => {
      const there = Math.max(0, Math.min(sizeBytes, end - offset));
      offset += there;
      return sizeBytes - there;
    },
  };
}

/** What a generator makes; it is closed by `return` when no more is wanted. */
export function generatedSource(chunks: AsyncIterator<Uint8Array>): ChunkSource {
  return {
    next: async () => {
      const { done, value } = await chunks.next();
      return done === true ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    },
  };
}

/** Reads a source piece by piece; holds no more than the last chunk and what is asked for at once. */
export class ChunkReader {
  readonly #source: ChunkSource;
  #chunk: Buffer = Buffer.alloc(0);
  #offset = 0;
  #fetchedBytes = 0;

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  /** How many bytes were read or passed over. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes the source has given. */
  get fetchedBytes(): number {
    return this.#fetchedBytes;
  }

  /** The next bytes, fewer only at the end. The caller bounds `sizeBytes`. */
  async read(sizeBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = sizeBytes;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part === null) break;
      missing -= part.length;
      // The one part of most reads needs no copy; others are gone when the next chunk comes.
      parts.push(missing > 0 || parts.length > 0 ? Buffer.from(part) : part);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** At least one and at most `sizeBytes` bytes, whatever is at hand; null at the end. */
  async some(sizeBytes: number): Promise<Buffer | null> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next === null) return null;
      this.#fetchedBytes += next.length;
      this.#chunk = next;
    }
    const part = this.#chunk.subarray(0, sizeBytes);
    this.#chunk = this.#chunk.subarray(part.length);
    this.#offset += part.length;
    return part;
  }

  /** Passes over bytes; answers how many there were not. */
  async skip(sizeBytes: number): Promise<number> {
    let missing = sizeBytes;
    while (missing > 0) {
      if (this.#chunk.length === 0 && this.#source.jump) {
        const left = this.#source.jump(missing);
        this.#offset += missing - left;
        return left;
      }
      const part = await this.some(missing);
      if (part === null) return missing;
      missing -= part.length;
    }
    return 0;
  }
}
