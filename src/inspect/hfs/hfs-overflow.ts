import type { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { BTreeRecord } from "./hfs-btree.ts";
import { countBlocks, type Extent, type Fork, readExtents } from "./hfs-fork.ts";

/** A fork that has data: its kind is 0; that of a resource fork is 255. */
export type ForkKind = 0 | 255;

/** Disk images are hardly fragmented; each record costs some hundred bytes. */
const MAX_RECORDS = 100_000;

/** The extents beyond the first eight of each fork (TN1150, "Extents Overflow File"). */
export class HfsOverflow {
  /** By kind and file, in the order of the tree: by the block of the fork where they begin. */
  readonly #extents = new Map<string, Extent[]>();

  /** Throws `UnreadableError`. */
  static async read(records: AsyncIterable<BTreeRecord>): Promise<HfsOverflow> {
    const overflow = new HfsOverflow();
    let count = 0;
    for await (const { key, data } of records) {
      count += 1;
      if (count > MAX_RECORDS) {
        throw new UnreadableError("limit", `The volume has more than ${MAX_RECORDS} runs of extents.`, WHERE);
      }
      overflow.#add(key, readExtents(data));
    }
    return overflow;
  }

  /** All extents of a fork. */
  extentsOf(id: number, kind: ForkKind, fork: Fork): readonly Extent[] {
    if (countBlocks(fork.extents) >= fork.blockCount) return fork.extents;
    return [...fork.extents, ...(this.#extents.get(`${kind} ${id}`) ?? [])];
  }

  #add(key: ByteReader, extents: Extent[]): void {
    const name = `${key.u8()} ${key.skip(1).u32be()}`;
    const before = this.#extents.get(name);
    if (before) before.push(...extents);
    else this.#extents.set(name, extents);
  }
}

const WHERE = "extents overflow file";
