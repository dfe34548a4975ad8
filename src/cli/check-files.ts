import type { FileHandle } from "node:fs/promises";
import { stat } from "node:fs/promises";

import { forEachAtMost } from "../base/async.ts";
import { DistError, errnoOf } from "../base/errors.ts";
import { readFileChunks } from "../base/files.ts";
import { FileCheck } from "../registry/packages/file-check.ts";
import type { ReadManifest } from "../registry/packages/manifest-reader.ts";
import { looksLikeTar, readTar } from "../registry/packages/tar-reader.ts";
import type { PackageVerifyReport } from "../registry/records/packages.ts";
import { cliErrors } from "./errors.ts";
import { hashChunks, hashFile, openFile, type TreeEntry, walkTree } from "./local-tree.ts";

/** While one file is hashed, others are opened. */
const MAX_FILES_AT_ONCE = 8;
const FIRST_BYTES = 512;

export interface CheckOptions {
  readonly signal: AbortSignal;
  /** Told how many bytes were hashed further. */
  readonly onBytes: (count: number) => void;
}

/**
 * Compares a directory, file by file, with a manifest; the manifest's own file in it does not count. Raises `cli.file_unreadable`
 * where the directory itself cannot be read.
 */
export async function checkDirectory(
  root: string,
  read: ReadManifest,
  options: CheckOptions & { readonly manifestFile: string },
): Promise<PackageVerifyReport> {
  const check = new FileCheck(read);
  const itself = await stat(options.manifestFile, { bigint: true });
  const compare = async (entry: TreeEntry, signal: AbortSignal): Promise<void> => {
    if (entry.irregular !== undefined) check.irregular(entry.path, entry.irregular);
    else await compareFile(check, entry, itself, { ...options, signal });
  };
  try {
    await forEachAtMost(MAX_FILES_AT_ONCE, walkTree(root), options.signal, compare);
  } catch (error) {
    throw unreadable(root, error);
  }
  return check.report();
}

async function compareFile(
  check: FileCheck,
  { path, place }: TreeEntry,
  manifest: { readonly dev: bigint; readonly ino: bigint },
  options: CheckOptions,
): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await openFile(place);
    const { dev, ino, size } = await handle.stat({ bigint: true });
    if (dev === manifest.dev && ino === manifest.ino && !check.names(path)) return;
    const entry = check.found(path, Number(size));
    if (entry !== undefined) check.compare(entry, await hashFile(handle, options));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    check.irregular(path, `nothing that can be read (${errno})`);
  } finally {
    await handle?.close();
  }
}

/**
 * Compares one file with a manifest: a file that the manifest lists, whatever it is called here, or a tar of all of them. Raises
 * `cli.file_unreadable`, `cli.archive_unsupported`.
 */
export async function checkFile(
  place: string,
  read: ReadManifest,
  options: CheckOptions,
): Promise<PackageVerifyReport> {
  const handle = await openFile(place).catch((error: unknown) => {
    throw unreadable(place, error);
  });
  try {
    const { size } = await handle.stat();
    const single = await checkSingle(handle, size, read, options);
    if (single !== undefined) return single;
    const start = Buffer.alloc(FIRST_BYTES);
    await handle.read(start, 0, FIRST_BYTES, 0);
    if (looksLikeTar(start)) return await checkTar(handle, read, options);
    refuseOtherArchives(place, start);
    const check = new FileCheck(read);
    check.problem("file.extra", place, "No file of the package has these bytes.");
    return check.report([]);
  } finally {
    await handle.close();
  }
}

/** The report when the file is one that the manifest lists; undefined when it is none. Only a file of a size that it names is read. */
async function checkSingle(
  handle: FileHandle,
  size: number,
  read: ReadManifest,
  options: CheckOptions,
): Promise<PackageVerifyReport | undefined> {
  const candidates = read.manifest.files.filter((entry) => entry.size === size);
  if (candidates.length === 0) return undefined;
  const digests = await hashFile(handle, options);
  const entry = candidates.find(
    ({ sha256, blake3 }) => sha256 === digests.sha256 && blake3 === digests.blake3,
  );
  if (entry === undefined) return undefined;
  const check = new FileCheck(read);
  check.found(entry.path, size);
  check.compare(entry, digests);
  return check.report([entry]);
}

async function checkTar(
  handle: FileHandle,
  read: ReadManifest,
  options: CheckOptions,
): Promise<PackageVerifyReport> {
  const check = new FileCheck(read);
  try {
    for await (const member of readTar(readFileChunks(handle))) {
      if (member.kind === "other") check.irregular(member.path, "a link or something else");
      if (member.kind !== "file") continue;
      const entry = check.found(member.path, member.sizeBytes);
      if (entry !== undefined) check.compare(entry, await hashChunks(member.read(), options));
    }
  } catch (error) {
    if (!(error instanceof DistError)) throw error;
    check.problem(error.code, "archive", error.message);
  }
  return check.report();
}

/** A zip is what `package download` makes too: to call it damaged would be wrong. */
function refuseOtherArchives(place: string, start: Uint8Array): void {
  const isZip = start[0] === 0x50 && start[1] === 0x4b && start[2]! <= 8 && start[3]! <= 8;
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  if (!isZip && !isGzip) return;
  throw cliErrors.error("cli.archive_unsupported", `${place} is a packed archive.`, {
    details: { path: place },
    hint: "Unpack it and name the directory, or take a tar.",
  });
}

function unreadable(place: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const why = errno === "ENOENT" ? "does not exist" : `cannot be read (${errno})`;
  return cliErrors.error("cli.file_unreadable", `${place} ${why}.`, {
    details: { path: place },
    cause: error,
  });
}
