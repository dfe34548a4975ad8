/** What stands in an APFS volume. */
export interface ApfsInput {
  readonly path: string;
  readonly content?: Uint8Array;
  readonly isLink?: boolean;
  /** In pieces of one block each, with one that is a hole where a block is all zeros. */
  readonly isFragmented?: boolean;
  readonly isCompressed?: boolean;
}

export interface ApfsOptions {
  readonly volumeName?: string;
  readonly isCaseSensitive?: boolean;
  readonly isEncrypted?: boolean;
  /** The superblock in block 0 is of the transaction before, whose map is gone. */
  readonly isHeadOld?: boolean;
}

const BLOCK = 4096;
const NODE_HEADER = 56;
const INFO = 40;
const TRANSACTION = 2n;
const ROOT = 2;
const FIRST_ID = 16;
/** Numbers of objects that are not blocks. */
const VOLUME_ID = 1026;
const SPACEMAN_ID = 1024;
const REAPER_ID = 1025;
const FIRST_NODE_ID = 2000;

interface Record {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Builds an APFS container of one volume (Apple File System Reference), as far as readers need it: no space manager. */
export function buildApfs(inputs: readonly ApfsInput[], options: ApfsOptions = {}): Buffer {
  return new ApfsBuilder(options).build(inputs);
}

class ApfsBuilder {
  readonly #options: ApfsOptions;
  readonly #blocks: Buffer[] = [];
  readonly #records: Record[] = [];
  readonly #folders = new Map<string, number>([["", ROOT]]);
  readonly #children = new Map<number, number>();
  #nextId = FIRST_ID;
  #files = 0;

  constructor(options: ApfsOptions) {
    this.#options = options;
  }

  build(inputs: readonly ApfsInput[]): Buffer {
    // Block 0 is the superblock; 1 to 4 are for checkpoints, of which there is one: a map of objects in memory, empty, and a superblock.
    for (let index = 0; index < 5; index += 1) this.#blocks.push(Buffer.alloc(BLOCK));
    for (const input of inputs) this.#addFile(input);
    for (const [path, id] of this.#folders) {
      this.#inode(
        id,
        path === "" ? 1 : this.#folders.get(parentOf(path))!,
        0o040755,
        this.#children.get(id) ?? 0,
      );
    }
    const nodes = this.#fileTree();
    const volumeMap = this.#objectMap(nodes.map(({ id, block }) => ({ id, block })));
    const volume = this.#volume(volumeMap, nodes.at(-1)!.id);
    const containerMap = this.#objectMap([{ id: VOLUME_ID, block: volume }]);
    const superblock = this.#superblock(containerMap, TRANSACTION);
    superblock.copy(this.#blocks[2]!);
    checkpointMap().copy(this.#blocks[1]!);
    const isHeadOld = this.#options.isHeadOld === true;
    (isHeadOld ? this.#superblock(0, TRANSACTION - 1n) : superblock).copy(this.#blocks[0]!);
    return Buffer.concat(this.#blocks);
  }

  #folder(path: string): number {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const parent = this.#folder(parentOf(path));
    const id = this.#nextId++;
    this.#folders.set(path, id);
    this.#entry(parent, nameOf(path), id, 4);
    return id;
  }

  #addFile({ path, content = new Uint8Array(), isLink, isFragmented, isCompressed }: ApfsInput): void {
    const parent = this.#folder(parentOf(path));
    const id = this.#nextId++;
    this.#files += 1;
    this.#entry(parent, nameOf(path), id, isLink === true ? 10 : 8);
    if (isLink === true) {
      this.#inode(id, parent, 0o120755, 1);
      const name = Buffer.from("com.apple.fs.symlink\0");
      const target = Buffer.concat([Buffer.from(content), Buffer.alloc(1)]);
      const key = Buffer.concat([recordKey(id, 4), u16(name.length), name]);
      this.#records.push({ key, value: Buffer.concat([u16(2), u16(target.length), target]) });
      return;
    }
    this.#inode(id, parent, 0o100644, 1, content.length, isCompressed === true ? 0x20 : 0);
    const piece = isFragmented === true ? BLOCK : Math.ceil(content.length / BLOCK) * BLOCK;
    for (let at = 0; at < content.length; at += piece) {
      const part = content.subarray(at, at + piece);
      const isHole = isFragmented === true && part.every((byte) => byte === 0);
      const block = isHole ? 0 : this.#allocate(part);
      if (isFragmented === true) this.#blocks.push(Buffer.alloc(BLOCK, 0xee));
      const length = Math.ceil(part.length / BLOCK) * BLOCK;
      this.#records.push({
        key: Buffer.concat([recordKey(id, 8), u64(at)]),
        value: Buffer.concat([u64(length), u64(block), u64(0)]),
      });
    }
  }

  #allocate(content: Uint8Array): number {
    const first = this.#blocks.length;
    for (let at = 0; at < content.length; at += BLOCK) {
      const block = Buffer.alloc(BLOCK);
      block.set(content.subarray(at, at + BLOCK));
      this.#blocks.push(block);
    }
    return first;
  }

  #entry(parent: number, name: string, id: number, type: number): void {
    this.#children.set(parent, (this.#children.get(parent) ?? 0) + 1);
    const text = Buffer.from(`${name}\0`);
    const hash = this.#options.isCaseSensitive === true ? 0 : nameHash(name);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(((hash << 10) | text.length) >>> 0);
    this.#records.push({
      key: Buffer.concat([recordKey(parent, 9), length, text]),
      value: Buffer.concat([u64(id), u64(0), u16(type)]),
    });
  }

  #inode(id: number, parent: number, mode: number, count: number, sizeBytes?: number, flags = 0): void {
    const value = Buffer.alloc(92);
    value.writeBigUInt64LE(BigInt(parent), 0);
    value.writeBigUInt64LE(BigInt(id), 8);
    value.writeUInt32LE(count, 56);
    value.writeUInt32LE(flags, 68);
    value.writeUInt16LE(mode, 80);
    // A name of its own comes first, padded to eight bytes; then the size of the data.
    const name = Buffer.alloc(8, "name\0\0\0\0");
    const stream = Buffer.alloc(40);
    stream.writeBigUInt64LE(BigInt(sizeBytes ?? 0), 0);
    stream.writeBigUInt64LE(BigInt(Math.ceil((sizeBytes ?? 0) / BLOCK) * BLOCK), 8);
    const fields = sizeBytes === undefined ? [field(4, 5)] : [field(4, 5), field(8, 40)];
    const data = sizeBytes === undefined ? [name] : [name, stream];
    const used = data.reduce((sum, { length }) => sum + length, 0);
    const extended = Buffer.concat([u16(fields.length), u16(used), ...fields, ...data]);
    this.#records.push({ key: recordKey(id, 3), value: Buffer.concat([value, extended]) });
  }

  /** Leaves, and nodes above them until there is one, the root, which is the last. */
  #fileTree(): { id: number; block: number }[] {
    let level = this.#records.toSorted(compareRecords);
    const nodes: { id: number; block: number }[] = [];
    for (let height = 0; ; height += 1) {
      const groups = grouped(level);
      const isRoot = groups.length === 1;
      const parents: Record[] = [];
      for (const group of groups) {
        const id = FIRST_NODE_ID + nodes.length;
        const bytes = variableNode(group, height, isRoot, {
          keys: this.#records.length,
          nodes: nodes.length + 1,
        });
        nodes.push({ id, block: this.#push(object(bytes, id, isRoot ? 2 : 3, 14)) });
        parents.push({ key: group[0]!.key, value: u64(id) });
      }
      if (isRoot) return nodes;
      level = parents;
    }
  }

  /** An object map with one node. */
  #objectMap(entries: readonly { readonly id: number; readonly block: number }[]): number {
    const records = entries
      .toSorted((a, b) => a.id - b.id)
      .map(({ id, block }) => ({
        key: Buffer.concat([u64(id), u64(Number(TRANSACTION))]),
        value: Buffer.concat([u32(0), u32(BLOCK), u64(block)]),
      }));
    const tree = this.#blocks.length;
    this.#push(object(fixedNode(records), tree, 0x40000002, 11));
    const map = Buffer.alloc(BLOCK);
    map.writeUInt32LE(1, 32);
    map.writeUInt32LE(0x40000002, 40);
    map.writeUInt32LE(0x40000002, 44);
    map.writeBigUInt64LE(BigInt(tree), 48);
    const block = this.#blocks.length;
    return this.#push(object(map, block, 0x4000000b, 0));
  }

  #volume(mapBlock: number, rootTree: number): number {
    const { volumeName = "Acme", isCaseSensitive, isEncrypted } = this.#options;
    const bytes = Buffer.alloc(BLOCK);
    bytes.write("APSB", 32, "latin1");
    bytes.writeBigUInt64LE(2n, 40);
    bytes.writeBigUInt64LE(isCaseSensitive === true ? 8n : 1n, 56);
    bytes.writeBigUInt64LE(BigInt(this.#blocks.length), 88);
    bytes.writeUInt32LE(2, 116);
    bytes.writeUInt32LE(0x40000002, 120);
    bytes.writeUInt32LE(0x40000002, 124);
    bytes.writeBigUInt64LE(BigInt(mapBlock), 128);
    bytes.writeBigUInt64LE(BigInt(rootTree), 136);
    bytes.writeBigUInt64LE(BigInt(this.#nextId), 176);
    bytes.writeBigUInt64LE(BigInt(this.#files), 184);
    bytes.writeBigUInt64LE(BigInt(this.#folders.size - 1), 192);
    bytes.fill(0xab, 240, 256);
    bytes.writeBigUInt64LE(isEncrypted === true ? 0n : 1n, 264);
    bytes.write("hdiutil", 272, "latin1");
    bytes.write(volumeName, 704, "utf8");
    return this.#push(object(bytes, VOLUME_ID, 13, 0));
  }

  #superblock(mapBlock: number, transaction: bigint): Buffer {
    const bytes = Buffer.alloc(BLOCK);
    bytes.write("NXSB", 32, "latin1");
    bytes.writeUInt32LE(BLOCK, 36);
    bytes.writeBigUInt64LE(BigInt(this.#blocks.length), 40);
    bytes.writeBigUInt64LE(2n, 64);
    bytes.fill(0xcd, 72, 88);
    bytes.writeBigUInt64LE(5000n, 88);
    bytes.writeBigUInt64LE(TRANSACTION + 1n, 96);
    bytes.writeUInt32LE(4, 104);
    bytes.writeUInt32LE(0, 108);
    bytes.writeBigUInt64LE(1n, 112);
    bytes.writeUInt32LE(2, 128);
    bytes.writeUInt32LE(2, 140);
    bytes.writeBigUInt64LE(BigInt(SPACEMAN_ID), 152);
    bytes.writeBigUInt64LE(BigInt(mapBlock), 160);
    bytes.writeBigUInt64LE(BigInt(REAPER_ID), 168);
    bytes.writeUInt32LE(1, 180);
    bytes.writeBigUInt64LE(BigInt(VOLUME_ID), 184);
    return object(bytes, 1, 0x80000001, 0, transaction);
  }

  #push(block: Buffer): number {
    this.#blocks.push(block);
    return this.#blocks.length - 1;
  }
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

const field = (type: number, sizeBytes: number): Buffer =>
  Buffer.concat([Buffer.from([type, 0]), u16(sizeBytes)]);

const recordKey = (id: number, type: number): Buffer => {
  const key = Buffer.alloc(8);
  key.writeBigUInt64LE((BigInt(type) << 60n) | BigInt(id));
  return key;
};

/** By number, by type, then by the rest: the hash and name of an entry, the place of an extent. */
function compareRecords(a: Record, b: Record): number {
  const [first, second] = [a, b].map(({ key }) => key.readBigUInt64LE(0)) as [bigint, bigint];
  const ids = (first & ((1n << 60n) - 1n)) - (second & ((1n << 60n) - 1n));
  if (ids !== 0n) return ids < 0n ? -1 : 1;
  if (first >> 60n !== second >> 60n) return first >> 60n < second >> 60n ? -1 : 1;
  if (first >> 60n === 8n) return Number(a.key.readBigUInt64LE(8) - b.key.readBigUInt64LE(8));
  if (first >> 60n === 9n && a.key.readUInt32LE(8) !== b.key.readUInt32LE(8)) {
    return a.key.readUInt32LE(8) - b.key.readUInt32LE(8);
  }
  return Buffer.compare(a.key, b.key);
}

/** CRC-32C of the name in lower case, as UTF-32, without the last inversion; its low 22 bits. ASCII only. */
function nameHash(name: string): number {
  let crc = 0xffffffff;
  for (const character of name.toLowerCase().normalize("NFD")) {
    const bytes = u32(character.codePointAt(0)!);
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  }
  return crc & 0x3fffff;
}

function grouped(records: readonly Record[]): Record[][] {
  const groups: Record[][] = [];
  let left = 0;
  for (const record of records) {
    const bytes = record.key.length + record.value.length + 8;
    if (left < bytes) {
      groups.push([]);
      left = BLOCK - NODE_HEADER - INFO - 64;
    }
    groups.at(-1)!.push(record);
    left -= bytes;
  }
  return groups;
}

/** What a tree holds, in its root's own record. */
interface TreeCounts {
  readonly keys: number;
  readonly nodes: number;
}

function variableNode(records: readonly Record[], level: number, isRoot: boolean, total: TreeCounts): Buffer {
  return node(records, level, (isRoot ? 1 : 0) | (level === 0 ? 2 : 0), total);
}

function fixedNode(records: readonly Record[]): Buffer {
  return node(records, 0, 1 | 2 | 4, { keys: records.length, nodes: 1 });
}

/** The table of places, keys growing from behind it, values growing from the end, where a root has its own record. */
function node(records: readonly Record[], level: number, flags: number, total: TreeCounts): Buffer {
  const isFixed = (flags & 4) !== 0;
  const bytes = Buffer.alloc(BLOCK);
  const tableBytes = Math.ceil((records.length * (isFixed ? 4 : 8)) / 64) * 64;
  bytes.writeUInt16LE(flags, 32);
  bytes.writeUInt16LE(level, 34);
  bytes.writeUInt32LE(records.length, 36);
  bytes.writeUInt16LE(0, 40);
  bytes.writeUInt16LE(tableBytes, 42);
  const end = BLOCK - ((flags & 1) === 0 ? 0 : INFO);
  const keys = NODE_HEADER + tableBytes;
  let keyAt = 0;
  let valueAt = 0;
  for (const [index, { key, value }] of records.entries()) {
    valueAt += value.length;
    key.copy(bytes, keys + keyAt);
    value.copy(bytes, end - valueAt);
    const places = isFixed ? [keyAt, valueAt] : [keyAt, key.length, valueAt, value.length];
    for (const [place, number] of places.entries()) {
      bytes.writeUInt16LE(number, NODE_HEADER + index * places.length * 2 + place * 2);
    }
    keyAt += key.length;
  }
  bytes.writeUInt16LE(keyAt, 44);
  bytes.writeUInt16LE(end - keys - keyAt - valueAt, 46);
  for (const at of [48, 52]) bytes.writeUInt16LE(0xffff, at);
  if ((flags & 1) !== 0) {
    // Numbers of nodes are blocks in object maps (BTREE_PHYSICAL).
    bytes.writeUInt32LE(isFixed ? 0x10 : 0, BLOCK - INFO);
    bytes.writeUInt32LE(BLOCK, BLOCK - INFO + 4);
    bytes.writeUInt32LE(isFixed ? 16 : 0, BLOCK - INFO + 8);
    bytes.writeUInt32LE(isFixed ? 16 : 0, BLOCK - INFO + 12);
    bytes.writeUInt32LE(isFixed ? 16 : Math.max(...records.map(({ key }) => key.length)), BLOCK - INFO + 16);
    bytes.writeUInt32LE(
      isFixed ? 16 : Math.max(...records.map(({ value }) => value.length)),
      BLOCK - INFO + 20,
    );
    bytes.writeBigUInt64LE(BigInt(total.keys), BLOCK - INFO + 24);
    bytes.writeBigUInt64LE(BigInt(total.nodes), BLOCK - INFO + 32);
  }
  return bytes;
}

function checkpointMap(): Buffer {
  const map = Buffer.alloc(BLOCK);
  map.writeUInt32LE(1, 32);
  return object(map, 1, 0x4000000c, 0);
}

/** Completes an object's header: number, transaction, type, subtype, and the checksum over all of it. */
function object(bytes: Buffer, id: number, type: number, subtype: number, transaction = TRANSACTION): Buffer {
  bytes.writeBigUInt64LE(BigInt(id), 8);
  bytes.writeBigUInt64LE(transaction, 16);
  bytes.writeUInt32LE(type, 24);
  bytes.writeUInt32LE(subtype, 28);
  return sealApfsObject(bytes);
}

/** Writes an object's Fletcher checksum, here with numbers of any size. */
export function sealApfsObject(bytes: Buffer): Buffer {
  const modulus = 0xffffffffn;
  let simple = 0n;
  let second = 0n;
  for (let at = 8; at < bytes.length; at += 4) {
    simple = (simple + BigInt(bytes.readUInt32LE(at))) % modulus;
    second = (second + simple) % modulus;
  }
  const low = modulus - ((simple + second) % modulus);
  bytes.writeUInt32LE(Number(low), 0);
  bytes.writeUInt32LE(Number(modulus - ((simple + low) % modulus)), 4);
  return bytes;
}
