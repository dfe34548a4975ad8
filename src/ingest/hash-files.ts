import { join } from "node:path";

import { forEachAtMost } from "../base/async.ts";
import { createDualHasher } from "../base/digest.ts";
import { fileAsFound } from "../registry/file-source.ts";
import type { ReportOptions } from "../registry/records/pages.ts";
import type { ScannedFile } from "./scan-directory.ts";

/** Hashing fills one core; a few files at once keep it busy while others are opened. */
const FILES_AT_ONCE = 8;

export interface HashedFile extends ScannedFile {
  readonly sha256: string;
  readonly blake3: string;
  readonly sizeBytes: number;
}

/**
 * Reads every file once. Raises `validation.source_changed`, `validation.file_not_found`, `validation.file_unreadable`, each with the
 * file's path.
 */
export async function hashFiles(
  directory: string,
  files: readonly ScannedFile[],
  { signal, onProgress }: ReportOptions = {},
): Promise<readonly HashedFile[]> {
  const hashed = Array.from<HashedFile>({ length: files.length });
  let done = 0;
  await forEachAtMost(FILES_AT_ONCE, files.entries(), signal, async ([index, file], either) => {
    const source = fileAsFound(join(directory, file.name), { followLinks: false });
    const hasher = await createDualHasher();
    for await (const chunk of source.open()) {
      either.throwIfAborted();
      hasher.update(chunk);
      done += chunk.length;
      onProgress?.({ phase: "hash", done, total: null, unit: "bytes" });
    }
    hashed[index] = { ...file, ...hasher.digest() };
  });
  return hashed;
}
