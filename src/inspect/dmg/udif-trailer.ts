import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";

/** The trailer's size, which it repeats. */
const TRAILER_BYTES = 512;
/** A checksum has room for 1,024 bits. */
const CHECKSUM_BYTES = 128;
const CRC32 = 2;

/** A stretch of the file. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** The trailer of a UDIF disk image. */
export interface UdifTrailer {
  /** As it stands in the file; the code signature covers it, but for the signature's own place. */
  readonly bytes: Buffer;
  /** Where the trailer begins. */
  readonly offset: number;
  readonly version: number;
  /** Bit 0: flattened; bit 2: made for the Internet (unpacks itself). */
  readonly flags: number;
  /** The packed partitions. */
  readonly dataFork: FileRange;
  /** The partitions' tables in the form of before macOS 10.2. */
  readonly resourceFork: FileRange;
  readonly segmentCount: number;
  /** Of the data fork's bytes; null for none, and for kinds other than CRC-32. */
  readonly dataCrc32: number | null;
  /** The property list with the partitions' tables. */
  readonly plist: FileRange;
  /** Empty when the image is not signed. */
  readonly codeSignature: FileRange;
  /** Of the checksums of all partitions. */
  readonly masterCrc32: number | null;
  readonly imageVariant: number;
  readonly sectorCount: number;
}

/**
 * Reads the 512 bytes that end a disk image: all numbers big-endian.
 *
 *       0  "koly", version, header size, flags      216  property list: offset, length
 *      16  running data fork offset                 296  code signature: offset, length
 *      24  data fork: offset, length                352  checksum of the checksums
 *      40  resource fork: offset, length            488  image variant
 *      56  segment number, count, id (16)           492  sectors
 *      80  data fork's checksum: kind, bits, 128
 *
 * Throws `UnreadableError`. Raises what reading the bytes raises.
 */
export async function readUdifTrailer(file: RandomAccess): Promise<UdifTrailer> {
  const offset = file.sizeBytes - TRAILER_BYTES;
  const bytes = await readExactly(file, Math.max(0, offset), TRAILER_BYTES);
  if (!bytes) throw damaged("is not there");
  const reader = new ByteReader(bytes, WHERE);
  const version = reader.skip(4).u32be();
  if (reader.u32be() !== TRAILER_BYTES) throw damaged("does not tell its own size");
  const range = (): FileRange => ({ offset: reader.u64be(), length: reader.u64be() });
  const flags = reader.u32be();
  const dataFork = reader.seek(24) && range();
  const resourceFork = range();
  const segmentCount = reader.seek(60).u32be();
  const dataCrc32 = readCrc32(reader.seek(80));
  const plist = range();
  const codeSignature = reader.seek(296) && range();
  const masterCrc32 = readCrc32(reader.seek(352));
  const trailer: UdifTrailer = {
    bytes,
    offset,
    version,
    flags,
    dataFork,
    resourceFork,
    segmentCount,
    dataCrc32,
    plist,
    codeSignature,
    masterCrc32,
    imageVariant: reader.u32be(),
    sectorCount: reader.u64be(),
  };
  requireInside(trailer);
  return trailer;
}

/** A checksum of a disk image: its kind, its bits, and room for 1,024. Null unless it is a CRC-32. */
export function readCrc32(reader: ByteReader): number | null {
  const kind = reader.u32be();
  const bits = reader.u32be();
  const value = reader.part(CHECKSUM_BYTES);
  return kind === CRC32 && bits === 32 ? value.u32be() : null;
}

const WHERE = "trailer of the disk image";

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The ${WHERE} ${problem}.`, WHERE);
}

function requireInside({ offset, dataFork, plist, codeSignature }: UdifTrailer): void {
  const parts = { "data fork": dataFork, "property list": plist, "code signature": codeSignature };
  for (const [name, range] of Object.entries(parts)) {
    if (range.offset + range.length > offset) {
      throw new UnreadableError(
        "truncated",
        `The disk image's ${name} reaches to byte ${range.offset + range.length}, but the file has ${offset} before its trailer.`,
        name,
      );
    }
  }
}
