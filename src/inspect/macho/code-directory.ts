import { createHash } from "node:crypto";

import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

/** How digests are made: cs_blobs.h, CS_HASHTYPE_*. */
export interface CodeHash {
  readonly name: "sha1" | "sha256" | "sha384";
  /** Digests may be cut. */
  readonly sizeBytes: number;
  /** The strongest has the highest. */
  readonly rank: number;
}

const hashTypes: ReadonlyMap<number, CodeHash> = new Map([
  [1, { name: "sha1", sizeBytes: 20, rank: 1 }],
  [3, { name: "sha256", sizeBytes: 20, rank: 2 }],
  [2, { name: "sha256", sizeBytes: 32, rank: 3 }],
  [4, { name: "sha384", sizeBytes: 48, rank: 4 }],
]);

/** cs_blobs.h, CS_CDHASH_LEN: what names a program is the first bytes of its CodeDirectory's digest. */
const CDHASH_BYTES = 20;
/** The versions that brought a field. */
const HAS_SCATTER = 0x20100;
const HAS_TEAM = 0x20200;
const HAS_LIMIT_64 = 0x20300;
/** Apple signs pages of 4 or 16 KiB. Smaller ones would cost a digest for a few bytes each. */
const MIN_PAGE_SHIFT = 12;
const MAX_PAGE_SHIFT = 20;
/** There are some ten; each is looked at. */
const MAX_SPECIAL_SLOTS = 64;
/** Identifiers are like domain names. */
const MAX_TEXT_BYTES = 1024;

/** cs_blobs.h, CS_ADHOC and the like: those flags that matter to people. */
const flagNames: ReadonlyMap<number, string> = new Map([
  [0x2, "adhoc"],
  [0x100, "hard"],
  [0x200, "kill"],
  [0x800, "restrict"],
  [0x2000, "library-validation"],
  [0x10000, "runtime"],
  [0x20000, "linker-signed"],
]);

/** The digests of a program's pages and of what belongs to it: what a signature is over. */
export interface CodeDirectory {
  readonly identifier: string;
  readonly team: string | null;
  /** `adhoc` (nobody signed), `linker-signed`, `runtime` (the hardened runtime), … */
  readonly flags: readonly string[];
  readonly hash: CodeHash;
  /** Null when the whole program is one page. */
  readonly pageBytes: number | null;
  /** How many bytes of the program are in pages. */
  readonly codeLimit: number;
  /** The digests of the pages, one after the other. */
  readonly pageDigests: Buffer;
  /** How many special slots there are. */
  readonly specialSlots: number;
  /** The whole of it. */
  readonly blob: Buffer;
  /** `hash` of the whole, not cut. */
  readonly digest: Buffer;
  /** The first bytes of that, in hex: the name of this very program. */
  readonly cdhash: string;
}

/**
 * Reads a CodeDirectory (cs_blobs.h, CS_CodeDirectory):
 *
 *      0  magic   length   version   flags   hashOffset   identOffset   nSpecialSlots   nCodeSlots   codeLimit
 *     36  hashSize   hashType   platform   pageSize (a power of two), one byte each   spare
 *     44  scatterOffset   teamOffset   spare   codeLimit64 …
 *
 * Throws `UnreadableError`.
 */
export function readCodeDirectory(blob: Buffer, where: string): CodeDirectory {
  const reader = new ByteReader(blob, where);
  const version = reader.skip(8).u32be();
  const flags = reader.u32be();
  const hashOffset = reader.u32be();
  const identOffset = reader.u32be();
  const specialSlots = reader.u32be();
  const codeSlots = reader.u32be();
  const codeLimit32 = reader.u32be();
  const hashSize = reader.u8();
  const hash = hashTypes.get(reader.u8());
  const pageShift = reader.skip(1).u8();
  if (hash === undefined || hash.sizeBytes !== hashSize)
    throw unsupported(where, "digests of an unknown kind");
  if (pageShift !== 0 && (pageShift < MIN_PAGE_SHIFT || pageShift > MAX_PAGE_SHIFT)) {
    throw unsupported(where, `pages of 2^${pageShift} bytes`);
  }
  if (specialSlots > MAX_SPECIAL_SLOTS) throw unsupported(where, `${specialSlots} special slots`);
  if (version >= HAS_SCATTER && reader.seek(44).u32be() !== 0) throw unsupported(where, "scattered pages");
  const teamOffset = version >= HAS_TEAM ? reader.seek(48).u32be() : 0;
  const codeLimit64 = version >= HAS_LIMIT_64 ? reader.seek(56).u64be() : 0;
  const digests = reader.seek(hashOffset).bytes(codeSlots * hashSize);
  // The special slots stand before the first page's, the nearest being number 1.
  reader.seek(hashOffset - specialSlots * hashSize);
  const digest = createHash(hash.name).update(blob).digest();
  return {
    identifier: textAt(blob, identOffset, where),
    team: teamOffset === 0 ? null : textAt(blob, teamOffset, where),
    flags: [...flagNames].flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : [name])),
    hash,
    pageBytes: pageShift === 0 ? null : 2 ** pageShift,
    codeLimit: codeLimit64 === 0 ? codeLimit32 : codeLimit64,
    pageDigests: digests,
    specialSlots,
    blob,
    digest,
    cdhash: digest.toString("hex", 0, CDHASH_BYTES),
  };
}

/** The digest in a special slot, from 1; null for an empty one, which says that there must be nothing to digest. */
export function specialDigest(directory: CodeDirectory, slot: number): Buffer | null {
  if (slot > directory.specialSlots) return null;
  const { blob, hash } = directory;
  const hashOffset = blob.readUInt32BE(16);
  const digest = blob.subarray(hashOffset - slot * hash.sizeBytes).subarray(0, hash.sizeBytes);
  return digest.some((byte) => byte !== 0) ? digest : null;
}

/** A digest as this CodeDirectory would hold it. */
export function codeDigest({ hash }: Pick<CodeDirectory, "hash">, bytes: Uint8Array): Buffer {
  return createHash(hash.name).update(bytes).digest().subarray(0, hash.sizeBytes);
}

function textAt(blob: Buffer, offset: number, where: string): string {
  const text = new ByteReader(blob, where).seek(offset).rest().subarray(0, MAX_TEXT_BYTES);
  const end = text.indexOf(0);
  if (end === -1) throw new UnreadableError("damaged", `${where} has a name without an end.`, where);
  return text.toString("utf8", 0, end);
}

function unsupported(where: string, what: string): UnreadableError {
  return new UnreadableError("unsupported", `${where} has ${what}, which are not read here.`, where);
}
