import { promisify } from "node:util";
import { inflate } from "node:zlib";

import type { ChunkSource } from "../unpack/chunk-reader.ts";
import { withUnpacked } from "../unpack/unpack-chunks.ts";
import { UnreadableError } from "../unreadable.ts";

/**
 * One block of a squashfs, which unpacks to at most `limitBytes`: more is an attack, and refused. Throws `UnreadableError`; `unsupported` for lzo,
 * lz4 and lzma.
 */
export async function unpackBlock(packed: Buffer, compression: string, limitBytes: number): Promise<Buffer> {
  if (compression === "gzip") return await inflateBlock(packed, limitBytes);
  if (compression !== "xz" && compression !== "zstd") {
    throw new UnreadableError("unsupported", `A squashfs packed with ${compression} is not read.`);
  }
  return await withUnpacked(once(packed), compression, "small", async (unpacked) => {
    const block = await unpacked.read(limitBytes + 1);
    if (block.length > limitBytes) throw tooLarge();
    return Buffer.from(block);
  });
}

/** "gzip" is zlib's own form there. */
async function inflateBlock(packed: Buffer, limitBytes: number): Promise<Buffer> {
  try {
    return await promisify(inflate)(packed, { maxOutputLength: limitBytes });
  } catch {
    throw tooLarge();
  }
}

function tooLarge(): UnreadableError {
  return new UnreadableError(
    "damaged",
    "A block of the squashfs does not unpack, or to more than a block holds.",
  );
}

function once(bytes: Buffer): ChunkSource {
  let left: Buffer | null = bytes;
  return {
    next: async () => {
      const next = left;
      left = null;
      return next;
    },
  };
}
