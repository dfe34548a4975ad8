import { createInflateRaw, inflateRaw, crc32 as updateCrc32 } from "node:zlib";
import { promisify } from "node:util";

import type { RandomAccess } from "../../base/random-access.ts";
import { partAccess, readExactly } from "../bytes.ts";
import { piped } from "../unpack/piped.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipEntry } from "./zip-directory.ts";

const LOCAL_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;
const READ_BYTES = 1024 * 1024;
const INFLATED_BYTES = 128 * 1024;
const MAX_OVERHEAD_BYTES = 64 * 1024;
const STORED = 0;
const DEFLATED = 8;
/** Bit 0 of the general purpose flags. */
const ENCRYPTED = 1;

/** Where an entry's packed bytes stand. Throws `UnreadableError` when its local header is not there or is another entry's. */
export async function findEntryData(
  bytes: RandomAccess,
  entry: ZipEntry,
): Promise<{ readonly start: number; readonly stop: number }> {
  const header = await readExactly(bytes, entry.localOffset, LOCAL_BYTES);
  if (header?.readUInt32LE(0) !== LOCAL_SIGNATURE)
    throw corrupt(entry, "has no local header where the directory says");
  const start = entry.localOffset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  const stop = start + entry.packedBytes;
  if (stop > bytes.sizeBytes) throw corrupt(entry, "reaches beyond the end of the file");
  return { start, stop };
}

/**
 * The whole content of an entry, its CRC-32 checked. Throws `UnreadableError`: `limit` when it is longer than `limitBytes`,
 * `unsupported` for a packing other than deflate, `corrupt` when it does not unpack to what the directory says.
 */
export async function readEntry(bytes: RandomAccess, entry: ZipEntry, limitBytes: number): Promise<Buffer> {
  requireReadable(entry);
  // Deflate never makes more than a little more of anything.
  if (entry.sizeBytes > limitBytes || entry.packedBytes > limitBytes + MAX_OVERHEAD_BYTES) {
    throw new UnreadableError(
      "limit",
      `${entry.name} is longer than the ${limitBytes} bytes that are read.`,
      entry.name,
    );
  }
  const { start } = await findEntryData(bytes, entry);
  const packed = await readExactly(bytes, start, entry.packedBytes);
  if (!packed) throw corrupt(entry, "is cut off");
  const content = entry.method === STORED ? packed : await inflate(entry, packed);
  if (content.length !== entry.sizeBytes)
    throw corrupt(entry, "unpacks to another size than the directory says");
  if (updateCrc32(content) !== entry.crc32)
    throw corrupt(entry, "has another CRC-32 than the directory says");
  return content;
}

/**
 * The content of an entry as it streams by, its size and CRC-32 checked at the end. At most the directory's size comes, whatever
 * the packed bytes would give: a bomb ends there. A chunk is good only until the next one is asked for. Throws as `readEntry` does.
 */
export async function* entryChunks(
  bytes: RandomAccess,
  entry: ZipEntry,
): AsyncGenerator<Buffer, void, undefined> {
  requireReadable(entry);
  const { start, stop } = await findEntryData(bytes, entry);
  let sizeBytes = 0;
  let crc = 0;
  const packed = packedChunks(bytes, start, stop);
  const inflated = () =>
    piped(packed, createInflateRaw({ chunkSize: INFLATED_BYTES }), () =>
      corrupt(entry, "is no deflate data"),
    );
  for await (const chunk of entry.method === STORED ? packed : inflated()) {
    sizeBytes += chunk.length;
    if (sizeBytes > entry.sizeBytes) throw corrupt(entry, "unpacks to more than the directory says");
    crc = updateCrc32(chunk, crc);
    yield chunk;
  }
  if (sizeBytes !== entry.sizeBytes) throw corrupt(entry, "unpacks to less than the directory says");
  if (crc !== entry.crc32) throw corrupt(entry, "has another CRC-32 than the directory says");
}

/** True when the content stands in the archive as it is. */
export function isStored({ method, flags, packedBytes, sizeBytes }: ZipEntry): boolean {
  return method === STORED && (flags & ENCRYPTED) === 0 && packedBytes === sizeBytes;
}

/** The content of a stored entry at any place; its CRC-32 is not checked. Throws as `findEntryData` does. */
export async function entryAccess(bytes: RandomAccess, entry: ZipEntry): Promise<RandomAccess> {
  const { start, stop } = await findEntryData(bytes, entry);
  return partAccess(bytes, start, stop - start);
}

function requireReadable(entry: ZipEntry): void {
  if ((entry.flags & ENCRYPTED) !== 0) {
    throw new UnreadableError("unsupported", `${entry.name} is encrypted.`, entry.name);
  }
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    throw new UnreadableError(
      "unsupported",
      `${entry.name} is packed by method ${entry.method}.`,
      entry.name,
    );
  }
}

async function inflate(entry: ZipEntry, packed: Buffer): Promise<Buffer> {
  try {
    // Zero is no limit to zlib.
    return await promisify(inflateRaw)(packed, { maxOutputLength: Math.max(1, entry.sizeBytes) });
  } catch {
    throw corrupt(entry, "does not unpack to what the directory says");
  }
}

async function* packedChunks(bytes: RandomAccess, start: number, stop: number): AsyncGenerator<Buffer> {
  for (let offset = start; offset < stop; offset += READ_BYTES) {
    const chunk = await readExactly(bytes, offset, Math.min(READ_BYTES, stop - offset));
    if (!chunk) throw new UnreadableError("truncated", "The zip archive ends within an entry.");
    yield chunk;
  }
}

function corrupt(entry: ZipEntry, problem: string): UnreadableError {
  return new UnreadableError("corrupt", `${entry.name} ${problem}.`, entry.name);
}
