import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { MetadataReader } from "./metadata.ts";

/** The longest path that a link can have, and the most blocks of a file that is read: one MiB in blocks of 4 KiB. */
const MAX_TARGET_BYTES = 4096;
const MAX_BLOCKS = 256;
const HEADER_BYTES = 16;
const NO_FRAGMENT = 0xffffffff;

export type Inode =
  | {
      readonly kind: "directory";
      readonly block: number;
      readonly offset: number;
      readonly listBytes: number;
    }
  | { readonly kind: "link"; readonly target: string }
  | {
      readonly kind: "file";
      readonly sizeBytes: number;
      readonly start: number;
      /** Each block's length in the file, as it is stored; absent for a file that is too long to be read. */
      readonly blocks: readonly number[] | undefined;
      readonly fragment: { readonly index: number; readonly offset: number } | undefined;
    }
  | { readonly kind: "other" };

/** Reads the inode at a place of the inode table. Throws `UnreadableError`. */
export async function readInode(
  metadata: MetadataReader,
  blockStart: number,
  offset: number,
  blockBytes: number,
): Promise<Inode> {
  const read = async (from: number, sizeBytes: number) =>
    new ByteReader(await metadata.read(blockStart, offset, from + sizeBytes), "squashfs inode").seek(from);
  const type = (await read(0, HEADER_BYTES)).u16le();
  switch (type) {
    case 1: {
      const reader = await read(HEADER_BYTES, 16);
      const block = reader.u32le();
      const listBytes = reader.skip(4).u16le();
      return { kind: "directory", block, offset: reader.u16le(), listBytes };
    }
    case 8: {
      const reader = await read(HEADER_BYTES, 24);
      const listBytes = reader.skip(4).u32le();
      const block = reader.u32le();
      return { kind: "directory", block, offset: reader.skip(6).u16le(), listBytes };
    }
    case 2: {
      const reader = await read(HEADER_BYTES, 16);
      const place = { start: reader.u32le(), index: reader.u32le(), offset: reader.u32le() };
      return fileOf(place, reader.u32le(), blockBytes, (count) => read(HEADER_BYTES + 16, count * 4));
    }
    case 9: {
      const reader = await read(HEADER_BYTES, 40);
      const start = reader.u64le();
      const sizeBytes = reader.u64le();
      const place = { start, index: reader.skip(12).u32le(), offset: reader.u32le() };
      return fileOf(place, sizeBytes, blockBytes, (count) => read(HEADER_BYTES + 40, count * 4));
    }
    case 3:
    case 10: {
      const targetBytes = (await read(HEADER_BYTES, 8)).skip(4).u32le();
      if (targetBytes > MAX_TARGET_BYTES)
        throw new UnreadableError("damaged", "A link of the squashfs is too long.");
      return { kind: "link", target: (await read(HEADER_BYTES + 8, targetBytes)).rest().toString("utf8") };
    }
    default:
      return { kind: "other" };
  }
}

async function fileOf(
  { start, index, offset }: { readonly start: number; readonly index: number; readonly offset: number },
  sizeBytes: number,
  blockBytes: number,
  readBlocks: (count: number) => Promise<ByteReader>,
): Promise<Inode> {
  const fragment = index === NO_FRAGMENT ? undefined : { index, offset };
  // What does not fill a block stands in a fragment, where there is one.
  const count = fragment ? Math.floor(sizeBytes / blockBytes) : Math.ceil(sizeBytes / blockBytes);
  if (count > MAX_BLOCKS) return { kind: "file", sizeBytes, start, blocks: undefined, fragment };
  const reader = await readBlocks(count);
  const blocks = Array.from({ length: count }, () => reader.u32le());
  return { kind: "file", sizeBytes, start, blocks, fragment };
}
