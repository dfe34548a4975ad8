import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { type CodeDirectory, readCodeDirectory } from "./code-directory.ts";

/** cs_blobs.h, CSSLOT_*: what the parts of a signature are; the same numbers are those of a CodeDirectory's special slots. */
export const slots = {
  codeDirectory: 0,
  infoPlist: 1,
  requirements: 2,
  codeResources: 3,
  entitlements: 5,
  entitlementsDer: 7,
  firstAlternate: 0x1000,
  lastAlternate: 0x1004,
  cms: 0x10000,
  ticket: 0x10002,
} as const;

const EMBEDDED_SIGNATURE = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const BLOB_HEADER_BYTES = 8;
/** A signature has some ten parts. */
const MAX_BLOBS = 64;
/** A program of 1 GiB has 8 MiB of digests; the whole signature is held in memory. */
export const MAX_SIGNATURE_BYTES = 32 * 1024 * 1024;

/** The parts of a program's signature. */
export interface CodeSignature {
  /** The strongest first. Never empty. */
  readonly directories: readonly [CodeDirectory, ...CodeDirectory[]];
  /** The first one as it stands in the signature, over which the message is signed. */
  readonly signedDirectory: CodeDirectory;
  /** The signed message; null where there is none, as in an ad-hoc signature. */
  readonly cms: Buffer | null;
  /** The parts that special slots have digests of, whole, by slot. */
  readonly parts: ReadonlyMap<number, Buffer>;
}

/**
 * Reads an embedded signature (cs_blobs.h, CS_SuperBlob): `fade0cc0`, its length, the number of parts, for each its slot and offset;
 * each part begins with its own magic and length. Throws `UnreadableError`.
 */
export function readCodeSignature(bytes: Buffer, where: string): CodeSignature {
  const reader = new ByteReader(bytes, where);
  if (reader.u32be() !== EMBEDDED_SIGNATURE) throw damaged(where, "has no signature where it names one");
  const length = reader.u32be();
  const count = reader.u32be();
  if (length > bytes.length) throw damaged(where, "names a signature longer than its place");
  if (count > MAX_BLOBS) {
    throw new UnreadableError(
      "limit",
      `${where} has a signature of ${count} parts; ${MAX_BLOBS} are read.`,
      where,
    );
  }
  const parts = new Map<number, Buffer>();
  for (let index = 0; index < count; index += 1) {
    const slot = reader.u32be();
    const part = partAt(bytes.subarray(0, length), reader.u32be(), where);
    // Of two in one slot, two readers may take different ones.
    if (parts.has(slot)) throw damaged(where, "has a signature with a part that stands twice");
    parts.set(slot, part);
  }
  const primary = parts.get(slots.codeDirectory);
  if (primary?.readUInt32BE(0) !== CODE_DIRECTORY)
    throw damaged(where, "has a signature without a CodeDirectory");
  const signedDirectory = readCodeDirectory(primary, where);
  const alternates = [...parts]
    .filter(([slot]) => slot >= slots.firstAlternate && slot <= slots.lastAlternate)
    .map(([, blob]) => readCodeDirectory(blob, where));
  const [strongest, ...others] = [signedDirectory, ...alternates].sort((a, b) => b.hash.rank - a.hash.rank);
  const cms = parts.get(slots.cms)?.subarray(BLOB_HEADER_BYTES);
  return {
    directories: [strongest!, ...others],
    signedDirectory,
    // An ad-hoc signature may have an empty one.
    cms: cms === undefined || cms.length === 0 ? null : cms,
    parts,
  };
}

/** What stands in a part, behind its magic and length; null when there is no such part. */
export function partContent(signature: CodeSignature, slot: number): Buffer | null {
  return signature.parts.get(slot)?.subarray(BLOB_HEADER_BYTES) ?? null;
}

function partAt(bytes: Buffer, offset: number, where: string): Buffer {
  const length = new ByteReader(bytes, where).seek(offset).skip(4).u32be();
  if (length < BLOB_HEADER_BYTES) throw damaged(where, "has a signature with a part that is too short");
  return new ByteReader(bytes, where).seek(offset).bytes(length);
}

function damaged(where: string, problem: string): UnreadableError {
  return new UnreadableError("damaged", `${where} ${problem}.`, where);
}
