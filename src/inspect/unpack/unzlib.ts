import { constants, createGunzip, createZstdDecompress, type Gunzip } from "node:zlib";

import { UnreadableError } from "../unreadable.ts";
import type { ChunkSource } from "./chunk-reader.ts";
import { CorruptDataError } from "./corrupt-data-error.ts";

const CHUNK_BYTES = 128 * 1024;

/** The content of gzip data as it streams by, each member's CRC-32 and size checked. Throws `UnreadableError`. */
export function gunzipChunks(packed: ChunkSource): AsyncGenerator<Uint8Array, void, undefined> {
  return through(createGunzip({ chunkSize: CHUNK_BYTES }), "gzip", packed);
}

/**
 * The content of zstd data as it streams by, checksums checked where frames have them. Frames whose window is larger than
 * 2 to the power of `windowLog` bytes are not read. Throws `UnreadableError`.
 */
export function unzstdChunks(
  packed: ChunkSource,
  windowLog: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const params = { [constants.ZSTD_d_windowLogMax]: windowLog };
  return through(createZstdDecompress({ chunkSize: CHUNK_BYTES, params }), "zstd", packed);
}

async function* through(
  unpacker: Gunzip,
  name: string,
  packed: ChunkSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  const feeding = feed(unpacker, packed);
  try {
    for await (const chunk of unpacker) yield chunk as Buffer;
  } catch (error) {
    // What kept the bytes from coming is the cause; else they are no such data.
    const reading = await feeding;
    throw reading ? reading.error : unpackError(name, error);
  } finally {
    unpacker.destroy();
  }
}

async function feed(unpacker: Gunzip, packed: ChunkSource): Promise<{ readonly error: unknown } | undefined> {
  try {
    for (;;) {
      const chunk = await packed.next();
      if (unpacker.destroyed) return undefined;
      if (chunk === null) {
        unpacker.end();
        return undefined;
      }
      // Copied, because the unpacker may still read it when the next one is asked for.
      if (!unpacker.write(Buffer.from(chunk))) await drained(unpacker);
    }
  } catch (error) {
    unpacker.destroy(error as Error);
    return { error };
  }
}

function drained(unpacker: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unpacker.off("drain", done).off("close", done);
      resolve();
    };
    unpacker.on("drain", done).on("close", done);
  });
}

function unpackError(name: string, error: unknown): UnreadableError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "Z_BUF_ERROR" || code === "ZSTD_error_srcSize_wrong") {
    return new UnreadableError("truncated", `The ${name} data are cut off.`);
  }
  if (code === "ZSTD_error_frameParameter_windowTooLarge") {
    return new UnreadableError("limit", "The zstd data ask for a window larger than is given.");
  }
  return new CorruptDataError(`The ${name} data are damaged or have another checksum than they say.`);
}
