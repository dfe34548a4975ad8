import { type FileHandle, open } from "node:fs/promises";

const CHUNK_BYTES = 1024 * 1024;

/**
 * A regular file from `start` to its last byte. One chunk is read ahead while the other is
 * used, in two buffers for the whole file (`createReadStream` makes one for every chunk), so a chunk is good only until
 * the next one is asked for. Who says how many bytes there should be (`sizeBytes`) makes a small file cheap: a small buffer, and no second
 * read to find its end. Raises what reading raised; the caller closes the handle.
 */
export async function* readFileChunks(
  handle: FileHandle,
  start = 0,
  sizeBytes?: number,
): AsyncGenerator<Uint8Array, void, void> {
  let position = start;
  if (sizeBytes !== undefined && sizeBytes < CHUNK_BYTES) {
    // Room for one byte more than there should be: what comes short of it is the whole.
    const only = await readAt(handle, Buffer.allocUnsafeSlow(sizeBytes + 1), position);
    if (only.byteLength > 0) yield only;
    if (only.byteLength === sizeBytes) return;
    position += only.byteLength;
  }
  let used = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let filling = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let ahead = readAt(handle, filling, position);
  try {
    for (;;) {
      const chunk = await ahead;
      if (chunk.byteLength === 0) return;
      position += chunk.byteLength;
      [used, filling] = [filling, used];
      ahead = readAt(handle, filling, position);
      yield chunk;
    }
  } finally {
    // A consumer that stops early must be able to close the handle, with no read left to fail unseen.
    await ahead.catch(() => {});
  }
}

async function readAt(handle: FileHandle, buffer: Buffer, position: number): Promise<Uint8Array> {
  const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position);
  return buffer.subarray(0, bytesRead);
}

/** Makes the names in a directory durable: what was created, linked or removed in it survives a crash. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
