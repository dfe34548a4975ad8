import { createHash, type Hash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipDirectory, ZipEntry } from "../zip/zip-directory.ts";
import { entryChunks } from "../zip/zip-entry.ts";
import { BLOCK_MAP, digestOfChunks } from "./block-map.ts";

export const SIGNATURE_FILE = "AppxSignature.p7x";
const CODE_INTEGRITY = "AppxMetadata/CodeIntegrity.cat";
const READ_BYTES = 1024 * 1024;
const ENTRY_BYTES = 46;
const END_BYTES = 22;
const ZIP64_END_BYTES = 56;
const ZIP64_LOCATOR_BYTES = 20;
const WHERE = "central directory";

/** What a package's signature is over, by the four letters that stand before each digest in it. */
export type PackageDigests = ReadonlyMap<string, Buffer>;

/**
 * The digests that a package's signature names, all of the package as it was before its signature was added to it: `AXPC` over the
 * entries, `AXCD` over the central directory and the end records, `AXCT`, `AXBM` and `AXCI` over the content of three files. Reads all
 * of the file. Throws `UnreadableError`; raises what reading the file raises.
 */
export async function packageDigests(
  bytes: RandomAccess,
  directory: ZipDirectory,
  algorithm: string,
): Promise<PackageDigests> {
  const signature = directory.entries.find(({ name }) => name === SIGNATURE_FILE);
  const removed = signature && regionOf(signature, directory);
  const digests = new Map<string, Buffer>();
  digests.set("AXPC", await digestOfEntries(bytes, directory, removed, algorithm));
  digests.set("AXCD", await digestOfDirectory(bytes, directory, removed, algorithm));
  const contents = [
    ["AXCT", "[Content_Types].xml"],
    ["AXBM", BLOCK_MAP],
    ["AXCI", CODE_INTEGRITY],
  ] as const;
  for (const [label, name] of contents) {
    const entry = directory.entries.find((one) => one.name === name);
    if (entry) digests.set(label, await digestOfChunks(entryChunks(bytes, entry), algorithm));
  }
  return digests;
}

interface Region {
  readonly start: number;
  readonly stop: number;
}

/** From an entry's header to the next one's: a descriptor behind the data has no size of its own. */
function regionOf(entry: ZipEntry, { entries, offset }: ZipDirectory): Region {
  const next = entries.reduce(
    (nearest, { localOffset }) =>
      localOffset > entry.localOffset && localOffset < nearest ? localOffset : nearest,
    offset,
  );
  return { start: entry.localOffset, stop: next };
}

async function digestOfEntries(
  bytes: RandomAccess,
  { offset }: ZipDirectory,
  removed: Region | undefined,
  algorithm: string,
): Promise<Buffer> {
  const digest = createHash(algorithm);
  await update(digest, bytes, 0, removed?.start ?? offset);
  if (removed) await update(digest, bytes, removed.stop, offset);
  return digest.digest();
}

async function update(digest: Hash, bytes: RandomAccess, start: number, stop: number): Promise<void> {
  for (let at = start; at < stop; at += READ_BYTES) {
    const chunk = await readExactly(bytes, at, Math.min(READ_BYTES, stop - at));
    if (!chunk) throw new UnreadableError("truncated", "The file ends while it is read.");
    digest.update(chunk);
  }
}

/** The directory and the records behind it as they would be without the signature: one entry and its bytes fewer. */
async function digestOfDirectory(
  bytes: RandomAccess,
  { offset, endOffset, commentBytes, entries }: ZipDirectory,
  removed: Region | undefined,
  algorithm: string,
): Promise<Buffer> {
  const whole = await readExactly(bytes, offset, bytes.sizeBytes - offset);
  if (!whole) throw new UnreadableError("truncated", "The file ends while it is read.");
  const kept: Buffer[] = [];
  const reader = new ByteReader(whole, WHERE);
  for (const { name } of entries) {
    const start = reader.offset;
    const lengths = reader.skip(28);
    const more = lengths.u16le() + lengths.u16le() + lengths.u16le();
    reader.seek(start);
    const entry = reader.bytes(ENTRY_BYTES + more);
    if (name !== SIGNATURE_FILE) kept.push(entry);
  }
  const directoryBytes = kept.reduce((sum, { length }) => sum + length, 0);
  const without: EndValues = {
    count: kept.length,
    directoryBytes,
    offset: offset - (removed ? removed.stop - removed.start : 0),
  };
  const records = whole.subarray(endOffset - offset);
  const zip64 = records.length >= ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES + END_BYTES + commentBytes;
  const digest = createHash(algorithm);
  for (const entry of kept) digest.update(entry);
  const end = Buffer.from(records.subarray(records.length - END_BYTES - commentBytes));
  if (zip64) digest.update(zip64Records(records.subarray(0, records.length - end.length), without));
  digest.update(endRecord(end, without));
  return digest.digest();
}

interface EndValues {
  readonly count: number;
  readonly directoryBytes: number;
  readonly offset: number;
}

/** APPNOTE 4.3.14: counts at 24 and 32, the directory's size at 40 and offset at 48; 4.3.15: where that record begins, at 8. */
function zip64Records(records: Buffer, { count, directoryBytes, offset }: EndValues): Buffer {
  const changed = Buffer.from(records);
  changed.writeBigUInt64LE(BigInt(count), 24);
  changed.writeBigUInt64LE(BigInt(count), 32);
  changed.writeBigUInt64LE(BigInt(directoryBytes), 40);
  changed.writeBigUInt64LE(BigInt(offset), 48);
  const locator = changed.length - ZIP64_LOCATOR_BYTES;
  changed.writeBigUInt64LE(BigInt(offset + directoryBytes), locator + 8);
  return changed;
}

/** APPNOTE 4.3.16. Disks are zeros there even where the file has 0xFFFF; a value that stands in Zip64 stays the mark for that. */
function endRecord(record: Buffer, { count, directoryBytes, offset }: EndValues): Buffer {
  record.writeUInt32LE(0, 4);
  for (const at of [8, 10]) if (record.readUInt16LE(at) !== 0xffff) record.writeUInt16LE(count & 0xffff, at);
  if (record.readUInt32LE(12) !== 0xffffffff) record.writeUInt32LE(directoryBytes >>> 0, 12);
  if (record.readUInt32LE(16) !== 0xffffffff) record.writeUInt32LE(offset >>> 0, 16);
  return record;
}
