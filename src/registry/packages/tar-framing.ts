import { assert } from "../../base/errors.ts";
import type { ArchiveEntry, ArchiveFraming } from "./archive-format.ts";

/**
 * tar as POSIX.1-2001 has it ("ustar Interchange Format" and "pax Interchange Format" of the utility `pax`): 512-byte blocks, a
 * header before each file, an extended header before that where the plain one cannot say it.
 */

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;
/** Eleven octal digits. */
const MAX_SIZE_BYTES = 8 ** 11 - 1;
const FILE = "0";
const EXTENDED_HEADER = "x";

export function tarFraming(): ArchiveFraming {
  let sizeBytes = 0;
  return {
    open: (entry) => {
      sizeBytes = entry.sizeBytes;
      return Buffer.concat([extendedHeader(entry), header({ ...entry, path: plainName(entry.path) }, FILE)]);
    },
    take: () => {},
    close: () => padding(sizeBytes),
    // "At the end of the archive file there shall be two 512-byte logical records filled with binary zeros."
    end: () => [Buffer.alloc(2 * BLOCK_BYTES)],
  };
}

/** Nothing for a file that the plain header describes whole. */
function extendedHeader({ path, sizeBytes, modifiedMs }: ArchiveEntry): Uint8Array {
  const records = [
    ...(plainName(path) === path ? [] : [record("path", path)]),
    ...(sizeBytes <= MAX_SIZE_BYTES ? [] : [record("size", `${sizeBytes}`)]),
  ];
  if (records.length === 0) return new Uint8Array();
  const body = Buffer.from(records.join(""));
  const entry = { path: "PaxHeader", sizeBytes: body.length, modifiedMs };
  return Buffer.concat([header(entry, EXTENDED_HEADER), body, padding(body.length)]);
}

/** `"%d %s=%s\n", <length>, <keyword>, <value>`: the length counts the whole record, its own digits too. */
function record(keyword: string, value: string): string {
  const rest = ` ${keyword}=${value}\n`;
  const restBytes = Buffer.byteLength(rest);
  let length = restBytes;
  while (length !== restBytes + `${length}`.length) length = restBytes + `${length}`.length;
  return `${length}${rest}`;
}

/** The name as the plain header has it: readers that do not know extended headers see it alone. */
function plainName(path: string): string {
  return path.replaceAll(/[^ -~]/gu, "_").slice(0, MAX_NAME_BYTES);
}

function header({ path, sizeBytes, modifiedMs }: ArchiveEntry, type: string): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(path, 0);
  block.write(octal(0o644, 7), 100);
  block.write(octal(0, 7), 108); // the owner, and at 116 the group: nobody's, for the reader to take over
  block.write(octal(0, 7), 116);
  block.write(octal(Math.min(sizeBytes, MAX_SIZE_BYTES), 11), 124);
  block.write(octal(Math.floor(modifiedMs / 1000), 11), 136);
  block.write(type, 156);
  block.write("ustar", 257); // "magic", a NUL behind it, and the version
  block.write("00", 263);
  // "the chksum field shall be treated as if it contained 8 <space> characters"
  block.write(" ".repeat(8), 148);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${octal(checksum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  const text = value.toString(8).padStart(digits, "0");
  assert(text.length === digits, `${value} has at most ${digits} octal digits`);
  return text;
}

/** Zeros up to the next block. */
function padding(sizeBytes: number): Uint8Array {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}
