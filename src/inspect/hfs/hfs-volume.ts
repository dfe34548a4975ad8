import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { type Fork, readFork } from "./hfs-fork.ts";

const HEADER_OFFSET = 1024;
const HEADER_BYTES = 512;
/** "H+", and "HX" where names may differ by case alone. */
const SIGNATURES: ReadonlySet<number> = new Set([0x482b, 0x4858]);
const MIN_BLOCK_BYTES = 512;
const MAX_BLOCK_BYTES = 16 * 1024 * 1024;

/** What the volume header says (TN1150, "Volume Header"). */
export interface HfsVolume {
  readonly bytes: RandomAccess;
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly freeBlocks: number;
  readonly fileCount: number;
  readonly folderCount: number;
  readonly isCaseSensitive: boolean;
  /** Seconds since 1904, in the local time of whoever made it. */
  readonly createdSeconds: number;
  readonly extentsFile: Fork;
  readonly catalogFile: Fork;
  readonly attributesFile: Fork;
}

/** Whether an HFS+ volume begins with these bytes, of which the first 1,026 are needed. */
export function isHfsPlus(head: Buffer): boolean {
  return head.length >= HEADER_OFFSET + 2 && SIGNATURES.has(head.readUInt16BE(HEADER_OFFSET));
}

/** Reads the header of an HFS+ volume. Throws `UnreadableError`. Raises what reading the bytes raises. */
export async function readHfsVolume(bytes: RandomAccess): Promise<HfsVolume> {
  const header = await readExactly(bytes, HEADER_OFFSET, HEADER_BYTES);
  if (!header) throw new UnreadableError("damaged", "The HFS+ volume ends before its header.", WHERE);
  const reader = new ByteReader(header, WHERE);
  const isCaseSensitive = reader.u16be() === 0x4858;
  const createdSeconds = reader.seek(16).u32be();
  const fileCount = reader.seek(32).u32be();
  const folderCount = reader.u32be();
  const blockBytes = reader.u32be();
  const blockCount = reader.u32be();
  const freeBlocks = reader.u32be();
  const isPowerOf2 = blockBytes > 0 && (blockBytes & (blockBytes - 1)) === 0;
  if (!isPowerOf2 || blockBytes < MIN_BLOCK_BYTES || blockBytes > MAX_BLOCK_BYTES) {
    throw new UnreadableError("damaged", `The HFS+ volume claims blocks of ${blockBytes} bytes.`, WHERE);
  }
  reader.seek(112 + FORK_BYTES);
  return {
    bytes,
    blockBytes,
    blockCount,
    freeBlocks,
    fileCount,
    folderCount,
    isCaseSensitive,
    createdSeconds,
    extentsFile: readFork(reader),
    catalogFile: readFork(reader),
    attributesFile: readFork(reader),
  };
}

const WHERE = "HFS+ volume header";
const FORK_BYTES = 80;
