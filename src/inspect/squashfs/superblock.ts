import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

export const SUPERBLOCK_BYTES = 96;
/** "hsqs", little-endian. */
const MAGIC = 0x73717368;
/** mksquashfs: from 4 KiB to 1 MiB. */
const MAX_BLOCK_BYTES = 1024 * 1024;

const compressions: ReadonlyMap<number, string> = new Map([
  [1, "gzip"],
  [2, "lzma"],
  [3, "lzo"],
  [4, "xz"],
  [5, "lz4"],
  [6, "zstd"],
]);

/** A squashfs file system's first block. Offsets count from it. */
export interface Superblock {
  readonly inodeCount: number;
  readonly blockBytes: number;
  readonly compression: string;
  readonly rootInode: { readonly block: number; readonly offset: number };
  readonly usedBytes: number;
  readonly inodeTable: number;
  readonly directoryTable: number;
  readonly fragmentTable: number;
  readonly fragmentCount: number;
}

/** Reads the superblock of a squashfs 4.0; undefined where there is none. Throws `UnreadableError` for another version, or a damaged one. */
export async function readSuperblock(bytes: RandomAccess, start: number): Promise<Superblock | undefined> {
  const block = await readExactly(bytes, start, SUPERBLOCK_BYTES);
  if (block?.readUInt32LE(0) !== MAGIC) return undefined;
  const reader = new ByteReader(block, WHERE).seek(4);
  const inodeCount = reader.u32le();
  const blockBytes = reader.skip(4).u32le();
  const fragmentCount = reader.u32le();
  const compressor = reader.u16le();
  const version = [reader.seek(28).u16le(), reader.u16le()].join(".");
  if (version !== "4.0") {
    throw new UnreadableError("unsupported", `A squashfs of version ${version} is not read.`, WHERE);
  }
  if (blockBytes < 4096 || blockBytes > MAX_BLOCK_BYTES) {
    throw new UnreadableError("damaged", `The squashfs has blocks of ${blockBytes} bytes.`, WHERE);
  }
  // Where the inode's metadata block begins in its table, and where in the block it is: 48 and 16 bits.
  const offset = reader.u16le();
  const rootBlock = reader.u32le() + reader.u16le() * 2 ** 32;
  const usedBytes = reader.u64le();
  const inodeTable = reader.skip(16).u64le();
  return {
    inodeCount,
    blockBytes,
    compression: compressions.get(compressor) ?? `compressor ${compressor}`,
    rootInode: { block: rootBlock, offset },
    usedBytes,
    inodeTable,
    directoryTable: reader.u64le(),
    fragmentTable: reader.u64le(),
    fragmentCount,
  };
}

const WHERE = "squashfs";
