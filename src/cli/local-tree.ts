import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";

import { createDualHasher, type Digests } from "../base/digest.ts";
import { readFileChunks } from "../base/files.ts";

/** Something below a directory that is no directory itself. */
export interface TreeEntry {
  /** From the directory on, with slashes, in the form that packages have paths in (NFC). */
  readonly path: string;
  /** As the system knows it. */
  readonly place: string;
  /** What it is instead of a file; undefined for a file. */
  readonly irregular: string | undefined;
}

/** Everything below a directory; links are named, not followed. Raises what the system refuses. */
export async function* walkTree(root: string): AsyncGenerator<TreeEntry, void, void> {
  const waiting: { readonly path: string; readonly place: string }[] = [{ path: "", place: root }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of await readdir(next.place, { withFileTypes: true })) {
      const place = join(next.place, entry.name);
      const path = `${next.path}${entry.name}`.normalize("NFC");
      if (entry.isDirectory()) waiting.push({ path: `${path}/`, place });
      else yield { path, place, irregular: entry.isFile() ? undefined : whatElse(entry) };
    }
  }
}

function whatElse(entry: { isSymbolicLink(): boolean }): string {
  return entry.isSymbolicLink() ? "a symbolic link" : "something else (a pipe, socket or device)";
}

/** Opens a file for reading. A link that took its place meanwhile is refused, and a pipe is not waited for. */
export function openFile(place: string): Promise<FileHandle> {
  return open(place, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
}

/** Both digests of a file from its start. */
export async function hashFile(
  handle: FileHandle,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (count: number) => void },
): Promise<Digests> {
  return hashChunks(readFileChunks(handle), { signal, onBytes });
}

/** The same of any bytes. */
export async function hashChunks(
  chunks: AsyncIterable<Uint8Array>,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (count: number) => void },
): Promise<Digests> {
  const hasher = await createDualHasher();
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    hasher.update(chunk);
    onBytes(chunk.byteLength);
  }
  return hasher.digest();
}
