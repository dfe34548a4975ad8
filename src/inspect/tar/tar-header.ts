import { CorruptDataError } from "../unpack/corrupt-data-error.ts";
import { UnreadableError } from "../unreadable.ts";

export const BLOCK_BYTES = 512;

/** What a tar header block says; long names and pax records, which stand before it, are not in it. */
export interface TarHeader {
  /** With the prefix that ustar splits off. */
  readonly name: string;
  readonly mode: number;
  readonly sizeBytes: number;
  /** The type flag, one character. */
  readonly type: string;
  readonly linkName: string;
  /** GNU's old sparse files: more blocks of their map follow the header. */
  readonly hasMoreSparse: boolean;
}

/**
 * Reads a header block (POSIX.1-1988 ustar, GNU and v7 ones). Null for an empty block, which ends the archive. Throws
 * `CorruptDataError` when its checksum is wrong, `UnreadableError` when a number is none.
 */
export function parseTarHeader(block: Buffer): TarHeader | null {
  if (block.every((byte) => byte === 0)) return null;
  requireChecksum(block);
  const type = String.fromCharCode(block[156]! || 0x30);
  // GNU's "ustar  " has other things in place of the prefix.
  const isUstar = block.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? textOf(block.subarray(345, 500)) : "";
  const name = textOf(block.subarray(0, 100));
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: numberOf(block.subarray(100, 108)),
    sizeBytes: numberOf(block.subarray(124, 136)),
    type,
    linkName: textOf(block.subarray(157, 257)),
    hasMoreSparse: type === "S" && block[482] !== 0,
  };
}

/** "The sum of all bytes in the header block", the checksum's own counted as spaces; some old ones summed signed bytes. */
function requireChecksum(block: Buffer): void {
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    const byte = at >= 148 && at < 156 ? 0x20 : block[at]!;
    unsigned += byte;
    signed += (byte << 24) >> 24;
  }
  const stated = numberOf(block.subarray(148, 156));
  if (stated !== unsigned && stated !== signed) {
    throw new CorruptDataError("A tar header has another checksum than it says.");
  }
}

/** Octal digits between spaces and NULs, or, where the highest bit is set (GNU), the bytes themselves. */
function numberOf(field: Buffer): number {
  if ((field[0]! & 0x80) !== 0) {
    let value = field[0]! & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw damaged("has a number larger than any file");
    return value;
  }
  const text = field.toString("latin1").replaceAll("\0", " ").trim();
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw damaged("has a number that is none");
  return Number.parseInt(text, 8);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A field up to its NUL, as UTF-8 or else Latin-1. */
export function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  const bytes = end === -1 ? field : field.subarray(0, end);
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}

function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `A tar header ${problem}.`);
}
