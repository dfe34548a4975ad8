import type { RandomAccess } from "../base/random-access.ts";

/** What a small read fetches. Readers go from one small structure to the next one beside it. */
const BLOCK_BYTES = 256 * 1024;
/** 8 MiB are kept. */
const MAX_BLOCKS = 32;

/**
 * The same bytes with the blocks last read kept, so that following small structures costs one read of the file, or one
 * request to an object store, for many of them. Reads longer than a block go straight through. It does not close what it reads.
 */
export class CachedAccess implements RandomAccess {
  readonly sizeBytes: number;
  readonly #bytes: RandomAccess;
  /** By number; the one used last is the last one in it. */
  readonly #blocks = new Map<number, Promise<Uint8Array>>();

  constructor(bytes: RandomAccess) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.sizeBytes;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const available = Math.min(length, this.sizeBytes - offset);
    if (available <= 0) return new Uint8Array(0);
    if (available > BLOCK_BYTES) return this.#bytes.read(offset, available);
    const first = Math.floor(offset / BLOCK_BYTES);
    const start = offset - first * BLOCK_BYTES;
    const block = await this.#block(first);
    if (start + available <= BLOCK_BYTES) return block.subarray(start, start + available);
    const rest = start + available - BLOCK_BYTES;
    return Buffer.concat([block.subarray(start), (await this.#block(first + 1)).subarray(0, rest)]);
  }

  async close(): Promise<void> {
    this.#blocks.clear();
  }

  #block(number: number): Promise<Uint8Array> {
    const kept = this.#blocks.get(number);
    if (kept !== undefined) {
      this.#blocks.delete(number);
      this.#blocks.set(number, kept);
      return kept;
    }
    if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value!);
    const start = number * BLOCK_BYTES;
    const block = this.#bytes.read(start, Math.min(BLOCK_BYTES, this.sizeBytes - start));
    this.#blocks.set(number, block);
    return block;
  }
}
