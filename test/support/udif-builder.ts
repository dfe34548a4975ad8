import { spawnSync } from "node:child_process";
import { crc32, deflateSync } from "node:zlib";

export type UdifPacking = "raw" | "zlib" | "adc" | "bzip2" | "lzma" | "lzfse";

export interface UdifPartitionInput {
  /** `Acme (Apple_HFS : 1)` */
  readonly name: string;
  /** Whole sectors. */
  readonly content: Buffer;
  readonly packing?: UdifPacking;
}

export interface UdifOptions {
  readonly chunkBytes?: number;
  readonly license?: boolean;
  /** Names the chunks of each partition so many times, as if the disk went on. */
  readonly repeat?: number;
  /** Makes the code signature from all that stands before it, and from the trailer as it will be but for the signature's length. */
  readonly sign?: (content: Buffer, trailer: Buffer) => Promise<Buffer>;
}

const SECTOR = 512;
const kinds = {
  raw: 1,
  adc: 0x80000004,
  zlib: 0x80000005,
  bzip2: 0x80000006,
  lzfse: 0x80000007,
  lzma: 0x80000008,
} as const;

/** Builds a disk image in the Universal Disk Image Format: packed chunks, the property list, a signature if asked for, the trailer. */
export async function buildUdif(
  partitions: readonly UdifPartitionInput[],
  { chunkBytes = 64 * 1024, license = false, repeat = 1, sign }: UdifOptions = {},
): Promise<Buffer> {
  const fork: Buffer[] = [];
  const checksums: Buffer[] = [];
  let packedBytes = 0;
  let firstSector = 0;
  const entries = partitions.map(({ name, content, packing = "zlib" }, index) => {
    const chunks: Buffer[] = [];
    // Free space that nobody cares for is left out of the checksum; other zeros are not.
    let crc = 0;
    for (let at = 0; at < content.length; at += chunkBytes) {
      const plain = content.subarray(at, at + chunkBytes);
      const isZero = plain.every((byte) => byte === 0);
      const kind = isZero ? ((at / chunkBytes) % 2 === 0 ? 0 : 2) : kinds[packing];
      if (kind !== 2) crc = crc32(plain, crc);
      const packed = isZero ? Buffer.alloc(0) : packers[packing](plain);
      chunks.push(chunk(kind, at / SECTOR, plain.length / SECTOR, packedBytes, packed.length));
      fork.push(packed);
      packedBytes += packed.length;
    }
    const once = chunks.slice();
    for (let time = 1; time < repeat; time += 1) {
      for (const again of once) chunks.push(moved(again, (time * content.length) / SECTOR));
    }
    const sectors = (content.length / SECTOR) * repeat;
    chunks.push(chunk(0xffffffff, sectors, 0, packedBytes, 0));
    checksums.push(u32(crc));
    const table = tableOf(index, firstSector, sectors, crc, chunks);
    firstSector += sectors;
    return entry(index, name, table);
  });
  const data = Buffer.concat(fork);
  const plist = Buffer.from(plistOf(entries, license));
  const content = Buffer.concat([data, plist]);
  const trailer = trailerOf(data, plist.length, crc32(Buffer.concat(checksums)), firstSector);
  if (!sign) return Buffer.concat([content, trailer]);
  trailer.writeBigUInt64BE(BigInt(content.length), 296);
  const signature = await sign(content, Buffer.from(trailer));
  trailer.writeBigUInt64BE(BigInt(signature.length), 304);
  return Buffer.concat([content, signature, trailer]);
}

const packers: Readonly<Record<UdifPacking, (plain: Buffer) => Buffer>> = {
  raw: (plain) => plain,
  zlib: (plain) => deflateSync(plain),
  adc: packAdc,
  bzip2: (plain) => filter("bzip2", ["-9c"], plain),
  lzma: (plain) => filter("xz", ["-9c", "--check=none"], plain),
  lzfse: packLzfse,
};

function filter(command: string, args: readonly string[], input: Buffer): Buffer {
  const { stdout, status } = spawnSync(command, args, { input, maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${command} failed`);
  return stdout;
}

/** How often the byte before a place stands again from there on. */
function runAt(plain: Buffer, at: number, most: number): number {
  if (at === 0) return 0;
  let run = 0;
  while (run < most && plain[at + run] === plain[at - 1]) run += 1;
  return run;
}

/** Runs of the byte before as matches, all else as it is. */
export function packAdc(plain: Buffer): Buffer {
  const out: number[] = [];
  for (let at = 0; at < plain.length;) {
    const run = runAt(plain, at, 67);
    if (run >= 4) {
      out.push(0x40 | (run - 4), 0, 0);
      at += run;
      continue;
    }
    const literal = plain.subarray(at, at + 100);
    out.push(0x80 | (literal.length - 1), ...literal);
    at += literal.length;
  }
  return Buffer.from(out);
}

/** LZFSE in its quick form: one block of LZVN, with runs of the byte before as matches from one byte back, and the end. */
function packLzfse(plain: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < plain.length;) {
    const run = runAt(plain, at, 10);
    if (run >= 3) {
      pieces.push(Buffer.from([(run - 3) << 3, 1]));
      at += run;
      continue;
    }
    const literal = plain.subarray(at, at + 20);
    pieces.push(
      literal.length < 16 ? Buffer.from([0xe0 | literal.length]) : Buffer.from([0xe0, literal.length - 16]),
    );
    pieces.push(literal);
    at += literal.length;
  }
  const payload = Buffer.concat([...pieces, Buffer.from([6, 0, 0, 0, 0, 0, 0, 0])]);
  const header = Buffer.from("bvxn\0\0\0\0\0\0\0\0", "latin1");
  header.writeUInt32LE(plain.length, 4);
  header.writeUInt32LE(payload.length, 8);
  return Buffer.concat([header, payload, Buffer.from("bvx$", "latin1")]);
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** kind, comment, first sector, sectors, place in the data fork, bytes there. */
function chunk(kind: number, sector: number, count: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt32BE(kind, 0);
  for (const [index, value] of [sector, count, offset, length].entries()) {
    bytes.writeBigUInt64BE(BigInt(value), 8 + 8 * index);
  }
  return bytes;
}

function moved(one: Buffer, sectors: number): Buffer {
  const bytes = Buffer.from(one);
  bytes.writeBigUInt64BE(bytes.readBigUInt64BE(8) + BigInt(sectors), 8);
  return bytes;
}

/** "mish", version, first sector, sectors, data offset, buffers, number; the checksum at 64; the chunks' count at 200. */
function tableOf(
  index: number,
  first: number,
  count: number,
  crc: number,
  chunks: readonly Buffer[],
): Buffer {
  const head = Buffer.alloc(204);
  head.write("mish", "latin1");
  head.writeUInt32BE(1, 4);
  head.writeBigUInt64BE(BigInt(first), 8);
  head.writeBigUInt64BE(BigInt(count), 16);
  head.writeUInt32BE(0x808, 32);
  head.writeUInt32BE(index, 36);
  writeChecksum(head, 64, crc);
  head.writeUInt32BE(chunks.length, 200);
  return Buffer.concat([head, ...chunks]);
}

/** Kind 2 is CRC-32, of 32 bits. */
function writeChecksum(bytes: Buffer, at: number, crc: number): void {
  bytes.writeUInt32BE(2, at);
  bytes.writeUInt32BE(32, at + 4);
  bytes.writeUInt32BE(crc, at + 8);
}

function entry(index: number, name: string, table: Buffer): string {
  return `<dict><key>Attributes</key><string>0x0050</string><key>CFName</key><string>${name}</string><key>Data</key><data>${table.toString("base64")}</data><key>ID</key><string>${index}</string><key>Name</key><string>${name}</string></dict>`;
}

function plistOf(entries: readonly string[], license: boolean): string {
  const agreement = license
    ? "<key>LPic</key><array><dict><key>Data</key><data>AAAAAgAAAAAAAAAAAAQAAA==</data></dict></array>"
    : "";
  return `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0"><dict><key>resource-fork</key><dict>${agreement}<key>blkx</key><array>${entries.join("")}</array></dict></dict></plist>\n`;
}

function trailerOf(data: Buffer, plistBytes: number, masterCrc: number, sectors: number): Buffer {
  const trailer = Buffer.alloc(512);
  trailer.write("koly", "latin1");
  trailer.writeUInt32BE(4, 4);
  trailer.writeUInt32BE(512, 8);
  trailer.writeUInt32BE(1, 12);
  trailer.writeBigUInt64BE(BigInt(data.length), 32);
  trailer.writeUInt32BE(1, 56);
  trailer.writeUInt32BE(1, 60);
  writeChecksum(trailer, 80, crc32(data));
  trailer.writeBigUInt64BE(BigInt(data.length), 216);
  trailer.writeBigUInt64BE(BigInt(plistBytes), 224);
  writeChecksum(trailer, 352, masterCrc);
  trailer.writeUInt32BE(1, 488);
  trailer.writeBigUInt64BE(BigInt(sectors), 492);
  return trailer;
}
