import type { Dirent } from "node:fs";
import { opendir, stat } from "node:fs/promises";
import { join, posix } from "node:path";

import { errnoOf } from "../base/errors.ts";
import { foldPath } from "../base/fold-path.ts";
import { packageErrors } from "../registry/errors.ts";
import {
  checkPath,
  directoriesAbove,
  duplicatePath,
  MAX_FILES,
  tooManyFiles,
} from "../registry/packages/package-rules.ts";
import type { ReportOptions } from "../registry/records/pages.ts";
import { ingestErrors } from "./errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A regular file of a directory. */
export interface ScannedFile {
  /** Where it stands in the package: relative, NFC, with slashes. */
  readonly path: string;
  /** Where it stands on this machine, relative to the directory: as its name is written there. */
  readonly name: string;
}

/** What is neither a regular file nor a directory: it is named, not followed and not read. */
export interface SkippedEntry {
  readonly path: string;
  readonly kind: "symlink" | "fifo" | "socket" | "device";
}

export interface ScannedDirectory {
  /** In bytewise order of their paths. */
  readonly files: readonly ScannedFile[];
  readonly skipped: readonly SkippedEntry[];
}

/**
 * Every regular file below a directory. Raises `ingest.not_a_directory`, `ingest.directory_unreadable`, `ingest.no_files`,
 * `package.invalid_path`, `package.duplicate_path` for names that no package can hold beside each other, `package.too_many_files`.
 */
export async function scanDirectory(
  directory: string,
  { signal, onProgress }: ReportOptions = {},
): Promise<ScannedDirectory> {
  await requireDirectory(directory);
  const found = new FoundFiles();
  const skipped: SkippedEntry[] = [];
  const pending = [""];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    for await (const entry of entriesOf(directory, below)) {
      signal?.throwIfAborted();
      const name = posix.join(below, nameOf(entry, below));
      if (entry.isDirectory()) pending.push(name);
      else if (entry.isFile()) found.add(name);
      else skipped.push({ path: name, kind: kindOf(entry) });
      // What is skipped is held in memory and printed, too.
      const count = found.count + skipped.length;
      if (count > MAX_FILES) throw tooManyFiles(count, MAX_FILES);
      onProgress?.({ phase: "scan", done: count, total: null });
    }
  }
  const files = found.inOrder();
  if (files.length === 0) {
    throw ingestErrors.error("ingest.no_files", `${directory} has no files.`, {
      details: { path: directory, skipped: skipped.length },
    });
  }
  return { files, skipped: skipped.toSorted((left, right) => (left.path < right.path ? -1 : 1)) };
}

/** Files that can stand beside each other in a package, on any file system that it is unpacked to. */
class FoundFiles {
  readonly #files: ScannedFile[] = [];
  /** Names by the form in which file systems compare paths. */
  readonly #byForm = new Map<string, string>();

  get count(): number {
    return this.#files.length;
  }

  add(name: string): void {
    const path = checkPath(name);
    const folded = foldPath(path);
    const other = this.#byForm.get(folded);
    if (other !== undefined) throw collision(name, other);
    this.#byForm.set(folded, name);
    this.#files.push({ path, name });
  }

  inOrder(): ScannedFile[] {
    for (const [folded, name] of this.#byForm) {
      const above = directoriesAbove(folded).find((directory) => this.#byForm.has(directory));
      if (above !== undefined) throw duplicatePath(name, this.#byForm.get(above)!);
    }
    // UTF-8 bytes have the order of code points; JavaScript's comparison has that of UTF-16.
    const keyed = this.#files.map((file) => ({ file, bytes: Buffer.from(file.path) }));
    keyed.sort((left, right) => Buffer.compare(left.bytes, right.bytes));
    return keyed.map(({ file }) => file);
  }
}

function collision(name: string, other: string) {
  if (name.normalize("NFC") !== other.normalize("NFC")) return duplicatePath(name, other);
  return packageErrors.error(
    "package.duplicate_path",
    `Two files are called ${name}: their names differ only in how an accent is written.`,
    { details: { path: name, collides_with: other } },
  );
}

async function requireDirectory(directory: string): Promise<void> {
  try {
    if ((await stat(directory)).isDirectory()) return;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOENT" && errno !== "ENOTDIR") throw unreadable(directory, error);
  }
  throw ingestErrors.error("ingest.not_a_directory", `There is no directory ${directory}.`, {
    details: { path: directory },
  });
}

/** Names come as bytes, one character each: what is not UTF-8 must show, not be replaced. */
async function* entriesOf(directory: string, below: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(join(directory, below), { encoding: "latin1", bufferSize: 256 });
  } catch (error) {
    throw unreadable(join(directory, below), error);
  }
}

function unreadable(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return ingestErrors.error("ingest.directory_unreadable", `${path} cannot be read (${errno}).`, {
    details: { path },
    cause: error,
  });
}

function nameOf({ name }: Dirent, below: string): string {
  try {
    return utf8.decode(Buffer.from(name, "latin1"));
  } catch (cause) {
    const shown = posix.join(below, Buffer.from(name, "latin1").toString());
    throw packageErrors.error("package.invalid_path", `The name of ${shown} is not UTF-8.`, {
      details: { path: shown },
      cause,
    });
  }
}

function kindOf(entry: Dirent): SkippedEntry["kind"] {
  if (entry.isSymbolicLink()) return "symlink";
  if (entry.isFIFO()) return "fifo";
  return entry.isSocket() ? "socket" : "device";
}
