import { join } from "node:path";

import { forEachAtMost } from "../base/async.ts";
import { DistError, hasCode } from "../base/errors.ts";
import { type FileSource, fileSource, sourceChanged } from "../registry/file-source.ts";
import type { ReportOptions, UploadedObject, UploadOptions, UploadSource } from "../registry/records.ts";
import type { Registry } from "../registry/registry.ts";
import { withResends } from "../registry/with-resends.ts";
import type { HashedFile } from "./hash-files.ts";

/** One transaction's worth of small files: enough that its commit weighs little, few enough that others need not wait. */
const GROUP_FILES = 256;
const GROUP_BYTES = 16 * 1024 * 1024;
/** While one group is being committed, another is read. */
const GROUPS_AT_ONCE = 2;
/** From here on a file is sent by itself, so that it shows its progress and can be cut and resumed. */
const LARGE_BYTES = 256 * 1024;
/** Requests under way for one group, where files go one by one. */
const REQUESTS_AT_ONCE = 4;
/** What is to become of files that were hashed. */
interface Sending {
  readonly packageId: string;
  readonly directory: string;
  readonly files: readonly HashedFile[];
}

/**
 * Brings the bytes that are not there, and adds the files to the package, group by group: what was added stays when the rest fails.
 * Raises `validation.source_changed` where a file is no longer what was hashed, and what `uploadObject` and `addPackageFiles` raise.
 */
export async function sendFiles(
  registry: Registry,
  { packageId, directory, files }: Sending,
  { signal, onProgress }: ReportOptions = {},
): Promise<void> {
  const total = bytesOf(files);
  let sent = 0;
  const sender = new Sender(registry, directory, (bytes) => {
    sent += bytes;
    onProgress?.({ phase: "send", done: sent, total, unit: "bytes" });
  });
  const isKnown = async (sha256: string) => (await registry.lookupObject(sha256)) !== null;
  await forEachAtMost(GROUPS_AT_ONCE, groupsOf(files), signal, async (group, either) => {
    await sender.bring(group, isKnown, either);
    await withResends(
      async () => {
        either.throwIfAborted();
        const requests = group.map(({ path, sha256 }) => ({ path, sha256 }));
        await registry.addPackageFiles(packageId, requests);
      },
      (missing) => {
        const again = group.filter(({ sha256 }) => missing.has(sha256));
        return sender.bring(again, async () => false, either);
      },
    );
  });
}

/** Neighbours together; a large file ends its group, so that it is in the package as soon as it is there. */
async function* groupsOf(files: readonly HashedFile[]): AsyncGenerator<readonly HashedFile[]> {
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

type IsKnown = (sha256: string) => Promise<boolean>;

/** Brings bytes, group by group. */
class Sender {
  readonly #registry: Registry;
  readonly #directory: string;
  readonly #onSent: (bytes: number) => void;
  /** By digest, so that equal files of two groups are sent once. */
  readonly #underway = new Map<string, Promise<void>>();

  constructor(registry: Registry, directory: string, onSent: (bytes: number) => void) {
    this.#registry = registry;
    this.#directory = directory;
    this.#onSent = onSent;
  }

  /** Sends each file's bytes once, unless they are known to be there. */
  async bring(files: readonly HashedFile[], isKnown: IsKnown, signal: AbortSignal): Promise<void> {
    const distinct = [...new Map(files.map((file) => [file.sha256, file])).values()];
    const own = distinct.filter(({ sha256 }) => !this.#underway.has(sha256));
    const others = distinct.flatMap(({ sha256 }) => this.#underway.get(sha256) ?? []);
    const bringing = this.#send(own, isKnown, signal);
    for (const { sha256 } of own) this.#underway.set(sha256, bringing);
    try {
      await bringing;
    } finally {
      for (const { sha256 } of own) this.#underway.delete(sha256);
    }
    await Promise.all(others);
    this.#onSent(bytesOf(files) - bytesOf(own));
  }

  async #send(files: readonly HashedFile[], isKnown: IsKnown, signal: AbortSignal): Promise<void> {
    const [small, large] = partition(files, ({ sizeBytes }) => sizeBytes < LARGE_BYTES);
    const batches = batchUploads(this.#registry);
    if (batches === undefined) {
      // Over a server each one asks for itself whether its bytes are known.
      await forEachAtMost(REQUESTS_AT_ONCE, each(small), signal, (file, either) =>
        this.#sendOne(file, either),
      );
    } else {
      const unknown: HashedFile[] = [];
      await forEachAtMost(REQUESTS_AT_ONCE, each(small), signal, async (file) => {
        if (await isKnown(file.sha256)) this.#onSent(file.sizeBytes);
        else unknown.push(file);
      });
      if (unknown.length > 0) await this.#sendTogether(batches, unknown, signal);
    }
    for (const file of large) {
      if (await isKnown(file.sha256)) this.#onSent(file.sizeBytes);
      else await this.#sendOne(file, signal);
    }
  }

  async #sendTogether(
    batches: BatchUploads,
    files: readonly HashedFile[],
    signal: AbortSignal,
  ): Promise<void> {
    const sources: FileSource[] = [];
    for (const file of files) sources.push(await this.#sourceOf(file));
    const stored = await batches.uploadObjects(sources, { signal });
    for (const [index, file] of files.entries()) {
      if (stored[index]!.sha256 !== file.sha256) throw sourceChanged(file.path);
    }
    this.#onSent(bytesOf(files));
  }

  async #sendOne(file: HashedFile, signal: AbortSignal): Promise<void> {
    const { sha256, sizeBytes: size } = file;
    let done = 0;
    const onProgress = (bytes: number) => {
      this.#onSent(bytes - done);
      done = bytes;
    };
    const source = await this.#sourceOf(file);
    try {
      await this.#registry.uploadObject(source, { expected: { size, sha256 }, signal, onProgress });
    } catch (error) {
      throw named(error, file.path);
    }
    onProgress(size);
  }

  async #sourceOf({ path, name, sizeBytes }: HashedFile): Promise<FileSource> {
    const source = await fileSource(join(this.#directory, name), { followLinks: false });
    if (source.sizeBytes !== sizeBytes) throw sourceChanged(path);
    return source;
  }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
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

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** A registry that stores many small objects in one transaction. */
interface BatchUploads {
  uploadObjects(
    sources: readonly UploadSource[],
    options?: UploadOptions,
  ): Promise<readonly UploadedObject[]>;
}

function batchUploads(registry: Registry): BatchUploads | undefined {
  return "uploadObjects" in registry ? (registry as Registry & BatchUploads) : undefined;
}
