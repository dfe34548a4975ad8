import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { treeRecords } from "./apfs-btree.ts";
import { type ApfsBlocks, readObject } from "./apfs-object.ts";

/** One for each node of a volume's tree, and for each snapshot that has another one. */
const MAX_ENTRIES = 200_000;
/** omap_val_t: OMAP_VAL_DELETED */
const DELETED = 1;

/** Where the objects of a container or a volume stand, as of a transaction. */
export class ApfsObjectMap {
  readonly #blocks = new Map<number, { readonly transaction: number; readonly block: number }>();

  /** Reads the map in a block whole (Apple File System Reference, "Object Maps"). Throws `UnreadableError`. */
  static async read(blocks: ApfsBlocks, omapBlock: number, transaction: number): Promise<ApfsObjectMap> {
    const map = new ApfsObjectMap();
    const omap = await readObject(blocks, omapBlock, WHERE);
    const rootBlock = new ByteReader(omap, WHERE).seek(48).u64le();
    let count = 0;
    for await (const { key, value } of treeRecords(blocks, rootBlock, (block) => block, WHERE)) {
      count += 1;
      if (count > MAX_ENTRIES) {
        throw new UnreadableError(
          "limit",
          `The ${WHERE} has more than the ${MAX_ENTRIES} entries read.`,
          WHERE,
        );
      }
      const id = key.u64le();
      const since = key.u64le();
      const flags = value.u32le();
      const block = value.skip(4).u64le();
      if (since > transaction || (map.#blocks.get(id)?.transaction ?? -1) > since) continue;
      if ((flags & DELETED) === 0) map.#blocks.set(id, { transaction: since, block });
      else map.#blocks.delete(id);
    }
    return map;
  }

  /** The block of an object. Throws `UnreadableError` for one that the map does not have. */
  readonly blockOf = (id: number): number => {
    const entry = this.#blocks.get(id);
    if (entry !== undefined) return entry.block;
    throw new UnreadableError("damaged", `The ${WHERE} does not have object ${id}.`, WHERE);
  };
}

const WHERE = "APFS object map";
