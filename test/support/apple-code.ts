import { createHash } from "node:crypto";

import { encodeDer } from "../../src/inspect/cms/ber.ts";
import { codeMessage } from "./apple-cms.ts";
import { type Plist, xmlPlist } from "./plists.ts";
import type { SigningKey } from "./signing-keys.ts";

/** <mach/machine.h>: type and subtype. */
const cpus = {
  arm64: [0x0100000c, 0],
  arm64e: [0x0100000c, 0x80000002],
  x86_64: [0x01000007, 3],
  armv7: [12, 9],
} as const;
const platforms = { macOS: 1, iOS: 2, "iOS Simulator": 7 } as const;

export interface ProgramOptions {
  readonly cpu?: keyof typeof cpus;
  readonly platform?: keyof typeof platforms;
  /** Code and data, in which nothing means anything. */
  readonly codeBytes?: number;
  readonly isEncrypted?: boolean;
  /** A property list in the program itself, as command-line tools have it. */
  readonly infoPlist?: Buffer;
  /** Null for a program that is not signed. */
  readonly signature: CodeSignatureOptions | null;
}

export interface CodeSignatureOptions {
  readonly identifier: string;
  readonly team?: string;
  /** Absent for an ad-hoc signature. */
  readonly signer?: SigningKey;
  readonly chain?: readonly SigningKey[];
  readonly entitlements?: { readonly [key: string]: Plist };
  /** Other ones in the DER form. */
  readonly entitlementsDer?: { readonly [key: string]: Plist };
  /** Info.plist and CodeResources beside the program. */
  readonly infoPlist?: Buffer;
  readonly codeResources?: Buffer;
  /** CS_ADHOC 2, CS_RUNTIME 0x10000, CS_LINKER_SIGNED 0x20000 */
  readonly flags?: number;
  /** A CodeDirectory for each, the first one signed over. */
  readonly hashes?: ReadonlyArray<"sha1" | "sha256">;
  readonly pageShift?: number;
  /** The room that is left for it, 32 KiB when absent. */
  readonly signatureBytes?: number;
  /** False leaves out Apple's attributes, which alone name the second CodeDirectory. */
  readonly withCdhashes?: boolean;
}

const SIGNATURE_BYTES = 32 * 1024;

/**
 * A Mach-O program for one processor:
 *
 *     header (32)   LC_SEGMENT_64 __TEXT with __info_plist   LC_BUILD_VERSION   LC_ENCRYPTION_INFO_64   LC_CODE_SIGNATURE
 *     at 0x400: Info.plist   code   at a multiple of 16: the signature
 */
export function program({
  cpu = "arm64",
  platform = "iOS",
  codeBytes = 20_000,
  ...options
}: ProgramOptions): Buffer {
  const { infoPlist = Buffer.alloc(0), signature } = options;
  const limit = Math.ceil((0x400 + infoPlist.length + codeBytes) / 16) * 16;
  const segment = Buffer.concat([
    u32(0x19, 72 + 80),
    text16("__TEXT"),
    u64(0, limit, 0, limit),
    u32(5, 5, 1, 0),
    text16("__info_plist"),
    text16("__TEXT"),
    u64(0x400, infoPlist.length),
    u32(0x400, 0, 0, 0, 0, 0, 0, 0),
  ]);
  if (infoPlist.length === 0) segment.fill(0, 72, 88);
  const commands = [
    segment,
    u32(0x32, 24, platforms[platform], 0x000f0000, 0x00110400, 0),
    ...(options.isEncrypted ? [u32(0x2c, 24, 0x400, 0x400, 1, 0)] : []),
    ...(signature ? [u32(0x1d, 16, limit, signature.signatureBytes ?? SIGNATURE_BYTES)] : []),
  ];
  const body = Buffer.concat(commands);
  const header = u32(0xfeedfacf, cpus[cpu][0], cpus[cpu][1], 2, commands.length, body.length, 0, 0);
  const code = Buffer.alloc(limit);
  header.copy(code);
  body.copy(code, 32);
  infoPlist.copy(code, 0x400);
  for (let at = 0x400 + infoPlist.length; at < limit; at += 1) code[at] = (at * 31 + (at >> 8)) & 0xff;
  return signature === null ? code : Buffer.concat([code, codeSignature(code, options, signature)]);
}

/** A universal file of programs: `cafebabe`, their number, for each type, subtype, offset, size, alignment; then the programs. */
export function universal(...programs: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let offset = 0x1000;
  const table = [u32be(0xcafebabe, programs.length)];
  for (const one of programs) {
    table.push(u32be(one.readUInt32LE(4), one.readUInt32LE(8), offset, one.length, 12));
    const room = Math.ceil(one.length / 0x1000) * 0x1000;
    parts.push(one, Buffer.alloc(room - one.length));
    offset += room;
  }
  const last = parts.at(-1)!;
  const head = Buffer.concat(table);
  return Buffer.concat([head, Buffer.alloc(0x1000 - head.length), ...parts]).subarray(
    0,
    offset - last.length,
  );
}

/** The digest by which other seals name a program: of the first CodeDirectory of its signature. */
export function cdhashOf(thin: Buffer): Buffer {
  const start = thin.indexOf(Buffer.from("fade0c02", "hex"));
  const directory = thin.subarray(start, start + thin.readUInt32BE(start + 4));
  return createHash("sha256").update(directory).digest().subarray(0, 20);
}

function codeSignature(
  code: Buffer,
  { infoPlist }: Pick<ProgramOptions, "infoPlist">,
  options: CodeSignatureOptions,
): Buffer {
  const { entitlements, hashes = ["sha256"] } = options;
  const requirements = blob(0xfade0c01, u32be(0));
  const parts = new Map([[2, requirements]]);
  if (entitlements) {
    parts.set(5, blob(0xfade7171, xmlPlist(entitlements)));
    const der = encodeDer(
      0x70,
      Buffer.concat([Buffer.from([2, 1, 1]), derValue(options.entitlementsDer ?? entitlements)]),
    );
    parts.set(7, blob(0xfade7172, der));
  }
  const own = options.infoPlist ?? infoPlist;
  const surroundings = { ...options, ...(own && { infoPlist: own }) };
  const directories = hashes.map((hash) => codeDirectory(code, hash, parts, surroundings));
  const [first] = directories;
  const cdhashes = directories.map((directory, index) => {
    const hash = hashes[index]!;
    return { hash, digest: createHash(hash).update(directory).digest() };
  });
  const { signer, chain, withCdhashes = true } = options;
  const message = signer
    ? codeMessage(first!, { signer, ...(chain && { chain }), ...(withCdhashes && { cdhashes }) })
    : Buffer.alloc(0);
  const all = [
    [0, first!] as const,
    ...parts,
    ...directories.slice(1).map((directory, index) => [0x1000 + index, directory] as const),
    [0x10000, blob(0xfade0b01, message)] as const,
  ];
  let offset = 12 + all.length * 8;
  const index = all.map(([slot, part]) => {
    const entry = u32be(slot, offset);
    offset += part.length;
    return entry;
  });
  const signature = blob(
    0xfade0cc0,
    Buffer.concat([u32be(all.length), ...index, ...all.map(([, part]) => part)]),
  );
  const room = (options.signatureBytes ?? SIGNATURE_BYTES) - signature.length;
  if (room < 0) throw new Error("The signature does not fit.");
  return Buffer.concat([signature, Buffer.alloc(room)]);
}

function codeDirectory(
  code: Buffer,
  hash: "sha1" | "sha256",
  parts: ReadonlyMap<number, Buffer>,
  { identifier, team = "", flags = 0, pageShift = 12, infoPlist, codeResources }: CodeSignatureOptions,
): Buffer {
  const digest = (bytes: Buffer) => createHash(hash).update(bytes).digest();
  const size = hash === "sha1" ? 20 : 32;
  const special = [parts.get(7), undefined, parts.get(5), undefined, codeResources, parts.get(2), infoPlist];
  const pageBytes = pageShift === 0 ? code.length : 2 ** pageShift;
  const pages: Buffer[] = [];
  for (let at = 0; at < code.length; at += pageBytes) pages.push(digest(code.subarray(at, at + pageBytes)));
  const names = Buffer.from(`${identifier}\0${team}\0`);
  const identOffset = 88;
  const teamOffset = team === "" ? 0 : identOffset + Buffer.byteLength(identifier) + 1;
  const hashOffset = identOffset + names.length + special.length * size;
  const fields = Buffer.concat([
    u32be(0x20400, flags, hashOffset, identOffset, special.length, pages.length, code.length),
    Buffer.from([size, hash === "sha1" ? 1 : 2, 0, pageShift]),
    u32be(0, 0, teamOffset, 0, 0, 0),
    Buffer.alloc(24),
  ]);
  const digests = special.map((part) => (part === undefined ? Buffer.alloc(size) : digest(part)));
  return blob(0xfade0c02, Buffer.concat([fields, names, ...digests, ...pages]));
}

function derValue(value: Plist): Buffer {
  if (typeof value === "boolean") return Buffer.from([1, 1, value ? 0xff : 0]);
  if (typeof value === "number") return Buffer.from([2, 1, value]);
  if (typeof value === "string") return encodeDer(0x0c, Buffer.from(value));
  if (Array.isArray(value)) return encodeDer(0x30, Buffer.concat(value.map(derValue)));
  const pairs = Object.entries(value).map(([key, item]) =>
    encodeDer(0x30, Buffer.concat([derValue(key), derValue(item as Plist)])),
  );
  return encodeDer(0xb0, Buffer.concat(pairs));
}

function blob(magic: number, content: Buffer): Buffer {
  return Buffer.concat([u32be(magic, content.length + 8), content]);
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

function u32be(...values: readonly number[]): Buffer {
  return u32(...values).swap32();
}

function u64(...values: readonly number[]): Buffer {
  return Buffer.concat(values.map((value) => u32(value, 0)));
}

function text16(text: string): Buffer {
  return Buffer.from(text.padEnd(16, "\0"));
}
