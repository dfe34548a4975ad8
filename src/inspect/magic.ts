import type { RandomAccess } from "../base/random-access.ts";
import { readExactly } from "./bytes.ts";

/** How many leading bytes a check sees without reading again: enough for tar's magic and for a web page's preamble. */
export const headBytes = 1024;

/** A file under examination: its first `headBytes` (fewer when it is shorter), and the rest on request. */
export interface Probe {
  readonly head: Buffer;
  readonly bytes: RandomAccess;
}

/** Whether the file has the bytes that every file of a format has. Raises only what reading raises. */
export type MagicCheck = (probe: Probe) => boolean | Promise<boolean>;

const sequence =
  (offset: number, hex: string): MagicCheck =>
  ({ head }) =>
    hasBytes(head, offset, hex);

/** True when the bytes written as hex stand at `offset`. */
export function hasBytes(head: Buffer, offset: number, hex: string): boolean {
  return head.toString("hex", offset, offset + hex.length / 2) === hex;
}

/**
 * APPNOTE 4.3.7, "local file header signature 4 bytes (0x04034b50)". An archive without entries starts with the end record
 * (PK 05 06) instead and is no app.
 */
export const isZip = sequence(0, "504b0304");

/** RFC 1952 2.3: ID1, ID2 and CM = 8, "deflate". */
export const isGzip = sequence(0, "1f8b08");

/** The .xz file format 2.1.1.1, header magic bytes. */
export const isXz = sequence(0, "fd377a585a00");

/** RFC 8878 3.1.1 `Magic_Number`, or 3.1.2 a skippable frame (0x184D2A50 to 5F), which pzstd writes first. */
export const isZstd: MagicCheck = ({ head }) =>
  hasBytes(head, 0, "28b52ffd") || /^5[0-9a-f]2a4d18/.test(head.toString("hex", 0, 4));

/** "BZh" and the block size in 100 kB, a digit from 1 to 9. */
export const isBzip2: MagicCheck = ({ head }) => /^BZh[1-9]/.test(head.toString("latin1", 0, 4));

/** POSIX ustar and GNU headers; archives of before 1988 (v7) carry no magic and are not taken. */
export const isPlainTar = sequence(257, "7573746172");

/** xar header: "xar!". */
export const isXar = sequence(0, "78617221");

/** rpm lead: ed ab ee db. */
export const isRpm = sequence(0, "edabeedb");

/** [MS-CFB] 2.2: "Header Signature … 0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1". An msi is such a compound file. */
export const isCompoundFile = sequence(0, "d0cf11e0a1b11ae1");

/** deb(5): "an ar archive with a magic value of !<arch>. … The first member is named debian-binary". */
export const isDeb: MagicCheck = ({ head }) => head.toString("latin1", 0, 21) === "!<arch>\ndebian-binary";

/** ELF, with the AppImage magic "AI" and type 1 or 2 in the identification's padding at offset 8. */
export const isAppImage: MagicCheck = ({ head }) =>
  hasBytes(head, 0, "7f454c46") && (hasBytes(head, 8, "414901") || hasBytes(head, 8, "414902"));

/** The size of the UDIF trailer, which starts with "koly" and ends a disk image. */
const udifTrailerBytes = 512;

/** A UDIF disk image is known by its end only: its start is the compressed disk. An encrypted one begins with "encrcdsa". */
export const isDmg: MagicCheck = async ({ head, bytes }) => {
  if (hasBytes(head, 0, "656e637263647361")) return true;
  const trailer = await readExactly(bytes, Math.max(0, bytes.sizeBytes - udifTrailerBytes), udifTrailerBytes);
  return trailer !== undefined && hasBytes(trailer, 0, "6b6f6c79");
};

/** PE format, "MS-DOS Stub": "at location 0x3c, the stub has the file offset to the PE signature", "PE\0\0". */
export const isPe: MagicCheck = async ({ head, bytes }) => {
  if (!hasBytes(head, 0, "4d5a") || head.length < 0x40) return false;
  const signature = await readExactly(bytes, head.readUInt32LE(0x3c), 4);
  return signature !== undefined && hasBytes(signature, 0, "50450000");
};
