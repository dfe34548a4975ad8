import type { RandomAccess } from "../base/random-access.ts";

/**
 * Up to `length` bytes from `offset`, fewer when the file ends before. Never asks beyond the file's end.
 * Raises what the reader raises.
 */
export async function readUpTo(bytes: RandomAccess, offset: number, length: number): Promise<Buffer> {
  const available = Math.min(length, bytes.sizeBytes - offset);
  if (available <= 0) return Buffer.alloc(0);
  const chunk = await bytes.read(offset, available);
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Exactly `length` bytes from `offset`, or undefined when the file ends before. */
export async function readExactly(
  bytes: RandomAccess,
  offset: number,
  length: number,
): Promise<Buffer | undefined> {
  const chunk = await readUpTo(bytes, offset, length);
  return chunk.length === length ? chunk : undefined;
}

/** A part of the bytes as if there were nothing else. It does not close what it reads. */
export function partAccess(bytes: RandomAccess, start: number, sizeBytes: number): RandomAccess {
  return {
    sizeBytes,
    read: async (offset, length) =>
      bytes.read(start + offset, Math.max(0, Math.min(length, sizeBytes - offset))),
    close: async () => {},
  };
}
