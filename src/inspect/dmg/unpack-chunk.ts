import { promisify } from "node:util";
import { inflate } from "node:zlib";

import { bunzip2 } from "../bzip2/bunzip2.ts";
import { unpackLzfse } from "../lzfse/lzfse.ts";
import { UnreadableError } from "../unreadable.ts";
import { generatedSource } from "../unpack/chunk-reader.ts";
import { withUnpacked } from "../unpack/unpack-chunks.ts";
import { unpackAdc } from "./adc.ts";
import type { ChunkKind } from "./udif-table.ts";

/** The packings of chunks: each makes exactly so many bytes, or null. */
const unpackers: Partial<
  Record<ChunkKind, (packed: Buffer, sizeBytes: number) => Buffer | null | Promise<Buffer | null>>
> = {
  adc: unpackAdc,
  zlib: (packed, sizeBytes) => promisify(inflate)(packed, { maxOutputLength: sizeBytes }).catch(() => null),
  bzip2: (packed, sizeBytes) => bunzip2(packed, sizeBytes).catch(nullIfUnreadable),
  lzfse: unpackLzfse,
  lzma: (packed, sizeBytes) => unxz(packed, sizeBytes).catch(nullIfUnreadable),
};

/** The sectors of a packed chunk. Throws `UnreadableError` when they are not exactly as many as the table says. */
export async function unpackChunk(
  kind: ChunkKind,
  packed: Buffer,
  sizeBytes: number,
  where: string,
): Promise<Buffer> {
  const unpacker = unpackers[kind];
  if (!unpacker) {
    throw new UnreadableError("unsupported", `Partition ${where} is packed in a way unknown here.`, where);
  }
  const content = await unpacker(packed, sizeBytes);
  if (content?.length === sizeBytes) return content;
  throw new UnreadableError(
    "damaged",
    `A chunk of partition ${where} does not unpack to the ${sizeBytes} bytes its table says.`,
    where,
  );
}

/** One byte more would be too many, and is asked for to know of it. */
function unxz(packed: Buffer, sizeBytes: number): Promise<Buffer> {
  const source = generatedSource(
    (async function* once() {
      yield packed;
    })(),
  );
  return withUnpacked(source, "xz", "small", async (unpacked) =>
    Buffer.from(await unpacked.read(sizeBytes + 1)),
  );
}

function nullIfUnreadable(error: unknown): null {
  if (error instanceof UnreadableError) return null;
  throw error;
}
