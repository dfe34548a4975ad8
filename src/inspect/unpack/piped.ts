import type { Transform } from "node:stream";

import type { UnreadableError } from "../unreadable.ts";

/**
 * Chunks passed through a transform, as fast as they are taken. An error of the transform becomes `failure()`; what the chunks
 * themselves throw comes through.
 */
export async function* piped(
  chunks: AsyncIterable<Buffer>,
  transform: Transform,
  failure: () => UnreadableError,
): AsyncGenerator<Buffer, void, undefined> {
  let cause: unknown;
  const feeding = feed(transform, chunks).catch((error: unknown) => {
    cause = error;
    transform.destroy(error as Error);
  });
  try {
    for await (const chunk of transform) yield chunk as Buffer;
  } catch {
    throw cause ?? failure();
  } finally {
    transform.destroy();
    await feeding;
  }
}

async function feed(transform: Transform, chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) {
    if (transform.destroyed) return;
    if (transform.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        transform.off("drain", goOn).off("close", goOn);
        resolve();
      };
      transform.on("drain", goOn).on("close", goOn);
    });
  }
  transform.end();
}
