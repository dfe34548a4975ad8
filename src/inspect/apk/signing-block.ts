import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";

/** "APK Signature Scheme v2", format of the APK Signing Block: "magic 'APK Sig Block 42' (16 bytes)". */
const MAGIC = "APK Sig Block 42";
/** The size once more, and the magic. */
const FOOTER_BYTES = 24;
/** Real ones have a few KiB. All of it is held in memory, and a file can say that it is nothing else. */
const MAX_BLOCK_BYTES = 16 * 1024 * 1024;
const MAX_PAIRS = 1_000;

const WHERE = "APK Signing Block";

/** Where the parts that whole-file signatures cover stand, and the signatures by their scheme's number. */
export interface SigningBlock {
  /** Where it begins; what stands before is covered. */
  readonly offset: number;
  readonly endOffset: number;
  readonly blocks: ReadonlyMap<number, Buffer>;
}

export const blockIds = { v2: 0x7109871a, v3: 0xf05368c0, v31: 0x1b93ad61 } as const;

/**
 * Finds the APK Signing Block, which stands right before the central directory; undefined where there is none. Throws `UnreadableError`:
 * `damaged` for remains of one, `limit` for one that is larger than is read. Raises what reading the file raises.
 */
export async function findSigningBlock(
  bytes: RandomAccess,
  directory: ZipDirectory,
): Promise<SigningBlock | undefined> {
  const footerOffset = directory.offset - FOOTER_BYTES;
  const footer = footerOffset < 8 ? undefined : await readExactly(bytes, footerOffset, FOOTER_BYTES);
  if (!footer) return undefined;
  const isMagic = footer.toString("latin1", 8) === MAGIC;
  // "size of block in bytes (excluding this field)": the first of both fields is left out.
  const sizeBytes = Number(footer.readBigUInt64LE(0));
  const offset = directory.offset - sizeBytes - 8;
  const isPlace = sizeBytes >= FOOTER_BYTES && offset >= 0;
  const head = isPlace ? await readExactly(bytes, offset, 8) : undefined;
  const isSize = head?.readBigUInt64LE(0) === BigInt(sizeBytes);
  if (!isMagic && !isSize) return undefined;
  // Half of what makes a block is no accident: somebody changed the other half, so that it is not seen.
  if (!isMagic || !isSize) throw new UnreadableError("damaged", `The ${WHERE} is damaged.`, WHERE);
  if (sizeBytes > MAX_BLOCK_BYTES) {
    const message = `The ${WHERE} has ${sizeBytes} bytes; ${MAX_BLOCK_BYTES} are read.`;
    throw new UnreadableError("limit", message, WHERE);
  }
  const block = await readExactly(bytes, offset + 8, sizeBytes - FOOTER_BYTES);
  return block && { offset, endOffset: directory.offset, blocks: readPairs(block) };
}

/**
 * "sequence of uint64-length-prefixed ID-value pairs". As Android does, it takes the first of an id, and nothing of what follows a pair
 * that makes no sense.
 */
function readPairs(pairs: Buffer): ReadonlyMap<number, Buffer> {
  const reader = new ByteReader(pairs, WHERE);
  const blocks = new Map<number, Buffer>();
  for (let count = 0; count < MAX_PAIRS && reader.left >= 12; count += 1) {
    const sizeBytes = Number(reader.bytes(8).readBigUInt64LE());
    if (sizeBytes < 4 || sizeBytes > reader.left) break;
    const id = reader.u32le();
    const value = reader.bytes(sizeBytes - 4);
    if (!blocks.has(id)) blocks.set(id, value);
  }
  return blocks;
}
