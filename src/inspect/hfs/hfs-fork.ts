import type { ByteReader } from "../byte-reader.ts";
import type { FileExtent } from "../volume/extent-access.ts";

/** A run of allocation blocks. */
export interface Extent {
  readonly start: number;
  readonly count: number;
}

/** A file's content or its resource fork (TN1150, "Fork Data Structure"). */
export interface Fork {
  readonly sizeBytes: number;
  /** All blocks, those beyond the first eight extents included. */
  readonly blockCount: number;
  /** At most eight; more of them stand in the extents overflow file. */
  readonly extents: readonly Extent[];
}

const EXTENTS = 8;

/** Logical size 8, clump size 4, blocks 4, and eight extents. */
export function readFork(reader: ByteReader): Fork {
  const sizeBytes = reader.u64be();
  const blockCount = reader.skip(4).u32be();
  return { sizeBytes, blockCount, extents: readExtents(reader) };
}

/** Eight extents of a first block and a count; unused ones count nothing. */
export function readExtents(reader: ByteReader): Extent[] {
  const extents = Array.from({ length: EXTENTS }, () => ({ start: reader.u32be(), count: reader.u32be() }));
  return extents.filter(({ count }) => count > 0);
}

/** How many blocks extents have. */
export function countBlocks(extents: readonly Extent[]): number {
  return extents.reduce((sum, { count }) => sum + count, 0);
}

/** Extents as stretches of the file, one after the other. */
export function fileExtents(extents: readonly Extent[], blockBytes: number): FileExtent[] {
  let next = 0;
  return extents.map(({ start, count }) => {
    const extent = { start: next, length: count * blockBytes, offset: start * blockBytes };
    next += extent.length;
    return extent;
  });
}
