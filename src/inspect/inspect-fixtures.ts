/** Small files made by hand, for tests only. */
import { openAsBlob } from "node:fs";
import { zipSync } from "fflate";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { RandomAccess } from "../base/random-access.ts";

/** Reads from memory. */
export function bufferAccess(bytes: Uint8Array): RandomAccess {
  return {
    sizeBytes: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  };
}

/** Reads from a file. */
export async function fileAccess(path: string): Promise<RandomAccess> {
  const blob = await openAsBlob(path);
  return {
    sizeBytes: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
    close: async () => {},
  };
}

/** Bytes at their places, zeros between: `placed(512, [0, "MZ"], [0x3c, [0x80]])`. Text is Latin-1. */
export function placed(
  sizeBytes: number,
  ...parts: ReadonlyArray<readonly [offset: number, content: string | readonly number[]]>
): Buffer {
  const file = Buffer.alloc(sizeBytes);
  for (const [offset, content] of parts) {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content);
    bytes.copy(file, offset);
  }
  return file;
}

/** A number as big-endian bytes. */
const u32 = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];

/** A zip archive with one small entry. */
export const zipFile = (): Buffer => Buffer.from(zipSync({ a: new Uint8Array(8) }));

/** A disk image's end: 512 bytes of disk, then the trailer: "koly", version 4, its own size. */
export const dmgFile = (): Buffer => placed(1024, [512, "koly"], [516, u32(4)], [520, u32(512)]);

export interface ElfShape {
  readonly machine: number;
  readonly bits?: 32 | 64;
  readonly bigEndian?: boolean;
}

/**
 * An AppImage's first 64 bytes:
 *
 *     0  7f 45 4c 46   ELF          8  41 49 02   AppImage, type 2
 *     4  class (1 = 32, 2 = 64)    16  e_type 2
 *     5  data (1 little, 2 big)    18  e_machine
 */
export function appImageFile({ machine, bits = 64, bigEndian = false }: ElfShape): Buffer {
  const number = bigEndian ? [machine >> 8, machine & 255] : [machine & 255, machine >> 8];
  const ident = [0x7f, 0x45, 0x4c, 0x46, bits / 32, bigEndian ? 2 : 1, 1];
  return placed(64, [0, ident], [8, [0x41, 0x49, 2]], [16, bigEndian ? [0, 2] : [2, 0]], [18, number]);
}

/**
 * A Windows program of headers alone:
 *
 *     00  4d 5a         MZ
 *     3c  80 00 00 00   where the signature stands (e_lfanew)
 *     80  50 45 00 00   PE\0\0
 *     84  Machine, little-endian, then the rest of the 20-byte COFF header; at 94 the size of the optional header, 240
 *     98  0b 02         PE32+; at c8 the version of the subsystem, 10.0, at dc the subsystem, console
 *    104  10 00 00 00   sixteen data directories, all empty
 */
export function peFile(machine: number): Buffer {
  const coff = [[0x84, [machine & 255, machine >> 8]] as const, [0x94, [240]] as const];
  const optional = [
    [0x98, [0x0b, 2]] as const,
    [0xc8, [10]] as const,
    [0xdc, [3]] as const,
    [0x104, [16]] as const,
  ];
  return placed(0x188, [0, "MZ"], [0x3c, [0x80]], [0x80, "PE"], ...coff, ...optional);
}

/**
 * One tar entry: a 512-byte header (name at 0, mode at 100, octal size at 124, checksum at 148, type at 156, link at 157, ustar at 257),
 * then content in whole blocks.
 */
export function tarEntry(
  name: string,
  text: string | Uint8Array,
  type = "0",
  { link = "", mode = "0000644" } = {},
): Buffer {
  const content = typeof text === "string" ? Buffer.from(text, "latin1") : text;
  const size = content.length.toString(8).padStart(11, "0");
  const header = placed(
    512,
    [0, name],
    [100, mode],
    [124, size],
    [148, " ".repeat(8)],
    [156, type],
    [157, link],
    [257, "ustar"],
    [263, "00"],
  );
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, content, Buffer.alloc(-content.length & 511)]);
}

/** A tar archive: entries and two empty blocks. */
export const tarFile = (...entries: readonly Buffer[]): Buffer =>
  Buffer.concat([...entries, Buffer.alloc(1024)]);

/** One ar member: name 16, time 12, owner 6, group 6, mode 8, size 10, "`\n"; content padded to an even length. */
export function arMember(name: string, content: Uint8Array, claimedBytes = content.length): Buffer {
  const columns = [name.padEnd(16), "0".padEnd(12), "0".padEnd(6), "0".padEnd(6), "100644".padEnd(8)];
  const header = `${columns.join("")}${String(claimedBytes).padEnd(10)}\`\n`;
  return Buffer.concat([Buffer.from(header), content, Buffer.from(content.length % 2 ? "\n" : "")]);
}

export const arFile = (...members: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from("!<arch>\n"), ...members]);

export const debianBinary = (): Buffer => arMember("debian-binary", Buffer.from("2.0\n"));

const packers = {
  "": (archive: Buffer) => archive,
  ".gz": (archive: Buffer) => gzipSync(archive),
  ".zst": (archive: Buffer) => zstdCompressSync(archive),
} as const;

/** A Debian package of this architecture, its control archive packed as the suffix says. */
export function debFile(architecture: string, suffix: keyof typeof packers = ".gz"): Buffer {
  const control = `Package: acme\nVersion: 1.4.0\nArchitecture: ${architecture}\nDescription: Acme\n`;
  const archive = tarFile(tarEntry("./", "", "5"), tarEntry("./control", control));
  return arFile(
    debianBinary(),
    arMember(`control.tar${suffix}`, packers[suffix](archive)),
    arMember("data.tar.gz", gzipSync(tarFile())),
  );
}

/** An rpm header: 8e ad e8 01, four reserved bytes, entries, store size; 16 bytes an entry; the store. */
export function rpmHeader(entries: ReadonlyArray<readonly number[]>, store: string): Buffer {
  const intro = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, ...u32(entries.length), ...u32(store.length)];
  return Buffer.concat([
    Buffer.from([...intro, ...entries.flatMap((entry) => entry.flatMap(u32))]),
    Buffer.from(store, "latin1"),
  ]);
}

/** An rpm package up to its payload: the lead of 96 bytes, a signature header of 37 bytes padded to 40, the main header. */
export function rpmFile(main: Buffer): Buffer {
  const lead = placed(96, [0, [0xed, 0xab, 0xee, 0xdb, 3, 0]]);
  const signature = rpmHeader([[1000, 6, 0, 1]], "12345");
  return Buffer.concat([lead, signature, Buffer.alloc((8 - (signature.length % 8)) % 8), main]);
}

/** A main header with NAME (1000), VERSION (1001) and ARCH (1022). */
export function rpmOf(architecture: string): Buffer {
  const entries = [
    [1000, 6, 0, 1],
    [1001, 6, 5, 1],
    [1022, 6, 11, 1],
  ];
  return rpmFile(rpmHeader(entries, `acme\x001.4.0\0${architecture}\0`));
}
