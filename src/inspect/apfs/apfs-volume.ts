import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ApfsContainer } from "./apfs-container.ts";
import { readObject } from "./apfs-object.ts";
import { ApfsObjectMap } from "./apfs-omap.ts";

/** "APSB" */
const MAGIC = 0x42535041;
/** apfs_incompatible_features: names are compared without case or without regard to their composition, and keys hold a hash. */
const CASE_INSENSITIVE = 1;
const NORMALIZATION_INSENSITIVE = 8;
/** apfs_fs_flags: APFS_FS_UNENCRYPTED */
const UNENCRYPTED = 1;
const NAME_BYTES = 256;

export interface ApfsVolume {
  readonly name: string;
  readonly isCaseSensitive: boolean;
  /** Keys of names hold a hash. */
  readonly hasHashes: boolean;
  readonly fileCount: number;
  readonly usedBlocks: number;
  /** Number of the root of the tree with all files, in `omap`. */
  readonly rootTreeId: number;
  readonly omap: ApfsObjectMap;
}

/** Reads the first volume of a container; disk images have one. Throws `UnreadableError`. */
export async function readApfsVolume(container: ApfsContainer): Promise<ApfsVolume> {
  const { transaction, omapBlock, volumeIds } = container;
  const [id] = volumeIds;
  if (id === undefined) throw new UnreadableError("damaged", "The APFS container has no volume.", WHERE);
  const objects = await ApfsObjectMap.read(container, omapBlock, transaction);
  const block = await readObject(container, objects.blockOf(id), WHERE);
  const reader = new ByteReader(block, WHERE);
  if (reader.seek(32).u32le() !== MAGIC) throw new UnreadableError("damaged", `The ${WHERE} is none.`, WHERE);
  const features = reader.seek(56).u64le();
  const usedBlocks = reader.seek(88).u64le();
  const volumeOmapBlock = reader.seek(128).u64le();
  const rootTreeId = reader.u64le();
  const fileCount = reader.seek(184).u64le();
  const flags = reader.seek(264).u64le();
  if (flags % 2 !== UNENCRYPTED) {
    throw new UnreadableError("unsupported", "The APFS volume is encrypted.", WHERE);
  }
  const name = reader.seek(704).bytes(NAME_BYTES);
  const isCaseSensitive = features % 2 !== CASE_INSENSITIVE;
  return {
    name: name.toString("utf8", 0, Math.max(0, name.indexOf(0))),
    isCaseSensitive,
    hasHashes: !isCaseSensitive || Math.floor(features / NORMALIZATION_INSENSITIVE) % 2 === 1,
    fileCount,
    usedBlocks,
    rootTreeId,
    omap: await ApfsObjectMap.read(container, volumeOmapBlock, transaction),
  };
}

const WHERE = "APFS volume superblock";
