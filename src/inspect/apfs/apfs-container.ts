import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { type ApfsBlocks, isSound, readObject } from "./apfs-object.ts";

/** "NXSB" */
const MAGIC = 0x4253584e;
const HEAD_BYTES = 4096;
/** Apple File System Reference: NX_MINIMUM_BLOCK_SIZE, NX_MAXIMUM_BLOCK_SIZE. */
const MIN_BLOCK_BYTES = 4096;
const MAX_BLOCK_BYTES = 65_536;
/** Containers have some hundred; each is looked at. */
const MAX_DESCRIPTOR_BLOCKS = 1024;
/** NX_MAX_FILE_SYSTEMS */
const MAX_VOLUMES = 100;

/** A container as of its last checkpoint. */
export interface ApfsContainer extends ApfsBlocks {
  readonly blockCount: number;
  /** The last transaction. */
  readonly transaction: number;
  /** The block of the object map. */
  readonly omapBlock: number;
  /** Numbers of the volumes' superblocks in that map. */
  readonly volumeIds: readonly number[];
}

/**
 * Finds the newest superblock of a container (Apple File System Reference, "Mounting an Apple File System Partition"): the one in
 * block 0 may be old; it tells where all of them stand. Throws `UnreadableError`.
 */
export async function readApfsContainer(bytes: RandomAccess): Promise<ApfsContainer> {
  const head = await readExactly(bytes, 0, HEAD_BYTES);
  if (!head) throw damaged("ends within its first block");
  const blockBytes = new ByteReader(head, WHERE).seek(36).u32le();
  const isPowerOf2 = (blockBytes & (blockBytes - 1)) === 0;
  if (!isPowerOf2 || blockBytes < MIN_BLOCK_BYTES || blockBytes > MAX_BLOCK_BYTES) {
    throw damaged(`claims blocks of ${blockBytes} bytes`);
  }
  const first = await readObject({ bytes, blockBytes }, 0, WHERE);
  const reader = new ByteReader(first, WHERE).seek(104);
  const descriptorBlocks = reader.u32le();
  const descriptorBase = reader.skip(4).u64le();
  if (descriptorBlocks > MAX_DESCRIPTOR_BLOCKS) {
    throw new UnreadableError(
      "limit",
      `The container claims ${descriptorBlocks} blocks of checkpoints; ${MAX_DESCRIPTOR_BLOCKS} are read.`,
      WHERE,
    );
  }
  let newest = superblock(first, { bytes, blockBytes });
  for (let index = 0; index < descriptorBlocks; index += 1) {
    const block = await readExactly(bytes, (descriptorBase + index) * blockBytes, blockBytes);
    if (block?.readUInt32LE(32) !== MAGIC || !isSound(block)) continue;
    const other = superblock(block, { bytes, blockBytes });
    if (other.transaction > newest.transaction) newest = other;
  }
  return newest;
}

const WHERE = "APFS container superblock";

function superblock(block: Buffer, blocks: ApfsBlocks): ApfsContainer {
  const reader = new ByteReader(block, WHERE);
  const transaction = reader.seek(16).u64le();
  const blockCount = reader.seek(40).u64le();
  const omapBlock = reader.seek(160).u64le();
  const count = Math.min(reader.seek(180).u32le(), MAX_VOLUMES);
  const ids = Array.from({ length: count }, () => reader.u64le());
  return { ...blocks, blockCount, transaction, omapBlock, volumeIds: ids.filter((id) => id !== 0) };
}

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The APFS container ${problem}.`, WHERE);
}
