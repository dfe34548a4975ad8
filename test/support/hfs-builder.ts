/** What stands in an HFS+ volume. */
export interface HfsInput {
  /** Folders are made as needed; one that ends in `/` is an empty folder. */
  readonly path: string;
  readonly content?: Uint8Array;
  /** The content is the target of a symbolic link. */
  readonly isLink?: boolean;
  /** Each block stands apart from the next one: more than eight of them go to the extents overflow file. */
  readonly isFragmented?: boolean;
  /** Another name of the file at this path. */
  readonly hardLinkTo?: string;
  /** Marked as compressed by the file system. */
  readonly isCompressed?: boolean;
}

export interface HfsOptions {
  readonly volumeName?: string;
  /** Bytes of a node of the catalog; small ones make a tree of more levels. */
  readonly nodeBytes?: number;
}

const BLOCK = 4096;
const FIRST_ID = 16;
const ROOT_PARENT = 1;
const ROOT = 2;
/** Seconds from 1904 to some day of 2026. */
const TIME = 3_860_000_000;
const PRIVATE_FOLDER = "\0\0\0\0HFS+ Private Data";

interface Extent {
  readonly start: number;
  readonly count: number;
}

interface Record {
  readonly key: Buffer;
  readonly data: Buffer;
}

/** Builds an HFS+ volume (TN1150): what mkfs and a mount would make, without either. */
export function buildHfs(inputs: readonly HfsInput[], options: HfsOptions = {}): Buffer {
  return new HfsBuilder(options).build(inputs);
}

class HfsBuilder {
  readonly #volumeName: string;
  readonly #nodeBytes: number;
  readonly #folders = new Map<string, number>([["", ROOT]]);
  readonly #children = new Map<number, number>();
  readonly #records: { parent: number; name: string; data: Buffer }[] = [];
  readonly #overflow: { id: number; start: number; extents: readonly Extent[] }[] = [];
  readonly #blocks: Buffer[] = [Buffer.alloc(BLOCK)];
  readonly #free = new Set<number>();
  #nextId = FIRST_ID;
  #files = 0;

  constructor({ volumeName = "Acme", nodeBytes = 4096 }: HfsOptions) {
    this.#volumeName = volumeName;
    this.#nodeBytes = nodeBytes;
  }

  build(inputs: readonly HfsInput[]): Buffer {
    this.#addFolderRecord(ROOT_PARENT, this.#volumeName, ROOT);
    const inodes = new Map<string, number>();
    for (const { hardLinkTo } of inputs) if (hardLinkTo) inodes.set(hardLinkTo, 0);
    for (const input of inputs) {
      if (input.path.endsWith("/")) this.#folder(input.path.slice(0, -1));
      else if (input.hardLinkTo !== undefined) this.#addLink(input.path, inodes.get(input.hardLinkTo)!);
      else if (inodes.has(input.path)) {
        // The file itself goes to the private folder under its number, and its first name becomes a link too.
        const inode = this.#nextId;
        inodes.set(input.path, inode);
        this.#addFile({ ...input, path: `${PRIVATE_FOLDER}/iNode${inode}` });
        this.#addLink(input.path, inode);
      } else this.#addFile(input);
    }
    const folders = [...this.#folders].map(([path, id]) => ({ path, id }));
    const leaves = this.#catalogRecords(folders);
    const catalog = this.#allocate(btree(leaves, this.#nodeBytes, 516, 6), false);
    const overflow = this.#allocate(btree(this.#overflowRecords(), 4096, 10, 2), false);
    const attributes = this.#allocate(btree([], 4096, 266, 6), false);
    return this.#volume(catalog, overflow, attributes);
  }

  #folder(path: string): number {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const [parent, name] = split(path);
    const parentId = this.#folder(parent);
    const id = this.#nextId++;
    this.#folders.set(path, id);
    this.#addFolderRecord(parentId, name, id);
    return id;
  }

  #addFolderRecord(parent: number, name: string, id: number): void {
    const data = Buffer.alloc(88);
    data.writeUInt16BE(1, 0);
    data.writeUInt32BE(id, 8);
    writeDates(data);
    data.writeUInt16BE(0o040755, 42);
    this.#add(parent, name, data);
    this.#add(id, "", thread(3, parent, name));
  }

  #addFile({ path, content = new Uint8Array(), isLink, isFragmented, isCompressed }: HfsInput): void {
    const [folder, name] = split(path);
    const parent = this.#folder(folder);
    const id = this.#nextId++;
    const extents = this.#allocate(content, isFragmented === true);
    const data = fileRecord(id, isLink === true ? 0o120755 : 0o100644, content.length, extents);
    if (isCompressed === true) data.writeUInt8(0x20, 41);
    if (isLink === true) data.write("slnkrhap", 48, "latin1");
    for (let at = 8; at < extents.length; at += 8) {
      this.#overflow.push({ id, start: at, extents: extents.slice(at, at + 8) });
    }
    this.#add(parent, name, data);
    this.#add(id, "", thread(4, parent, name));
    this.#files += 1;
  }

  #addLink(path: string, inode: number): void {
    const [folder, name] = split(path);
    const parent = this.#folder(folder);
    const id = this.#nextId++;
    const data = fileRecord(id, 0o100644, 0, []);
    data.writeUInt32BE(inode, 44);
    data.write("hlnkhfs+", 48, "latin1");
    this.#add(parent, name, data);
    this.#add(id, "", thread(4, parent, name));
    this.#files += 1;
  }

  #add(parent: number, name: string, data: Buffer): void {
    this.#records.push({ parent, name, data });
    if (name !== "") this.#children.set(parent, (this.#children.get(parent) ?? 0) + 1);
  }

  #catalogRecords(folders: readonly { readonly id: number }[]): Record[] {
    for (const record of this.#records) {
      if (record.data.readUInt16BE(0) !== 1) continue;
      const folder = folders.find(({ id }) => id === record.data.readUInt32BE(8));
      record.data.writeUInt32BE(this.#children.get(folder!.id) ?? 0, 4);
    }
    return this.#records
      .toSorted((a, b) => a.parent - b.parent || compareNames(a.name, b.name))
      .map(({ parent, name, data }) => {
        const text = utf16(name);
        const key = Buffer.alloc(6);
        key.writeUInt32BE(parent, 0);
        key.writeUInt16BE(name.length, 4);
        return { key: Buffer.concat([key, text]), data };
      });
  }

  #overflowRecords(): Record[] {
    return this.#overflow
      .toSorted((a, b) => a.id - b.id || a.start - b.start)
      .map(({ id, start, extents }) => {
        const key = Buffer.alloc(10);
        key.writeUInt32BE(id, 2);
        key.writeUInt32BE(start, 6);
        return { key, data: extentRecord(extents) };
      });
  }

  /** Puts bytes into blocks; one extent, or one for each block with a free one between. */
  #allocate(content: Uint8Array, isFragmented: boolean): Extent[] {
    const start = this.#blocks.length;
    const count = Math.ceil(content.length / BLOCK);
    const extents: Extent[] = [];
    for (let index = 0; index < count; index += 1) {
      const block = Buffer.alloc(BLOCK);
      block.set(content.subarray(index * BLOCK, (index + 1) * BLOCK));
      if (isFragmented) {
        extents.push({ start: this.#blocks.length, count: 1 });
        this.#blocks.push(block);
        this.#free.add(this.#blocks.length);
        this.#blocks.push(Buffer.alloc(BLOCK));
      } else this.#blocks.push(block);
    }
    return isFragmented || count === 0 ? extents : [{ start, count }];
  }

  #volume(catalog: Extent[], overflow: Extent[], attributes: Extent[]): Buffer {
    // One block of bitmap is enough for 128 MiB; the second last kilobyte repeats the header.
    const bitmapBlock = this.#blocks.length;
    this.#blocks.push(Buffer.alloc(BLOCK), Buffer.alloc(BLOCK));
    const blocks = this.#blocks.length;
    for (let block = 0; block < blocks; block += 1) {
      if (!this.#free.has(block)) this.#blocks[bitmapBlock]![block >> 3]! |= 0x80 >> (block & 7);
    }
    const header = Buffer.alloc(512);
    header.write("H+", 0, "latin1");
    header.writeUInt16BE(4, 2);
    header.writeUInt32BE(0x100, 4);
    header.write("10.0", 8, "latin1");
    for (const at of [16, 20, 28]) header.writeUInt32BE(TIME, at);
    header.writeUInt32BE(this.#files, 32);
    header.writeUInt32BE(this.#folders.size - 1, 36);
    header.writeUInt32BE(BLOCK, 40);
    header.writeUInt32BE(blocks, 44);
    header.writeUInt32BE(this.#free.size, 48);
    header.writeUInt32BE(BLOCK, 56);
    header.writeUInt32BE(BLOCK, 60);
    header.writeUInt32BE(this.#nextId, 64);
    header.writeUInt32BE(1, 68);
    header.writeBigUInt64BE(1n, 72);
    fork(BLOCK, [{ start: bitmapBlock, count: 1 }]).copy(header, 112);
    fork(sizeOf(overflow), overflow).copy(header, 192);
    fork(sizeOf(catalog), catalog).copy(header, 272);
    fork(sizeOf(attributes), attributes).copy(header, 352);
    const volume = Buffer.concat(this.#blocks);
    header.copy(volume, 1024);
    header.copy(volume, volume.length - 1024);
    return volume;
  }
}

const sizeOf = (extents: readonly Extent[]): number =>
  extents.reduce((sum, { count }) => sum + count * BLOCK, 0);

function split(path: string): [folder: string, name: string] {
  const at = path.lastIndexOf("/");
  return [path.slice(0, Math.max(0, at)), path.slice(at + 1)];
}

/** As HFS+ compares: without regard to case; NUL comes last. */
function compareNames(a: string, b: string): number {
  const fold = (name: string) => name.toLowerCase().replaceAll("\0", "\uffff");
  return fold(a) < fold(b) ? -1 : 1;
}

const utf16 = (text: string): Buffer => Buffer.from(text.replaceAll(":", "/"), "utf16le").swap16();

function writeDates(record: Buffer): void {
  for (const at of [12, 16, 20, 24]) record.writeUInt32BE(TIME, at);
}

function thread(kind: number, parent: number, name: string): Buffer {
  const record = Buffer.alloc(10);
  record.writeUInt16BE(kind, 0);
  record.writeUInt32BE(parent, 4);
  record.writeUInt16BE(name.length, 8);
  return Buffer.concat([record, utf16(name)]);
}

function fileRecord(id: number, mode: number, sizeBytes: number, extents: readonly Extent[]): Buffer {
  const record = Buffer.alloc(248);
  record.writeUInt16BE(2, 0);
  record.writeUInt16BE(2, 2);
  record.writeUInt32BE(id, 8);
  writeDates(record);
  record.writeUInt16BE(mode, 42);
  record.writeUInt32BE(1, 44);
  fork(sizeBytes, extents).copy(record, 88);
  return record;
}

function fork(sizeBytes: number, extents: readonly Extent[]): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(BigInt(sizeBytes), 0);
  bytes.writeUInt32BE(BLOCK, 8);
  bytes.writeUInt32BE(sizeOf(extents) / BLOCK, 12);
  return Buffer.concat([bytes, extentRecord(extents.slice(0, 8))]);
}

function extentRecord(extents: readonly Extent[]): Buffer {
  const bytes = Buffer.alloc(64);
  for (const [index, { start, count }] of extents.entries()) {
    bytes.writeUInt32BE(start, index * 8);
    bytes.writeUInt32BE(count, index * 8 + 4);
  }
  return bytes;
}

/** A B-tree: the header node, leaves, and as many levels of index nodes as it takes. */
function btree(
  records: readonly Record[],
  nodeBytes: number,
  maxKeyBytes: number,
  attributes: number,
): Buffer {
  const nodes: Buffer[] = [Buffer.alloc(nodeBytes)];
  let level = records;
  let height = 1;
  let root = 0;
  const leafStart = 1;
  let leafStop = 0;
  while (level.length > 0) {
    const groups = grouped(level, nodeBytes);
    const first = nodes.length;
    const parents: Record[] = [];
    for (const [index, group] of groups.entries()) {
      const next = index + 1 < groups.length ? first + index + 1 : 0;
      const previous = index > 0 ? first + index - 1 : 0;
      parents.push({ key: group[0]!.key, data: u32(nodes.length) });
      nodes.push(node(group, nodeBytes, height === 1 ? -1 : 0, height, next, previous));
    }
    if (height === 1) leafStop = nodes.length - 1;
    if (groups.length === 1) {
      root = first;
      break;
    }
    level = parents;
    height += 1;
  }
  nodes[0] = headerNode({
    nodeBytes,
    depth: records.length === 0 ? 0 : height,
    root,
    leafRecords: records.length,
    firstLeaf: records.length === 0 ? 0 : leafStart,
    lastLeaf: leafStop,
    maxKeyBytes,
    nodes: nodes.length,
    attributes,
  });
  const bytes = Buffer.concat(nodes);
  // Whole blocks; what is left over counts as free nodes.
  const total = Math.ceil(bytes.length / BLOCK) * BLOCK;
  const whole = Buffer.concat([bytes, Buffer.alloc(total - bytes.length)]);
  whole.writeUInt32BE(total / nodeBytes, 36);
  whole.writeUInt32BE(total / nodeBytes - nodes.length, 40);
  return whole;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

function encode({ key, data }: Record): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(key.length);
  return Buffer.concat([length, key, data, Buffer.alloc(data.length % 2)]);
}

function grouped(records: readonly Record[], nodeBytes: number): Record[][] {
  const groups: Record[][] = [];
  let left = 0;
  for (const record of records) {
    const bytes = encode(record).length + 2;
    if (left < bytes) {
      groups.push([]);
      left = nodeBytes - 14 - 2;
    }
    groups.at(-1)!.push(record);
    left -= bytes;
  }
  return groups;
}

function node(
  records: readonly Record[],
  nodeBytes: number,
  kind: number,
  height: number,
  next: number,
  previous: number,
): Buffer {
  const bytes = Buffer.alloc(nodeBytes);
  bytes.writeUInt32BE(next, 0);
  bytes.writeUInt32BE(previous, 4);
  bytes.writeInt8(kind, 8);
  bytes.writeUInt8(height, 9);
  bytes.writeUInt16BE(records.length, 10);
  let at = 14;
  for (const [index, record] of records.entries()) {
    bytes.writeUInt16BE(at, nodeBytes - 2 * (index + 1));
    at += encode(record).copy(bytes, at);
  }
  bytes.writeUInt16BE(at, nodeBytes - 2 * (records.length + 1));
  return bytes;
}

function headerNode(header: {
  nodeBytes: number;
  depth: number;
  root: number;
  leafRecords: number;
  firstLeaf: number;
  lastLeaf: number;
  maxKeyBytes: number;
  nodes: number;
  attributes: number;
}): Buffer {
  const { nodeBytes } = header;
  const bytes = Buffer.alloc(nodeBytes);
  bytes.writeInt8(1, 8);
  bytes.writeUInt16BE(3, 10);
  bytes.writeUInt16BE(header.depth, 14);
  bytes.writeUInt32BE(header.root, 16);
  bytes.writeUInt32BE(header.leafRecords, 20);
  bytes.writeUInt32BE(header.firstLeaf, 24);
  bytes.writeUInt32BE(header.lastLeaf, 28);
  bytes.writeUInt16BE(nodeBytes, 32);
  bytes.writeUInt16BE(header.maxKeyBytes, 34);
  bytes.writeUInt32BE(BLOCK, 46);
  bytes.writeUInt8(0xcf, 51);
  bytes.writeUInt32BE(header.attributes, 52);
  for (const [index, offset] of [14, 120, 248, nodeBytes - 8].entries()) {
    bytes.writeUInt16BE(offset, nodeBytes - 2 * (index + 1));
  }
  for (let index = 0; index < header.nodes; index += 1) bytes[248 + (index >> 3)]! |= 0x80 >> (index & 7);
  return bytes;
}
