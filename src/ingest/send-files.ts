import { join } from "node:path";

import { forEachAtMost } from "../base/async.ts";
import { DistError, hasCode } from "../base/errors.ts";
import { fileAsFound, fileSource, sourceChanged } from "../registry/file-source.ts";
import type { ReportOptions } from "../registry/records/pages.ts";
import type { Registry } from "../registry/registry.ts";
import { withResends } from "../registry/with-resends.ts";
import type { HashedFile } from "./hash-files.ts";

/** One transaction's worth of small files: enough that its commit weighs little, few enough that others need not wait. */
const GROUP_FILES = 256;
const GROUP_BYTES = 16 * 1024 * 1024;
/** While one group is being committed, another is read. */
const GROUPS_AT_ONCE = 2;
/** From here on a file is sent by itself, so that it shows its progress. */
const LARGE_BYTES = 256 * 1024;

/** What is to become of files that were hashed. */
interface Sending {
  readonly packageId: string;
  readonly directory: string;
  readonly files: readonly HashedFile[];
}

/**
 * Adds the files to the package, group by group, and brings the bytes that are not there: what was added stays when the rest fails.
 * Raises `validation.source_changed` where a file is no longer what was hashed, and what `uploadObject` and `addPackageFiles` raise.
 */
export async function sendFiles(
  registry: Registry,
  { packageId, directory, files }: Sending,
  { signal, onProgress }: ReportOptions = {},
): Promise<void> {
  const total = bytesOf(files);
  let sent = 0;
  const advance = (bytes: number) => {
    sent += bytes;
    onProgress?.({ phase: "send", done: sent, total, unit: "bytes" });
  };
  const sender = new Sender(registry, directory);
  await forEachAtMost(GROUPS_AT_ONCE, groupsOf(files), signal, async (group, either) => {
    let brought = 0;
    // The refusal names all that is missing: one question for the whole group.
    await withResends(
      async () => {
        either.throwIfAborted();
        const requests = group.map(({ path, sha256 }) => ({ path, sha256 }));
        await registry.addPackageFiles(packageId, requests);
      },
      async (missing) => {
        const absent = group.filter(({ sha256 }) => missing.has(sha256));
        await sender.bring(absent, either, (bytes) => {
          brought += bytes;
          advance(bytes);
        });
      },
    );
    advance(bytesOf(group) - brought);
  });
}

/** Neighbours together; a large file ends its group, so that it is in the package as soon as it is there. */
function* groupsOf(files: readonly HashedFile[]): Generator<readonly HashedFile[]> {
  let group: HashedFile[] = [];
  let bytes = 0;
  for (const file of files) {
    group.push(file);
    bytes += file.sizeBytes;
    if (group.length < GROUP_FILES && bytes < GROUP_BYTES) continue;
    yield group;
    [group, bytes] = [[], 0];
  }
  if (group.length > 0) yield group;
}

/** Brings bytes. */
class Sender {
  readonly #registry: Registry;
  readonly #directory: string;
  /** By digest, so that equal files of two groups are sent once. */
  readonly #underway = new Map<string, Promise<void>>();

  constructor(registry: Registry, directory: string) {
    this.#registry = registry;
    this.#directory = directory;
  }

  /** Sends the bytes of files, equal ones once. */
  async bring(
    files: readonly HashedFile[],
    signal: AbortSignal,
    advance: (bytes: number) => void,
  ): Promise<void> {
    const distinct = [...new Map(files.map((file) => [file.sha256, file])).values()];
    const own = distinct.filter(({ sha256 }) => !this.#underway.has(sha256));
    const others = distinct.flatMap(({ sha256 }) => this.#underway.get(sha256) ?? []);
    const sending = this.#send(own, signal, advance);
    for (const { sha256 } of own) this.#underway.set(sha256, sending);
    try {
      await sending;
    } finally {
      for (const { sha256 } of own) this.#underway.delete(sha256);
    }
    await Promise.all(others);
  }

  async #send(
    files: readonly HashedFile[],
    signal: AbortSignal,
    advance: (bytes: number) => void,
  ): Promise<void> {
    const small = files.filter(({ sizeBytes }) => sizeBytes < LARGE_BYTES);
    if (small.length > 0) await this.#sendTogether(small, signal);
    advance(bytesOf(small));
    for (const file of files) {
      if (file.sizeBytes >= LARGE_BYTES) await this.#sendAlone(file, signal, advance);
    }
  }

  async #sendTogether(files: readonly HashedFile[], signal: AbortSignal): Promise<void> {
    const sources = files.map(({ name }) => fileAsFound(join(this.#directory, name), { followLinks: false }));
    const stored = await this.#registry.uploadObjects(sources, { signal });
    for (const [index, { path, sha256 }] of files.entries()) {
      if (stored[index]!.sha256 !== sha256) throw sourceChanged(path);
    }
  }

  async #sendAlone(file: HashedFile, signal: AbortSignal, advance: (bytes: number) => void): Promise<void> {
    const { sha256, sizeBytes: size } = file;
    let done = 0;
    const onProgress = (bytes: number) => {
      advance(bytes - done);
      done = bytes;
    };
    const source = await fileSource(join(this.#directory, file.name), { followLinks: false });
    try {
      await this.#registry.uploadObject(source, { expected: { size, sha256 }, signal, onProgress });
    } catch (error) {
      throw named(error, file.path);
    }
    onProgress(size);
  }
}

/** The registry knows bytes, not files. */
function named(error: unknown, path: string): unknown {
  if (hasCode(error, "validation.size_mismatch") || hasCode(error, "validation.digest_mismatch"))
    return sourceChanged(path);
  if (!hasCode(error, "blob.too_large")) return error;
  const { code, kind, message, details } = error;
  return new DistError(code, kind, `${path}: ${message}`, { details: { path, ...details }, cause: error });
}

function bytesOf(files: readonly HashedFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
