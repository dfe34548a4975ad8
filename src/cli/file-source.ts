import { constants, type BigIntStats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

import { errnoOf } from "../base/errors.ts";
import { manifestErrors } from "../registry/manifest/errors.ts";
import type { UploadSource } from "../registry/registry.ts";

/** Large enough that the system calls cost nothing beside hashing. */
const chunkBytes = 1024 * 1024;

/** A file as a source of bytes: every pass reads the same file, or says that it changed. */
export interface FileSource extends UploadSource {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Looks at a file that is to be sent. A pass (`open`) raises `validation.source_changed` when the file is no longer what it was here, or changes
 * while it is read: its digest would be that of a mixture. Raises `validation.file_not_found`, `validation.file_unreadable`.
 */
export async function fileSource(path: string): Promise<FileSource> {
  const found = await readable(path, () => stat(path, { bigint: true }));
  refuseIrregular(path, found);
  return { path, sizeBytes: Number(found.size), open: () => readPass(path, found) };
}

async function* readPass(path: string, expected: BigIntStats): AsyncGenerator<Uint8Array> {
  // Without O_NONBLOCK, opening a pipe that took the file's place would wait for a writer.
  const handle = await readable(path, () => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  let pending: Promise<Uint8Array> | undefined;
  try {
    refuseChange(path, expected, await handle.stat({ bigint: true }));
    let position = 0;
    pending = readChunk(path, handle, position);
    for (;;) {
      const chunk = await pending;
      if (chunk.length === 0) break;
      position += chunk.length;
      if (position > Number(expected.size)) throw sourceChanged(path);
      // The next read runs while the consumer hashes this one.
      pending = readChunk(path, handle, position);
      yield chunk;
    }
    if (position !== Number(expected.size)) throw sourceChanged(path);
    refuseChange(path, expected, await handle.stat({ bigint: true }));
  } finally {
    await pending?.catch(() => {});
    await handle.close();
  }
}

async function readChunk(path: string, handle: FileHandle, position: number): Promise<Uint8Array> {
  // Fresh memory each time: the consumer may still hold the chunk before.
  const buffer = Buffer.allocUnsafeSlow(chunkBytes);
  const { bytesRead } = await readable(path, () => handle.read(buffer, 0, chunkBytes, position));
  return buffer.subarray(0, bytesRead);
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

function sourceChanged(path: string): Error {
  return manifestErrors.error("validation.source_changed", `${path} changed while it was read.`, {
    details: { path },
    hint: "Wait until the build has finished writing it, then run the command again.",
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
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") {
      throw manifestErrors.error("validation.file_not_found", `${path} does not exist.`, {
        details: { path },
        cause: error,
      });
    }
    throw manifestErrors.error(
      "validation.file_unreadable",
      `${path} cannot be read (${errno ?? String(error)}).`,
      {
        details: { path },
        cause: error,
      },
    );
  }
}
