import { bunzip2Chunks } from "../bzip2/bunzip2.ts";
import type { Compression } from "../formats.ts";
import { UnreadableError } from "../unreadable.ts";
import { ChunkReader, type ChunkSource, generatedSource } from "./chunk-reader.ts";
import { CorruptDataError } from "./corrupt-data-error.ts";
import { unxzChunks } from "./unxz.ts";
import { gunzipChunks, unzstdChunks } from "./unzlib.ts";

/**
 * The largest zstd windows, as powers of two: a frame of a few bytes may ask for gigabytes. `small`: RFC 8878 3.1.1.1.2, "it's
 * recommended for decoders to support values of Window_Size up to 8 MB"; `large`: what zstd itself unpacks without being asked to.
 */
const windowLogs = { small: 23, large: 27 } as const;

/** How much memory a zstd frame may have: 8 MiB for small parts, 128 MiB for whole archives. */
export type WindowSize = keyof typeof windowLogs;

/**
 * Reads what packed data unpack to, as it streams by. The data's own checksums are verified on the way. Reading throws
 * `UnreadableError`: `CorruptDataError` for data that do not unpack, `truncated`, `limit`, `unsupported`. What `use` leaves unread is not unpacked.
 */
export async function withUnpacked<T>(
  packed: ChunkSource,
  compression: Compression,
  window: WindowSize,
  use: (unpacked: ChunkReader) => Promise<T>,
): Promise<T> {
  if (compression === "none") return await use(new ChunkReader(packed));
  const chunks = unpackers[compression](packed, window);
  try {
    return await use(new ChunkReader(generatedSource(chunks)));
  } finally {
    await chunks.return();
  }
}

const unpackers: Readonly<
  Record<
    Exclude<Compression, "none">,
    (packed: ChunkSource, window: WindowSize) => AsyncGenerator<Uint8Array, void, undefined>
  >
> = {
  gzip: gunzipChunks,
  zstd: (packed, window) => unzstdChunks(packed, windowLogs[window]),
  xz: unxzChunks,
  bzip2: unbzip2,
};

async function* unbzip2(packed: ChunkSource): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bunzip2Chunks(chunksOf(packed));
  } catch (error) {
    const isCorrupt = error instanceof UnreadableError && error.reason === "damaged";
    throw isCorrupt ? new CorruptDataError(error.message) : error;
  }
}

async function* chunksOf(source: ChunkSource): AsyncGenerator<Buffer, void, undefined> {
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) yield chunk;
}
