import { promisify } from "node:util";
import { constants, gunzip, zstdDecompress } from "node:zlib";

import type { Compression } from "./formats.ts";

/** The most that unpacking may yield: stops a decompression bomb, which turns a megabyte into gigabytes. */
export const unpackLimitBytes = 4 * 1024 * 1024;

/**
 * The largest zstd window, as a power of two: 8 MiB. A frame of a few bytes may ask for gigabytes. RFC 8878 3.1.1.1.2: "it's recommended for
 * decoders to support values of Window_Size up to 8 MB and for encoders not to generate frames requiring Window_Size larger than 8 MB".
 */
const zstdWindowLogLimit = 23;

/** The packings a control archive comes in. */
const unpackers: Partial<Record<Compression, (packed: Buffer) => Promise<Buffer>>> = {
  none: async (packed) => packed,
  gzip: (packed) => promisify(gunzip)(packed, { maxOutputLength: unpackLimitBytes }),
  zstd: (packed) =>
    promisify(zstdDecompress)(packed, {
      maxOutputLength: unpackLimitBytes,
      params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLogLimit },
    }),
  xz: unxz,
};

/** Unpacks a small archive in memory, at most `unpackLimitBytes` of it. What goes wrong with the bytes is the answer. */
export async function unpack(
  packed: Buffer,
  compression: Compression,
): Promise<Buffer | "unsupported" | "too_large" | "damaged"> {
  const unpacker = unpackers[compression];
  if (!unpacker) return "unsupported";
  try {
    return await unpacker(packed);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const tooLarge = code === "ERR_BUFFER_TOO_LARGE" || code === "ZSTD_error_frameParameter_windowTooLarge";
    return tooLarge ? "too_large" : "damaged";
  }
}

async function unxz(packed: Buffer): Promise<Buffer> {
  const { default: xz } = await import("xz-decompress");
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  // Leaving the loop early cancels the stream, which frees the one decoder all streams share.
  for await (const chunk of new xz.XzReadableStream(new Blob([new Uint8Array(packed)]).stream())) {
    sizeBytes += chunk.length;
    if (sizeBytes > unpackLimitBytes)
      throw Object.assign(new Error("too large"), { code: "ERR_BUFFER_TOO_LARGE" });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
