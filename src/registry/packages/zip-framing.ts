import { crc32 } from "node:zlib";

import type { ArchiveEntry, ArchiveFraming } from "./archive-format.ts";

/**
 * ZIP as APPNOTE.TXT 6.3.10 of PKWARE has it. Files are stored as they are: their sizes are known before, checksums stand behind
 * them, and what was compressed once is not compressed again. Sections are of that document.
 */

/** From this on a field of four bytes is full and the value stands in the ZIP64 extra field (4.4.8). */
const FULL_32 = 0xffff_ffff;
const FULL_16 = 0xffff;
/** 4.4.4: bit 3, sizes and checksum stand in a data descriptor; bit 11, names are UTF-8. */
const FLAGS = 0x0808;
/** 4.4.3.2: 2.0 for data descriptors, 4.5 for ZIP64. */
const VERSION = 20;
const VERSION_ZIP64 = 45;
/** 4.4.2: made on Unix, so that the external attributes hold a file's mode: a regular one, 0644. */
const MADE_BY_UNIX = 3 << 8;
const FILE_MODE = 0o100644;

/** A file that was written, as the central directory names it. */
interface Written {
  readonly entry: ArchiveEntry;
  readonly crc: number;
  readonly offset: number;
}

/** Keeps about 200 bytes for each file until the end, for the central directory. */
export function zipFraming(): ArchiveFraming {
  const directory: Uint8Array[] = [];
  let [entry, crc, headerBytes] = [{ path: "", sizeBytes: 0, modifiedMs: 0 }, 0, 0];
  let offset = 0;
  return {
    open: (next) => {
      [entry, crc] = [next, 0];
      const header = localHeader(next);
      headerBytes = header.length;
      return header;
    },
    take: (chunk) => {
      crc = crc32(chunk, crc);
    },
    close: () => {
      const descriptor = dataDescriptor(entry, crc);
      directory.push(directoryHeader({ entry, crc, offset }));
      offset += headerBytes + entry.sizeBytes + descriptor.length;
      return descriptor;
    },
    end: () => {
      const sizeBytes = directory.reduce((sum, header) => sum + header.length, 0);
      return [...directory, endOfDirectory({ entries: directory.length, sizeBytes, offset })];
    },
  };
}

/** 4.3.7. "If [bit 3] is set, the fields crc-32, compressed size and uncompressed size are set to zero in the local header." */
function localHeader(entry: ArchiveEntry): Uint8Array {
  const isLarge = entry.sizeBytes >= FULL_32;
  const name = Buffer.from(entry.path);
  // 4.5.3: "This entry in the Local header MUST include BOTH original and compressed file size fields."
  const extra = Buffer.concat([...(isLarge ? [zip64Extra([0, 0])] : []), timestampExtra(entry)]);
  const header = new Fields();
  header.u32(0x04034b50).u16(isLarge ? VERSION_ZIP64 : VERSION);
  header.u16(FLAGS).u16(0).dosTime(entry.modifiedMs).u32(0);
  header.u32(isLarge ? FULL_32 : 0).u32(isLarge ? FULL_32 : 0);
  header.u16(name.length).u16(extra.length);
  return Buffer.concat([header.bytes(), name, extra]);
}

/** 4.3.9: "When using ZIP64 … the compressed and uncompressed sizes will be 8 byte values", with the signature before them. */
function dataDescriptor({ sizeBytes }: ArchiveEntry, crc: number): Uint8Array {
  const descriptor = new Fields().u32(0x08074b50).u32(crc);
  if (sizeBytes >= FULL_32) return descriptor.u64(sizeBytes).u64(sizeBytes).bytes();
  return descriptor.u32(sizeBytes).u32(sizeBytes).bytes();
}

/** 4.3.12. */
function directoryHeader({ entry, crc, offset }: Written): Uint8Array {
  const { path, sizeBytes, modifiedMs } = entry;
  const name = Buffer.from(path);
  const large = [
    ...(sizeBytes >= FULL_32 ? [sizeBytes, sizeBytes] : []),
    ...(offset >= FULL_32 ? [offset] : []),
  ];
  const extra = Buffer.concat([...(large.length > 0 ? [zip64Extra(large)] : []), timestampExtra(entry)]);
  const version = large.length > 0 ? VERSION_ZIP64 : VERSION;
  const header = new Fields();
  header
    .u32(0x02014b50)
    .u16(MADE_BY_UNIX | version)
    .u16(version);
  header.u16(FLAGS).u16(0).dosTime(modifiedMs).u32(crc);
  header.u32(Math.min(sizeBytes, FULL_32)).u32(Math.min(sizeBytes, FULL_32));
  // No comment, the first disk, no internal attributes.
  header.u16(name.length).u16(extra.length).u16(0).u16(0).u16(0);
  header.u32(FILE_MODE * 2 ** 16).u32(Math.min(offset, FULL_32));
  return Buffer.concat([header.bytes(), name, extra]);
}

/** 4.3.16, behind 4.3.14 and 4.3.15 where its fields are too small. */
function endOfDirectory(directory: { entries: number; sizeBytes: number; offset: number }): Uint8Array {
  const { entries, sizeBytes, offset } = directory;
  const end = new Fields().u32(0x06054b50).u16(0).u16(0);
  end.u16(Math.min(entries, FULL_16)).u16(Math.min(entries, FULL_16));
  end.u32(Math.min(sizeBytes, FULL_32)).u32(Math.min(offset, FULL_32)).u16(0);
  if (entries < FULL_16 && sizeBytes < FULL_32 && offset < FULL_32) return end.bytes();
  const end64 = new Fields().u32(0x06064b50).u64(44); // what follows of it
  end64
    .u16(MADE_BY_UNIX | VERSION_ZIP64)
    .u16(VERSION_ZIP64)
    .u32(0)
    .u32(0);
  end64.u64(entries).u64(entries).u64(sizeBytes).u64(offset);
  const locator = new Fields()
    .u32(0x07064b50)
    .u32(0)
    .u64(offset + sizeBytes)
    .u32(1);
  return Buffer.concat([end64.bytes(), locator.bytes(), end.bytes()]);
}

/** 4.5.3: the fields that are full in the record beside it, in that order. */
function zip64Extra(values: readonly number[]): Uint8Array {
  const extra = new Fields().u16(0x0001).u16(8 * values.length);
  for (const value of values) extra.u64(value);
  return extra.bytes();
}

/**
 * The extended timestamp of Info-ZIP (its extrafld.txt): seconds since 1970 in UTC, where the time beside it is local to whoever
 * reads it. It ends in 2038, and is left out then.
 */
function timestampExtra({ modifiedMs }: ArchiveEntry): Uint8Array {
  const seconds = Math.floor(modifiedMs / 1000);
  if (seconds >= 2 ** 31) return new Uint8Array();
  return new Fields().u16(0x5455).u16(5).u8(1).u32(seconds).bytes();
}

/** Little-endian numbers one after the other (4.4.1.1). */
class Fields {
  readonly #bytes: number[] = [];

  u8(value: number): this {
    this.#bytes.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  u32(value: number): this {
    return this.u16(value & FULL_16).u16(value >>> 16);
  }

  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  /** 4.4.6: seconds by two, from 1980 on. */
  dosTime(ms: number): this {
    const time = new Date(ms);
    const day = (time.getUTCFullYear() - 1980) * 512 + (time.getUTCMonth() + 1) * 32 + time.getUTCDate();
    return this.u16(
      time.getUTCHours() * 2048 + time.getUTCMinutes() * 32 + Math.floor(time.getUTCSeconds() / 2),
    ).u16(day);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
