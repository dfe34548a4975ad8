import type { RandomAccess } from "../../base/random-access.ts";
import { archDamaged, archRead, type ArchReading, archUnavailable } from "../arch-reading.ts";
import { readExactly, readUpTo } from "../bytes.ts";
import type { Arch } from "../inspection.ts";

/** rpm itself takes at most 65,535 tags; the index of so many is one megabyte, which is all that is held in memory. */
const tagLimit = 0xffff;

/** The largest header that is taken for one. Only its index and one string are read. */
const headerLimitBytes = 32 * 1024 * 1024;

/** The longest architecture name, its ending NUL included. */
const archNameLimitBytes = 32;

const leadBytes = 96;
const introBytes = 16;
const indexEntryBytes = 16;
const archTag = 1022;
const stringType = 6;

const archByRpmName: ReadonlyMap<string, Arch> = new Map([
  ["noarch", "universal"],
  ["i386", "x86"],
  ["i486", "x86"],
  ["i586", "x86"],
  ["i686", "x86"],
  ["x86_64", "x86_64"],
  ["aarch64", "arm64"],
  ["armv7l", "armv7"],
  ["armv7hl", "armv7"],
  ["armv7hnl", "armv7"],
  ["riscv64", "riscv64"],
]);

/**
 * The architecture of an rpm package: the string tag 1022 (ARCH) of its main header. The layout is the RPM package format's: a lead of
 * 96 bytes, the signature header padded to 8 bytes, the main header. A header is 8e ad e8 01, four reserved bytes, the number of
 * index entries, the size of the store; the entries (tag, type, offset, count); the store. All numbers are big-endian.
 */
export async function rpmArch(bytes: RandomAccess): Promise<ArchReading> {
  const signature = await readIntro(bytes, leadBytes);
  if ("kind" in signature) return signature;
  const main = await readIntro(bytes, Math.ceil(signature.end / 8) * 8);
  if ("kind" in main) return main;

  const index = await readExactly(bytes, main.indexOffset, main.tags * indexEntryBytes);
  if (!index) return archDamaged("The package header is cut off.");
  for (let at = 0; at < index.length; at += indexEntryBytes) {
    if (index.readUInt32BE(at) !== archTag || index.readUInt32BE(at + 4) !== stringType) continue;
    const offset = main.storeOffset + index.readUInt32BE(at + 8);
    const text = await readUpTo(bytes, offset, Math.min(archNameLimitBytes, main.end - offset));
    const end = text.indexOf(0);
    if (end <= 0) return archDamaged("The package header's architecture is damaged.");
    const name = text.toString("latin1", 0, end);
    return archRead(name, archByRpmName.get(name));
  }
  return archDamaged("The package header names no architecture.");
}

interface HeaderPlaces {
  readonly tags: number;
  readonly indexOffset: number;
  readonly storeOffset: number;
  /** The first byte after the header. */
  readonly end: number;
}

async function readIntro(bytes: RandomAccess, offset: number): Promise<HeaderPlaces | ArchReading> {
  const intro = await readExactly(bytes, offset, introBytes);
  if (!intro || intro.readUInt32BE(0) !== 0x8eade801) {
    return archDamaged("A package header is missing or cut off.");
  }
  const tags = intro.readUInt32BE(8);
  const storeBytes = intro.readUInt32BE(12);
  if (tags > tagLimit || storeBytes > headerLimitBytes) {
    return archUnavailable(`A package header has over ${tagLimit} tags or ${headerLimitBytes} bytes.`);
  }
  const indexOffset = offset + introBytes;
  const storeOffset = indexOffset + tags * indexEntryBytes;
  return { tags, indexOffset, storeOffset, end: storeOffset + storeBytes };
}
