import type { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import type { FileExtent } from "../volume/extent-access.ts";
import type { ApfsRecord } from "./apfs-btree.ts";
import type { ApfsVolume } from "./apfs-volume.ts";

/** j_obj_types */
const INODE = 3;
const EXTENDED_ATTRIBUTE = 4;
const FILE_EXTENT = 8;
const DIRECTORY_ENTRY = 9;
/** The type stands in the key's highest four bits, the file's number in the others. */
const TYPE_UNIT = 2 ** 28;
/** The flags of an extent's length stand in its highest byte. */
const LENGTH_UNIT = 2 ** 24;
/** INO_EXT_TYPE_DSTREAM */
const DATA_STREAM = 8;
/** UF_COMPRESSED, of the BSD flags. */
const COMPRESSED = 0x20;
/** XATTR_DATA_EMBEDDED */
const EMBEDDED = 2;
const LINK_ATTRIBUTE = "com.apple.fs.symlink";
/** DT_DIR */
const FOLDER = 4;
/** A kilobyte of memory each. */
const MAX_RECORDS = 500_000;

export interface ApfsEntry {
  readonly parentId: number;
  readonly id: number;
  readonly name: string;
  readonly isFolder: boolean;
}

export interface ApfsInode {
  /** The number that its extents have. */
  readonly streamId: number;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly isCompressed: boolean;
}

/** All that a volume's tree says of its files. */
export interface ApfsCatalog {
  readonly entries: readonly ApfsEntry[];
  readonly inodes: ReadonlyMap<number, ApfsInode>;
  readonly extents: ReadonlyMap<number, readonly FileExtent[]>;
  /** The targets of symbolic links by file. */
  readonly links: ReadonlyMap<number, string>;
}

/** Sorts the records of a volume's tree (Apple File System Reference, "File-System Objects"). Throws `UnreadableError`. */
export async function readApfsCatalog(
  records: AsyncIterable<ApfsRecord>,
  { hasHashes }: Pick<ApfsVolume, "hasHashes">,
  blockBytes: number,
): Promise<ApfsCatalog> {
  const entries: ApfsEntry[] = [];
  const inodes = new Map<number, ApfsInode>();
  const extents = new Map<number, FileExtent[]>();
  const links = new Map<number, string>();
  let count = 0;
  for await (const { key, value } of records) {
    count += 1;
    if (count > MAX_RECORDS) {
      throw new UnreadableError("limit", `The volume has more than the ${MAX_RECORDS} records read.`, WHERE);
    }
    const low = key.u32le();
    const high = key.u32le();
    const id = (high % TYPE_UNIT) * 2 ** 32 + low;
    switch (Math.floor(high / TYPE_UNIT)) {
      case INODE:
        inodes.set(id, readInode(value));
        break;
      case DIRECTORY_ENTRY:
        entries.push(readEntry(id, key, value, hasHashes));
        break;
      case FILE_EXTENT:
        append(extents, id, readExtent(key, value, blockBytes));
        break;
      case EXTENDED_ATTRIBUTE: {
        const target = readLink(key, value);
        if (target !== null) links.set(id, target);
        break;
      }
      default:
    }
  }
  return { entries, inodes, extents, links };
}

const WHERE = "APFS volume";

/** parent 8, stream 8, four times 8, flags 8, … BSD flags at 68, mode at 80, extended fields at 92. */
function readInode(value: ByteReader): ApfsInode {
  const streamId = value.seek(8).u64le();
  const flags = value.seek(68).u32le();
  const mode = value.seek(80).u16le();
  value.seek(92);
  return { streamId, mode, sizeBytes: streamBytes(value), isCompressed: (flags & COMPRESSED) !== 0 };
}

/** The size of an inode's data, in its extended fields: their count 2, bytes 2, type 1, flags 1 and size 2 of each; then the fields. */
function streamBytes(value: ByteReader): number {
  if (value.left < 4) return 0;
  const count = value.u16le();
  value.skip(2);
  const fields = Array.from({ length: Math.min(count, Math.floor(value.left / 4)) }, () => ({
    type: value.u8(),
    sizeBytes: value.skip(1).u16le(),
  }));
  for (const { type, sizeBytes } of fields) {
    if (type === DATA_STREAM) return value.u64le();
    // Each begins at a multiple of eight.
    value.skip(Math.min(value.left, Math.ceil(sizeBytes / 8) * 8));
  }
  return 0;
}

/** The length of a name, with its zero, stands in ten bits when a hash follows, else in sixteen. */
function readEntry(parentId: number, key: ByteReader, value: ByteReader, hasHashes: boolean): ApfsEntry {
  const length = hasHashes ? key.u32le() % 1024 : key.u16le();
  const name = textOf(key.bytes(length));
  const id = value.u64le();
  const type = value.skip(8).u16le() & 15;
  return { parentId, id, name, isFolder: type === FOLDER };
}

function readExtent(key: ByteReader, value: ByteReader, blockBytes: number): FileExtent {
  const start = key.u64le();
  const low = value.u32le();
  const length = (value.u32le() % LENGTH_UNIT) * 2 ** 32 + low;
  const block = value.u64le();
  return { start, length, offset: block === 0 ? null : block * blockBytes };
}

/** The target of a symbolic link stands in an attribute, with a zero at its end; null for other attributes. */
function readLink(key: ByteReader, value: ByteReader): string | null {
  if (textOf(key.bytes(key.u16le())) !== LINK_ATTRIBUTE) return null;
  if ((value.u16le() & EMBEDDED) === 0) return null;
  return textOf(value.bytes(value.u16le()));
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end === -1 ? bytes.length : end);
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
