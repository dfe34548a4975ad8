import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { SECTOR_BYTES, type UdifChunk, type UdifTable } from "./udif-table.ts";
import type { FileRange } from "./udif-trailer.ts";
import { unpackChunk } from "./unpack-chunk.ts";

/** hdiutil packs by 256 KiB or 1 MiB; a chunk is held in memory with its packed bytes. */
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;
/** What does not pack well grows a little. */
const MAX_OVERHEAD_BYTES = 64 * 1024;
/** Unpacked chunks kept: a walk through a directory goes back and forth between a few. */
const CACHE_BYTES = 8 * 1024 * 1024;

/** The bytes of one partition of a disk image. Reading throws `UnreadableError` where a chunk does not unpack. */
export class UdifPartition implements RandomAccess {
  readonly table: UdifTable;
  readonly sizeBytes: number;
  readonly #file: RandomAccess;
  readonly #dataFork: FileRange;
  /** By the chunk's first sector; the one used last is the last one in it. */
  readonly #cache = new Map<number, Buffer>();
  #cachedBytes = 0;

  constructor(file: RandomAccess, dataFork: FileRange, table: UdifTable) {
    this.#file = file;
    this.#dataFork = dataFork;
    this.table = table;
    this.sizeBytes = table.sizeBytes;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const out = Buffer.alloc(Math.max(0, Math.min(length, this.sizeBytes - offset)));
    let written = 0;
    while (written < out.length) {
      const at = offset + written;
      const chunk = this.table.chunkAt(Math.floor(at / SECTOR_BYTES));
      // The table covers all of its sectors.
      if (chunk === undefined)
        throw new UnreadableError("damaged", "The partition has a gap.", this.table.name);
      const skipped = at - chunk.sector * SECTOR_BYTES;
      const count = Math.min(out.length - written, chunk.sectorCount * SECTOR_BYTES - skipped);
      await this.#copy(chunk, skipped, out.subarray(written, written + count));
      written += count;
    }
    return out;
  }

  async close(): Promise<void> {
    this.#cache.clear();
  }

  /** A packed chunk's sectors, unpacked; not kept. */
  async unpacked(chunk: UdifChunk): Promise<Buffer> {
    const { name } = this.table;
    const sizeBytes = chunk.sectorCount * SECTOR_BYTES;
    if (sizeBytes > MAX_CHUNK_BYTES || chunk.packedBytes > sizeBytes + MAX_OVERHEAD_BYTES) {
      throw new UnreadableError(
        "limit",
        `A chunk of partition ${name} claims ${chunk.packedBytes} bytes that unpack to ${sizeBytes}; ${MAX_CHUNK_BYTES} are read.`,
        name,
      );
    }
    return await unpackChunk(chunk.kind, await this.stored(chunk, 0, chunk.packedBytes), sizeBytes, name);
  }

  /** A stretch of the bytes that a chunk has in the file. */
  async stored({ packedOffset, packedBytes }: UdifChunk, skipped: number, length: number): Promise<Buffer> {
    const { offset, length: forkBytes } = this.#dataFork;
    if (skipped + length <= packedBytes && packedOffset + packedBytes <= forkBytes) {
      const bytes = await readExactly(this.#file, offset + packedOffset + skipped, length);
      if (bytes) return bytes;
    }
    const { name } = this.table;
    throw new UnreadableError("damaged", `A chunk of partition ${name} is not within the data fork.`, name);
  }

  async #copy(chunk: UdifChunk, skipped: number, out: Buffer): Promise<void> {
    // The output is zeros.
    if (chunk.kind === "zero" || chunk.kind === "ignore") return;
    if (chunk.kind === "raw") {
      out.set(await this.stored(chunk, skipped, out.length));
      return;
    }
    const unpacked = await this.#cached(chunk);
    unpacked.copy(out, 0, skipped);
  }

  async #cached(chunk: UdifChunk): Promise<Buffer> {
    const kept = this.#cache.get(chunk.sector);
    this.#cache.delete(chunk.sector);
    const unpacked = kept ?? (await this.unpacked(chunk));
    if (kept === undefined) this.#cachedBytes += unpacked.length;
    this.#cache.set(chunk.sector, unpacked);
    for (const [sector, { length }] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES || sector === chunk.sector) break;
      this.#cache.delete(sector);
      this.#cachedBytes -= length;
    }
    return unpacked;
  }
}
