import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { type ApfsBlocks, OBJECT_HEADER_BYTES, readObject } from "./apfs-object.ts";

/** Behind the object's header: flags 2, level 2, keys 4, places of the table, the free space and two free lists, 4 each. */
const NODE_HEADER_BYTES = OBJECT_HEADER_BYTES + 24;
const IS_ROOT = 1;
const IS_LEAF = 2;
const IS_FIXED = 4;
/** btree_info_t, at the end of a root. */
const INFO_BYTES = 40;
/** A tree of a million files has four levels. */
const MAX_LEVEL = 12;
/** 256 MiB of nodes of 4 KiB: a million files. Each is read once. */
const MAX_NODES = 65_536;

export interface ApfsRecord {
  readonly key: ByteReader;
  readonly value: ByteReader;
}

/** Where the node of a number stands: the number itself where numbers are blocks. */
export type NodeBlock = (id: number) => number;

/**
 * The records of a B-tree in the order of their keys (Apple File System Reference, "B-Trees"). Levels go down by one, so that a node that
 * leads back to one above ends the walk, and nodes are counted. Throws `UnreadableError`.
 */
export async function* treeRecords(
  blocks: ApfsBlocks,
  rootId: number,
  blockOf: NodeBlock,
  where: string,
): AsyncGenerator<ApfsRecord, void, undefined> {
  let nodes = 0;
  const walk = async function* (id: number, level: number | null): AsyncGenerator<ApfsRecord> {
    nodes += 1;
    if (nodes > MAX_NODES) {
      throw new UnreadableError("limit", `The ${where} has more than the ${MAX_NODES} nodes read.`, where);
    }
    const node = await readObject(blocks, blockOf(id), where);
    const own = node.readUInt16LE(34);
    if (own > MAX_LEVEL || (level !== null && own !== level)) throw damaged(where, "has a node out of place");
    const isLeaf = (node.readUInt16LE(32) & IS_LEAF) !== 0;
    if (isLeaf !== (own === 0)) throw damaged(where, "has a leaf that is none");
    for (const record of records(node, where)) {
      if (isLeaf) yield record;
      else yield* walk(record.value.u64le(), own - 1);
    }
  };
  yield* walk(rootId, null);
}

function* records(node: Buffer, where: string): Generator<ApfsRecord> {
  const reader = new ByteReader(node, where);
  const flags = reader.seek(OBJECT_HEADER_BYTES).u16le();
  const count = reader.skip(2).u32le();
  const tableOffset = reader.u16le();
  const tableBytes = reader.u16le();
  const table = reader.seek(NODE_HEADER_BYTES + tableOffset).part(tableBytes);
  const keys = NODE_HEADER_BYTES + tableOffset + tableBytes;
  // Values are counted from the end, where a root has its own record.
  const end = node.length - ((flags & IS_ROOT) === 0 ? 0 : INFO_BYTES);
  const isFixed = (flags & IS_FIXED) !== 0;
  for (let index = 0; index < count; index += 1) {
    const keyOffset = table.u16le();
    const keyBytes = isFixed ? null : table.u16le();
    const valueOffset = table.u16le();
    const valueBytes = isFixed ? null : table.u16le();
    // Of trees with keys and values of fixed sizes nobody reads more than there is.
    reader.seek(keys + keyOffset);
    const key = reader.part(keyBytes ?? reader.left);
    reader.seek(end - valueOffset);
    yield { key, value: reader.part(valueBytes ?? Math.min(valueOffset, reader.left)) };
  }
}

function damaged(where: string, problem: string): UnreadableError {
  return new UnreadableError("damaged", `The ${where} ${problem}.`, where);
}
