import { createHash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";
import type { ContentDigest } from "./signature-algorithms.ts";
import { VerityTree } from "./verity-tree.ts";

/** Each section of the file is digested in pieces of this size. */
const CHUNK_BYTES = 1024 * 1024;
/** A multiple of the chunk. The next read is under way while one is hashed. */
const READ_BYTES = 4 * CHUNK_BYTES;
/** Where the end record says where the directory begins. */
const DIRECTORY_OFFSET_AT = 16;

/** What digests one algorithm needs: sections begin a chunk of their own. */
interface ContentHasher {
  update(bytes: Buffer): void;
  endSection(): void;
  digest(): Buffer;
}

/**
 * Digests all of the file but its signing block, as "APK Signature Scheme v2" has it: what stands before the block, the central directory
 * and the end record, as though the directory's offset there were the signing block's. Reads the file once,
 * for all the digests asked for. Throws `UnreadableError`; raises what reading the file raises.
 */
export async function contentDigests(
  bytes: RandomAccess,
  directory: ZipDirectory,
  blockOffset: number,
  wanted: ReadonlySet<ContentDigest>,
): Promise<ReadonlyMap<ContentDigest, Buffer>> {
  const hashers = [...wanted].map((content) => [content, hasherOf(content)] as const);
  // A copy: what was read may be shared with the next who reads it.
  const end = Buffer.from(await readAll(bytes, directory.endOffset, bytes.sizeBytes));
  end.writeUInt32LE(blockOffset, DIRECTORY_OFFSET_AT);
  for (const [start, stop] of [
    [0, blockOffset],
    [directory.offset, directory.endOffset],
  ] as const) {
    for await (const chunk of chunks(bytes, start, stop))
      for (const [, hasher] of hashers) hasher.update(chunk);
    for (const [, hasher] of hashers) hasher.endSection();
  }
  return new Map(
    hashers.map(([content, hasher]) => {
      hasher.update(end);
      hasher.endSection();
      return [content, hasher.digest()];
    }),
  );
}

function hasherOf(content: ContentDigest): ContentHasher {
  return content === "verity-sha256" ? new VerityTree() : new ChunkedHasher(content);
}

/** The section in pieces of whole chunks, but for its end. */
async function* chunks(bytes: RandomAccess, start: number, stop: number): AsyncGenerator<Buffer> {
  const read = (offset: number) => readAll(bytes, offset, Math.min(offset + READ_BYTES, stop));
  let next: Promise<Buffer> | undefined = start < stop ? read(start) : undefined;
  for (let offset = start; next; offset += READ_BYTES) {
    const chunk: Buffer = await next;
    next = offset + READ_BYTES < stop ? read(offset + READ_BYTES) : undefined;
    // Should the reader stop early, nobody waits for this one.
    next?.catch(() => {});
    yield chunk;
  }
}

async function readAll(bytes: RandomAccess, start: number, stop: number): Promise<Buffer> {
  const read = await readExactly(bytes, start, stop - start);
  if (!read) throw new UnreadableError("truncated", "The file ends while it is read.");
  return read;
}

/**
 * "The digest of each chunk is computed over the concatenation of byte 0xa5, the chunk's length in bytes (little-endian uint32), and
 * the chunk's contents. The top-level digest is computed over the concatenation of byte 0x5a, the number of chunks (little-endian
 * uint32), and the concatenation of digests of the chunks in the order the chunks appear in the APK."
 */
class ChunkedHasher implements ContentHasher {
  readonly #algorithm: "sha256" | "sha512";
  readonly #digests: Buffer[] = [];

  constructor(algorithm: "sha256" | "sha512") {
    this.#algorithm = algorithm;
  }

  /** Pieces but the last one of a section are of whole chunks. */
  update(bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
      const chunk = bytes.subarray(offset, offset + CHUNK_BYTES);
      this.#digests.push(
        createHash(this.#algorithm).update(prefix(0xa5, chunk.length)).update(chunk).digest(),
      );
    }
  }

  endSection(): void {}

  digest(): Buffer {
    const top = createHash(this.#algorithm).update(prefix(0x5a, this.#digests.length));
    for (const digest of this.#digests) top.update(digest);
    return top.digest();
  }
}

function prefix(kind: number, number: number): Buffer {
  const bytes = Buffer.alloc(5, kind);
  bytes.writeUInt32LE(number, 1);
  return bytes;
}
