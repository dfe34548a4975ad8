import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { unpackBlock } from "./unpack-block.ts";

/** Every metadata block unpacks to at most this. */
const METADATA_BYTES = 8192;
/** The highest bit of a block's length says that it is not packed. */
const NOT_PACKED = 0x8000;
const MAX_KEPT_BLOCKS = 64;

interface Block {
  readonly content: Buffer;
  /** Where the next one begins. */
  readonly next: number;
}

/** Reads inodes, directories and tables, which are packed in blocks of 8 KiB. */
export class MetadataReader {
  readonly #bytes: RandomAccess;
  readonly #compression: string;
  /** By where they begin in the file. */
  readonly #blocks = new Map<number, Block>();

  constructor(bytes: RandomAccess, compression: string) {
    this.#bytes = bytes;
    this.#compression = compression;
  }

  /** Bytes of the block that begins at a place in the file, from `offset` in it, going on in the blocks behind it. The caller bounds `sizeBytes`. */
  async read(blockStart: number, offset: number, sizeBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let [at, from, missing] = [blockStart, offset, sizeBytes];
    while (missing > 0) {
      const { content, next } = await this.#block(at);
      const part = content.subarray(from, from + missing);
      if (part.length === 0) throw damaged();
      parts.push(part);
      missing -= part.length;
      [at, from] = [next, 0];
    }
    return Buffer.concat(parts);
  }

  async #block(start: number): Promise<Block> {
    const kept = this.#blocks.get(start);
    if (kept !== undefined) return kept;
    const header = (await readExactly(this.#bytes, start, 2))?.readUInt16LE(0);
    const packedBytes = (header ?? 0) & ~NOT_PACKED;
    if (header === undefined || packedBytes === 0 || packedBytes > METADATA_BYTES) throw damaged();
    const packed = await readExactly(this.#bytes, start + 2, packedBytes);
    if (!packed) throw new UnreadableError("truncated", "The squashfs ends within its metadata.");
    const isPacked = (header & NOT_PACKED) === 0;
    const content = isPacked ? await unpackBlock(packed, this.#compression, METADATA_BYTES) : packed;
    const block = { content, next: start + 2 + packedBytes };
    if (this.#blocks.size >= MAX_KEPT_BLOCKS) this.#blocks.clear();
    this.#blocks.set(start, block);
    return block;
  }
}

function damaged(): UnreadableError {
  return new UnreadableError("damaged", "The squashfs has no metadata where it says.");
}
