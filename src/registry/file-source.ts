import { constants, type BigIntStats } from "node:fs";
import { lstat, open, stat } from "node:fs/promises";

import { DistError, errnoOf } from "../base/errors.ts";
import { readFileChunks } from "../base/files.ts";
import { manifestErrors } from "./manifest/errors.ts";
import type { UploadSource } from "./records/objects.ts";

/** A file as a source of bytes: every pass reads the same file, or says that it changed. */
export interface FileSource extends UploadSource {
  readonly path: string;
  readonly sizeBytes: number;
}

interface LinkOptions {
  /** False refuses a symbolic link in the file's place. */
  readonly followLinks?: boolean;
}

/**
 * Looks at a file that is to be sent. A pass (`open`) raises `validation.source_changed` when the file is no longer what it was here, or changes
 * while it is read: its digest would be that of a mixture. Raises `validation.file_not_found`, `validation.file_unreadable`.
 */
export async function fileSource(path: string, options: LinkOptions = {}): Promise<FileSource> {
  const { followLinks = true } = options;
  const found = await readable(path, () =>
    followLinks ? stat(path, { bigint: true }) : lstat(path, { bigint: true }),
  );
  refuseIrregular(path, found);
  return { path, sizeBytes: Number(found.size), open: (start) => readPass(path, options, start, found) };
}

/**
 * The same without a look before: each pass takes the file as it finds it, and raises what both of the above raise. For bytes whose digest
 * is known, and for many small files, where every look costs as much as reading them.
 */
export function fileAsFound(path: string, options: LinkOptions = {}): UploadSource {
  return { open: (start) => readPass(path, options, start) };
}

async function* readPass(
  path: string,
  { followLinks = true }: LinkOptions,
  start = 0,
  before?: BigIntStats,
): AsyncGenerator<Uint8Array> {
  // Without O_NONBLOCK, opening a pipe that took the file's place would wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW);
  const handle = await readable(path, () => open(path, flags));
  try {
    const expected = await handle.stat({ bigint: true });
    if (before === undefined) refuseIrregular(path, expected);
    else refuseChange(path, before, expected);
    let sizeBytes = start;
    for await (const chunk of readFileChunks(handle, start, Math.max(0, Number(expected.size) - start))) {
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
