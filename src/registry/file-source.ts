import { constants, type BigIntStats } from "node:fs";
import { lstat, open, stat } from "node:fs/promises";

import { DistError, errnoOf } from "../base/errors.ts";
import { readFileChunks } from "../base/files.ts";
import { manifestErrors } from "./manifest/errors.ts";
import type { UploadSource } from "./records.ts";

/** A file as a source of bytes: every pass reads the same file, or says that it changed. */
export interface FileSource extends UploadSource {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Looks at a file that is to be sent. A pass (`open`) raises `validation.source_changed` when the file is no longer what it was here, or changes
 * while it is read: its digest would be that of a mixture. `followLinks: false` refuses a symbolic link in the file's place. Raises
 * `validation.file_not_found`, `validation.file_unreadable`.
 */
export async function fileSource(path: string, { followLinks = true } = {}): Promise<FileSource> {
  const found = await readable(path, () =>
    followLinks ? stat(path, { bigint: true }) : lstat(path, { bigint: true }),
  );
  refuseIrregular(path, found);
  // Without O_NONBLOCK, opening a pipe that took the file's place would wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW);
  return { path, sizeBytes: Number(found.size), open: (start) => readPass(path, flags, found, start) };
}

async function* readPass(
  path: string,
  flags: number,
  expected: BigIntStats,
  start = 0,
): AsyncGenerator<Uint8Array> {
  const handle = await readable(path, () => open(path, flags));
  try {
    refuseChange(path, expected, await handle.stat({ bigint: true }));
    let sizeBytes = start;
    // One byte more than is left shows a file that grew in the first read.
    for await (const chunk of readFileChunks(handle, start, Number(expected.size) - start + 1)) {
      sizeBytes += chunk.length;
      if (sizeBytes > Number(expected.size)) throw sourceChanged(path);
      yield chunk;
    }
    if (sizeBytes !== Number(expected.size)) throw sourceChanged(path);
    refuseChange(path, expected, await handle.stat({ bigint: true }));
  } catch (error) {
    throw fileError(path, error);
  } finally {
    await handle.close();
  }
}

function refuseChange(path: string, before: BigIntStats, now: BigIntStats): void {
  const isSame =
    before.dev === now.dev &&
    before.ino === now.ino &&
    before.size === now.size &&
    before.mtimeNs === now.mtimeNs &&
    before.ctimeNs === now.ctimeNs;
  if (!isSame) throw sourceChanged(path);
}

/** A file is not any more what it was when it was looked at. */
export function sourceChanged(path: string): Error {
  return manifestErrors.error("validation.source_changed", `${path} changed while it was read.`, {
    details: { path },
    hint: "Wait until nothing writes it any more, then run the command again.",
  });
}

function refuseIrregular(path: string, stats: BigIntStats): void {
  if (stats.isFile()) return;
  const what = stats.isDirectory() ? "a directory" : "not a regular file";
  throw manifestErrors.error("validation.file_unreadable", `${path} is ${what}.`, {
    details: { path },
    ...(stats.isDirectory() && { hint: "Pack it first, for example as a zip archive." }),
  });
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw fileError(path, error);
  }
}

function fileError(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof DistError || errno === undefined) return error;
  const options = { details: { path }, cause: error };
  return errno === "ENOENT" || errno === "ENOTDIR"
    ? manifestErrors.error("validation.file_not_found", `${path} does not exist.`, options)
    : manifestErrors.error("validation.file_unreadable", `${path} cannot be read (${errno}).`, options);
}
