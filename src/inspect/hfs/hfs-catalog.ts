import type { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { BTreeRecord } from "./hfs-btree.ts";
import { type Fork, readFork } from "./hfs-fork.ts";

const FOLDER = 1;
const FILE = 2;
/** A kilobyte of memory each. */
const MAX_ENTRIES = 200_000;
/** "hlnk", the type of a file that is another name of a file kept elsewhere. */
const HARD_LINK = 0x686c6e6b;
/** Bit 5 of the owner's flags, UF_COMPRESSED: the content stands in an attribute or in the resource fork. */
const COMPRESSED = 0x20;

interface CatalogEntry {
  readonly id: number;
  readonly parentId: number;
  readonly name: string;
}

export interface CatalogFile extends CatalogEntry {
  readonly mode: number;
  readonly dataFork: Fork;
  readonly resourceFork: Fork;
  readonly isCompressed: boolean;
  /** For a hard link, the number of the file it means. */
  readonly inode: number | null;
}

export interface HfsCatalog {
  /** By id; the root folder has id 2, and its parent 1. */
  readonly folders: ReadonlyMap<number, CatalogEntry>;
  readonly files: readonly CatalogFile[];
}

/** Sorts the records of a catalog (TN1150, "Catalog File"). Throws `UnreadableError`. */
export async function readCatalog(records: AsyncIterable<BTreeRecord>): Promise<HfsCatalog> {
  const folders = new Map<number, CatalogEntry>();
  const files: CatalogFile[] = [];
  for await (const { key, data } of records) {
    if (folders.size + files.length >= MAX_ENTRIES) {
      throw new UnreadableError("limit", `The volume has more than the ${MAX_ENTRIES} files read.`, WHERE);
    }
    const parentId = key.u32be();
    const name = readName(key);
    const kind = data.u16be();
    if (kind === FOLDER) {
      const id = data.seek(8).u32be();
      folders.set(id, { id, parentId, name });
    } else if (kind === FILE) {
      files.push({ parentId, name, ...readFile(data) });
    }
  }
  return { folders, files };
}

const WHERE = "catalog file";

/** UTF-16 with its length in front. What the Finder shows as `/` stands as a colon in paths, and the other way round here. */
function readName(key: ByteReader): string {
  const units = key.bytes(key.u16be() * 2);
  return Buffer.from(units).swap16().toString("utf16le").replaceAll("/", ":");
}

/** flags 2 … id 8, dates, owner 32, group 36, flags 40, mode 42, special 44, Finder's type 48 …, data fork 88, resource fork 168. */
function readFile(data: ByteReader): Omit<CatalogFile, "parentId" | "name"> {
  const id = data.seek(8).u32be();
  const ownerFlags = data.seek(41).u8();
  const mode = data.u16be();
  const special = data.u32be();
  const type = data.u32be();
  data.seek(88);
  return {
    id,
    mode,
    dataFork: readFork(data),
    resourceFork: readFork(data),
    isCompressed: (ownerFlags & COMPRESSED) !== 0,
    inode: type === HARD_LINK ? special : null,
  };
}
