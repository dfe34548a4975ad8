import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { readCrc32 } from "./udif-trailer.ts";

export const SECTOR_BYTES = 512;
const MAGIC = 0x6d697368;
/** The head of a table; then the chunks. */
const HEAD_BYTES = 204;
const CHUNK_BYTES = 40;
/** 2^53 bytes: beyond that numbers are not exact. */
const MAX_SECTORS = 2 ** 44;

/** How a chunk is packed. */
export const chunkKinds = {
  0: "zero",
  1: "raw",
  /** Nobody cares what stands there; it reads as zero and is left out of the checksum. */
  2: "ignore",
  0x80000004: "adc",
  0x80000005: "zlib",
  0x80000006: "bzip2",
  0x80000007: "lzfse",
  0x80000008: "lzma",
  0x7ffffffe: "comment",
  0xffffffff: "end",
} as const;

export type ChunkKind = (typeof chunkKinds)[keyof typeof chunkKinds] | "unknown";

/** A run of sectors. */
export interface UdifChunk {
  readonly kind: ChunkKind;
  /** Counted from the partition's first one. */
  readonly sector: number;
  readonly sectorCount: number;
  /** Counted from the data fork's start. */
  readonly packedOffset: number;
  readonly packedBytes: number;
}

/** Where the sectors of one partition stand ("mish", the entries of `blkx`). */
export class UdifTable {
  readonly name: string;
  readonly firstSector: number;
  readonly sectorCount: number;
  /** Of the partition's bytes, chunks of kind `ignore` left out; null for none and for other kinds of checksum. */
  readonly crc32: number | null;
  /** Of chunks that hold sectors. */
  readonly chunkCount: number;
  readonly #chunks: Buffer;
  readonly #dataOffset: number;

  /** Throws `UnreadableError`, also when the chunks do not follow one another. */
  constructor(bytes: Uint8Array, name: string) {
    this.name = name;
    const reader = new ByteReader(bytes, `table of partition ${name}`);
    if (reader.u32be() !== MAGIC) throw this.#damaged("does not begin as one");
    this.firstSector = reader.skip(4).u64be();
    this.sectorCount = reader.u64be();
    this.#dataOffset = reader.u64be();
    this.crc32 = readCrc32(reader.seek(64));
    const count = reader.seek(HEAD_BYTES - 4).u32be();
    if (this.sectorCount > MAX_SECTORS) throw this.#damaged("claims more sectors than a disk can have");
    this.#chunks = reader.bytes(count * CHUNK_BYTES);
    this.chunkCount = count;
    this.#chunks = this.#inOrder();
    this.chunkCount = this.#chunks.length / CHUNK_BYTES;
  }

  get sizeBytes(): number {
    return this.sectorCount * SECTOR_BYTES;
  }

  /** The chunk of this number, from 0. */
  chunk(index: number): UdifChunk {
    const reader = new ByteReader(this.#chunks, `table of partition ${this.name}`).seek(index * CHUNK_BYTES);
    const number = reader.u32be();
    return {
      kind: (chunkKinds as Readonly<Record<number, ChunkKind>>)[number] ?? "unknown",
      sector: reader.skip(4).u64be(),
      sectorCount: reader.u64be(),
      packedOffset: this.#dataOffset + reader.u64be(),
      packedBytes: reader.u64be(),
    };
  }

  /** The chunk that holds a sector; undefined beyond the last one. */
  chunkAt(sector: number): UdifChunk | undefined {
    let low = 0;
    let high = this.chunkCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.chunk(middle).sector <= sector) low = middle + 1;
      else high = middle;
    }
    return low === 0 || sector >= this.sectorCount ? undefined : this.chunk(low - 1);
  }

  /** What packs this partition: the kinds of its chunks, each once. */
  kinds(): ChunkKind[] {
    const kinds = new Set<ChunkKind>();
    for (let index = 0; index < this.chunkCount; index += 1) kinds.add(this.chunk(index).kind);
    return [...kinds];
  }

  /**
   * The chunks that hold sectors. They have to follow one another: those that overlap or leave gaps would make the disk read differently
   * by each reader.
   */
  #inOrder(): Buffer {
    const kept: Buffer[] = [];
    let next = 0;
    for (let index = 0; index < this.chunkCount; index += 1) {
      const { kind, sector, sectorCount } = this.chunk(index);
      if (kind === "end") break;
      if (kind === "comment" || sectorCount === 0) continue;
      if (sector !== next || sector + sectorCount > this.sectorCount) {
        throw this.#damaged(`has a chunk for ${sectorCount} sectors from ${sector}, where ${next} is next`);
      }
      kept.push(this.#chunks.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES));
      next = sector + sectorCount;
    }
    if (next !== this.sectorCount) {
      throw this.#damaged(`covers ${next} sectors of ${this.sectorCount}`);
    }
    return Buffer.concat(kept);
  }

  #damaged(problem: string): UnreadableError {
    return new UnreadableError("damaged", `The table of partition ${this.name} ${problem}.`, this.name);
  }
}
