import type { ServerResponse } from "node:http";
import { finished } from "node:stream/promises";

/**
 * Writes chunks of which each is good only until the next one is asked for, as fast as the client takes them, and ends the
 * answer. When the chunks fail or the client goes away, the connection is destroyed and the reason raised.
 */
export async function passOn(chunks: AsyncIterable<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  try {
    for await (const chunk of chunks) await written(outgoing, chunk);
    outgoing.end();
    await finished(outgoing);
  } catch (error) {
    outgoing.destroy();
    throw error;
  }
}

/** Resolves once the kernel has the chunk, so that its memory may be used again; rejects when the connection is gone. */
function written(outgoing: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error("The connection was closed."));
    if (outgoing.destroyed) {
      gone();
      return;
    }
    outgoing.once("close", gone);
    outgoing.write(chunk, (error) => {
      outgoing.off("close", gone);
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}
