import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { type Inode, readInode } from "./inodes.ts";
import { MetadataReader } from "./metadata.ts";
import { readSuperblock, type Superblock } from "./superblock.ts";
import { unpackBlock } from "./unpack-block.ts";

/** A folder's list is read up to this; each entry costs an object. */
const MAX_LIST_BYTES = 256 * 1024;
/** Links that lead to links: more is a circle. */
const MAX_LINKS = 8;
const MAX_PATH_SEGMENTS = 64;
/** A data block's length has this bit when the block is not packed. */
const NOT_PACKED = 0x1000000;
const FRAGMENTS_PER_BLOCK = 512;
const FRAGMENT_BYTES = 16;

/** Where the inode of a folder's entry stands. */
interface InodePlace {
  readonly block: number;
  readonly offset: number;
}

/** A squashfs 4.0 at a place in a file, of which single files are read. Everything throws `UnreadableError` for what is damaged. */
export class SquashFs {
  readonly superblock: Superblock;
  readonly #bytes: RandomAccess;
  readonly #start: number;
  readonly #metadata: MetadataReader;

  private constructor(bytes: RandomAccess, start: number, superblock: Superblock) {
    this.#bytes = bytes;
    this.#start = start;
    this.superblock = superblock;
    this.#metadata = new MetadataReader(bytes, superblock.compression);
  }

  /** Undefined where there is none. */
  static async open(bytes: RandomAccess, start: number): Promise<SquashFs | undefined> {
    const superblock = await readSuperblock(bytes, start);
    return superblock && new SquashFs(bytes, start, superblock);
  }

  /** The names in the root folder. */
  async rootNames(): Promise<string[]> {
    return [...(await this.#list(await this.#inode(this.superblock.rootInode))).keys()];
  }

  /** The content of a file, links followed; undefined where there is none. Throws (`limit`) when it is longer than `limitBytes`. */
  async readFile(path: string, limitBytes: number): Promise<Buffer | undefined> {
    const inode = await this.#find(path);
    return inode?.kind === "file" ? await this.#content(inode, path, limitBytes) : undefined;
  }

  /** The inode that a path names; `..` stays at the root where the root is. */
  async #find(path: string): Promise<Inode | undefined> {
    const segments = path.split("/");
    const folders = [await this.#inode(this.superblock.rootInode)];
    let links = 0;
    for (let steps = 0; segments.length > 0; steps += 1) {
      if (steps > MAX_PATH_SEGMENTS) throw new UnreadableError("limit", `The path of ${path} is too long.`);
      const segment = segments.shift()!;
      if (segment === "" || segment === ".") continue;
      if (segment === "..") {
        if (folders.length > 1) folders.pop();
        continue;
      }
      const place = (await this.#list(folders.at(-1)!)).get(segment);
      if (place === undefined) return undefined;
      const inode = await this.#inode(place);
      if (inode.kind === "link") {
        links += 1;
        if (links > MAX_LINKS) throw new UnreadableError("damaged", `The links to ${path} lead nowhere.`);
        if (inode.target.startsWith("/")) folders.length = 1;
        segments.unshift(...inode.target.split("/").slice(0, MAX_PATH_SEGMENTS));
        continue;
      }
      if (inode.kind !== "directory") return segments.length === 0 ? inode : undefined;
      folders.push(inode);
    }
    return folders.at(-1);
  }

  #inode({ block, offset }: InodePlace): Promise<Inode> {
    const start = this.#start + this.superblock.inodeTable + block;
    return readInode(this.#metadata, start, offset, this.superblock.blockBytes);
  }

  async #list(folder: Inode): Promise<Map<string, InodePlace>> {
    const entries = new Map<string, InodePlace>();
    // The length counts "." and "..", which are not there, as three bytes.
    if (folder.kind !== "directory" || folder.listBytes <= 3) return entries;
    if (folder.listBytes > MAX_LIST_BYTES) {
      throw new UnreadableError("limit", `A folder of the squashfs is longer than ${MAX_LIST_BYTES} bytes.`);
    }
    const start = this.#start + this.superblock.directoryTable + folder.block;
    const list = await this.#metadata.read(start, folder.offset, folder.listBytes - 3);
    const reader = new ByteReader(list, "squashfs folder");
    while (reader.left > 0) {
      const count = reader.u32le() + 1;
      const block = reader.u32le();
      reader.skip(4);
      for (let index = 0; index < count; index += 1) {
        const offset = reader.u16le();
        const name = reader.skip(4).bytes(2).readUInt16LE(0) + 1;
        entries.set(reader.bytes(name).toString("utf8"), { block, offset });
      }
    }
    return entries;
  }

  async #content(
    { sizeBytes, start, blocks, fragment }: Inode & { kind: "file" },
    path: string,
    limitBytes: number,
  ): Promise<Buffer> {
    if (sizeBytes > limitBytes || blocks === undefined) {
      throw new UnreadableError(
        "limit",
        `${path} is longer than the ${limitBytes} bytes that are read.`,
        path,
      );
    }
    const { blockBytes } = this.superblock;
    const parts: Buffer[] = [];
    let at = this.#start + start;
    for (const stored of blocks) {
      // Of a block of zeros nothing is stored.
      parts.push(stored === 0 ? Buffer.alloc(blockBytes) : await this.#data(at, stored));
      at += stored & ~NOT_PACKED;
    }
    if (fragment) {
      const tail = sizeBytes % blockBytes;
      parts.push((await this.#fragment(fragment.index)).subarray(fragment.offset, fragment.offset + tail));
    }
    const content = Buffer.concat(parts).subarray(0, sizeBytes);
    if (content.length === sizeBytes) return content;
    throw new UnreadableError("damaged", `${path} is shorter than the squashfs says.`, path);
  }

  async #data(offset: number, stored: number): Promise<Buffer> {
    const sizeBytes = stored & ~NOT_PACKED;
    const { blockBytes, compression } = this.superblock;
    if (sizeBytes > blockBytes)
      throw new UnreadableError("damaged", "A block of the squashfs is longer than blocks are.");
    const packed = await readExactly(this.#bytes, offset, sizeBytes);
    if (!packed) throw new UnreadableError("truncated", "The squashfs ends within a block.");
    return (stored & NOT_PACKED) === 0 ? await unpackBlock(packed, compression, blockBytes) : packed;
  }

  /** Ends of files that share a block. */
  async #fragment(index: number): Promise<Buffer> {
    const { fragmentTable, fragmentCount } = this.superblock;
    if (index >= fragmentCount) throw new UnreadableError("damaged", "The squashfs has no such fragment.");
    const pointer = this.#start + fragmentTable + Math.floor(index / FRAGMENTS_PER_BLOCK) * 8;
    const bytes = await readExactly(this.#bytes, pointer, 8);
    if (!bytes) throw new UnreadableError("truncated", "The squashfs ends before its fragments.");
    const block = this.#start + new ByteReader(bytes, "squashfs fragments").u64le();
    const entry = await this.#metadata.read(
      block,
      (index % FRAGMENTS_PER_BLOCK) * FRAGMENT_BYTES,
      FRAGMENT_BYTES,
    );
    const reader = new ByteReader(entry, "squashfs fragments");
    return await this.#data(this.#start + reader.u64le(), reader.u32le());
  }
}
