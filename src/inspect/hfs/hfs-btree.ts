import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";

/** Next node 4, previous 4, kind 1, height 1, records 2, reserved 2. */
const DESCRIPTOR_BYTES = 14;
const HEADER_BYTES = 106;
const LEAF = -1;
/** TN1150: "The node size … is a power of two, from 512 through 32,768". */
const MIN_NODE_BYTES = 512;
const MAX_NODE_BYTES = 32_768;
/** 128 MiB of nodes of 8 KiB: a million files. Each is read once. */
const MAX_LEAVES = 16_384;

/** A record of a B-tree: its key without the length, and what stands behind it. */
export interface BTreeRecord {
  readonly key: ByteReader;
  readonly data: ByteReader;
}

/**
 * The records of a B-tree's leaves (TN1150, "B-Trees"), by their chain. As long a chain as there are nodes is followed: one that leads back
 * into itself has an end. Throws `UnreadableError`.
 */
export async function* leafRecords(
  bytes: RandomAccess,
  where: string,
): AsyncGenerator<BTreeRecord, void, undefined> {
  const header = await readExactly(bytes, 0, HEADER_BYTES);
  if (!header) throw damaged(where, "has no header");
  const reader = new ByteReader(header, where).seek(DESCRIPTOR_BYTES + 10);
  let next = reader.u32be();
  const nodeBytes = reader.skip(4).u16be();
  const isPowerOf2 = (nodeBytes & (nodeBytes - 1)) === 0;
  if (!isPowerOf2 || nodeBytes < MIN_NODE_BYTES || nodeBytes > MAX_NODE_BYTES) {
    throw damaged(where, `claims nodes of ${nodeBytes} bytes`);
  }
  const nodeCount = Math.floor(bytes.sizeBytes / nodeBytes);
  for (let leaves = 0; next !== 0; leaves += 1) {
    if (leaves >= nodeCount) throw damaged(where, "has leaves that lead back to themselves");
    if (leaves >= MAX_LEAVES) {
      throw new UnreadableError("limit", `${where} has more than the ${MAX_LEAVES} leaves read.`, where);
    }
    const node = await readExactly(bytes, next * nodeBytes, nodeBytes);
    if (!node) throw damaged(where, "names a node beyond its end");
    if (node.readInt8(8) !== LEAF) throw damaged(where, "has another node in place of a leaf");
    yield* records(node, where);
    next = node.readUInt32BE(0);
  }
}

function* records(node: Buffer, where: string): Generator<BTreeRecord> {
  const count = node.readUInt16BE(10);
  // The offsets of the records, and of the free space behind them, stand at the node's end, the first one last.
  const offsetAt = (index: number): number =>
    new ByteReader(node, where).seek(node.length - 2 * (index + 1)).u16be();
  if (DESCRIPTOR_BYTES + 2 * (count + 1) > node.length)
    throw damaged(where, "has a leaf of too many records");
  for (let index = 0; index < count; index += 1) {
    const start = offsetAt(index);
    const stop = offsetAt(index + 1);
    if (start < DESCRIPTOR_BYTES || stop < start) throw damaged(where, "has records that overlap");
    const record = new ByteReader(node, where).seek(start).part(stop - start);
    const keyBytes = record.u16be();
    const key = record.part(keyBytes);
    // Data begin at an even place.
    if (keyBytes % 2 === 1) record.skip(1);
    yield { key, data: record.part(record.left) };
  }
}

function damaged(where: string, problem: string): UnreadableError {
  return new UnreadableError("damaged", `The ${where} ${problem}.`, where);
}
