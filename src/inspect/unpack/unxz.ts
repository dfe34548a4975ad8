import { UnreadableError } from "../unreadable.ts";
import { CorruptDataError } from "./corrupt-data-error.ts";
import type { ChunkSource } from "./chunk-reader.ts";

/** What the decoder's error codes (xz-embedded's `enum xz_ret`) mean. It takes dictionaries up to 64 MiB, as `xz -9` makes them. */
const failures: Readonly<Record<string, () => UnreadableError>> = {
  "3": tooMuchMemory,
  "4": tooMuchMemory,
  "6": () => new UnreadableError("unsupported", "The xz data use a filter or checksum that is not read."),
  "8": cutOff,
};

/**
 * The content of xz data as it streams by, each block's CRC-32 or CRC-64 checked. Streams that are read at once wait for each other:
 * there is one decoder. Throws `UnreadableError`.
 */
export async function* unxzChunks(packed: ChunkSource): AsyncGenerator<Uint8Array, void, undefined> {
  const { default: xz } = await import("xz-decompress");
  let failure: { readonly error: unknown } | undefined;
  let isAtEnd = false;
  const input = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const chunk = await packed.next();
          if (chunk === null) {
            isAtEnd = true;
            controller.close();
          } else controller.enqueue(Uint8Array.from(chunk));
        } catch (error) {
          failure = { error };
          controller.error(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
  try {
    // Leaving the loop early cancels the stream, which frees the decoder.
    for await (const chunk of new xz.XzReadableStream(input)) if (chunk.length > 0) yield chunk;
  } catch (error) {
    if (failure !== undefined) throw failure.error;
    const code = /error code (\d)/.exec(String(error))?.[1];
    if (code === undefined) throw isAtEnd ? cutOff() : error;
    throw failures[code]?.() ?? new CorruptDataError("The xz data are damaged.");
  }
}

function tooMuchMemory(): UnreadableError {
  return new UnreadableError("limit", "The xz data ask for a dictionary of more than 64 MiB.");
}

function cutOff(): UnreadableError {
  return new UnreadableError("truncated", "The xz data are cut off.");
}
