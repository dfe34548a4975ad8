import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { link, open, statfs, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

import { createDualHasher, type DualHasher } from "../base/digest.ts";
import { assert, errnoOf } from "../base/errors.ts";
import { syncDirectory } from "../base/files.ts";
import type { RandomAccess } from "../base/random-access.ts";
import type {
  BlobEntry,
  BlobLocation,
  BlobStore,
  ByteRange,
  PassingChunks,
  StagedBlob,
  StageOptions,
  Staging,
  StagingEntry,
} from "./blob-store.ts";
import { listObjects, listStagingFiles } from "./directory-listing.ts";
import { drain } from "./drain.ts";
import { DurableDirectories, openDirectoryIfPresent } from "./durable-directories.ts";
import { blobErrors, noObjectLock, writeError } from "./errors.ts";
import { boundsOf, checkedKey, checkUploadId, objectKey } from "./checks.ts";
import {
  ObjectFileChunks,
  type ObjectPart,
  openObjectFile,
  randomAccessTo,
  sizeOfObjectFile,
  streamObjectFile,
} from "./object-file.ts";
import { StagingWriter } from "./staging-writer.ts";

/** Readable by the service and its group (a proxy that sends files), never by everyone. */
const STAGING_MODE = 0o640;

/** One block: what a full disk refuses. */
const PROBE_BYTES = 4096;

/**
 * Bytes in a directory that exists already:
 *
 *     objects/ab/abcdef…   an object under its SHA-256
 *     staging/<upload id>  bytes that are arriving, or wait for the transaction that records them
 *
 * Both folders are made on the first write. Several processes may use one directory at once.
 */
export function openDirectoryBlobStore(options: { readonly directory: string }): BlobStore {
  return new DirectoryBlobStore(resolve(options.directory));
}

class DirectoryBlobStore implements BlobStore {
  readonly backend = "directory";
  readonly isRemote = false;
  readonly #root: string;
  readonly #directories: DurableDirectories;

  constructor(root: string) {
    this.#root = root;
    this.#directories = new DurableDirectories(root);
  }

  async space() {
    const { bsize, bavail, blocks } = await statfs(this.#root);
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
  }

  async stage(
    uploadId: string,
    source: AsyncIterable<Uint8Array>,
    options: StageOptions = {},
  ): Promise<StagedBlob> {
    const path = this.#stagingPath(uploadId);
    options.signal?.throwIfAborted();
    const staging = await this.begin(uploadId);
    try {
      await drain(source, options, (chunk) => staging.write(chunk));
      const staged = await staging.finish();
      options.signal?.throwIfAborted();
      return staged;
    } catch (error) {
      await staging.close();
      // Best effort: what made the upload fail is worth more than what keeps its file from going; cleanup finds that.
      await unlink(path).catch(() => {});
      throw error;
    }
  }

  async begin(uploadId: string): Promise<Staging> {
    const path = this.#stagingPath(uploadId);
    const hasher = await createDualHasher();
    return new DirectoryStaging(uploadId, path, await this.#createStaging(path), hasher);
  }

  async readStaged(uploadId: string, sizeBytes: number): Promise<Readable> {
    const path = this.#stagingPath(uploadId);
    const file = await openObjectFile(path, uploadId);
    return streamObjectFile({ file, start: 0, stop: sizeBytes, key: uploadId });
  }

  async commit(staged: StagedBlob): Promise<BlobLocation> {
    const location = { sha256: staged.sha256, key: objectKey(staged.sha256) };
    if (await this.#linkObject(staged, location.key)) return location;
    throw blobErrors.error("blob.staging_gone", "The staged bytes are no longer there; send them again.", {
      details: { uploadId: staged.uploadId, sha256: staged.sha256 },
    });
  }

  async ensure(staged: StagedBlob, location: BlobLocation): Promise<boolean> {
    const key = checkedKey(location);
    assert(staged.sha256 === location.sha256, "staged bytes are put back under their own digest");
    return (await this.#stands(key, staged.sizeBytes)) || (await this.#linkObject(staged, key));
  }

  async discard(uploadId: string): Promise<void> {
    await writing("drop staged bytes", unlinkIfPresent(this.#stagingPath(uploadId)));
  }

  async size(location: BlobLocation): Promise<number | null> {
    const key = checkedKey(location);
    return sizeOfObjectFile(this.#path(key), key);
  }

  async read(location: BlobLocation, range?: ByteRange): Promise<Readable> {
    return streamObjectFile(await this.#open(location, range));
  }

  async readChunks(location: BlobLocation, range?: ByteRange): Promise<PassingChunks> {
    return new ObjectFileChunks(await this.#open(location, range));
  }

  async openRandom(location: BlobLocation): Promise<RandomAccess> {
    const key = checkedKey(location);
    return randomAccessTo(await openObjectFile(this.#path(key), key), key);
  }

  async remove(location: BlobLocation): Promise<void> {
    const key = checkedKey(location);
    await writing(`remove ${key}`, unlinkDurably(this.#path(key)));
  }

  async lock(location: BlobLocation): Promise<never> {
    checkedKey(location);
    throw noObjectLock();
  }

  async lockedUntil(location: BlobLocation): Promise<null> {
    checkedKey(location);
    return null;
  }

  list(): AsyncIterable<BlobEntry> {
    return listObjects(join(this.#root, "objects"));
  }

  listStaging(): AsyncIterable<StagingEntry> {
    return listStagingFiles(join(this.#root, "staging"));
  }

  url(location: BlobLocation): string {
    return pathToFileURL(this.#path(checkedKey(location))).href;
  }

  async presign(location: BlobLocation): Promise<null> {
    checkedKey(location);
    return null;
  }

  async abilities(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}

  async health(): Promise<void> {
    // Named like an upload: if the process dies here, cleanup finds the file with the other stale staging.
    const path = this.#stagingPath(`health_${randomUUID().replaceAll("-", "")}`);
    const handle = await this.#createStaging(path);
    try {
      await writing("write a probe", handle.writeFile(Buffer.alloc(PROBE_BYTES)));
      await writing("make a probe durable", handle.sync());
    } finally {
      await handle.close();
      await writing("remove a probe", unlinkIfPresent(path));
    }
  }

  /** Creates a staging file, durable folders around it; an upload that could not be committed fails here, unread. */
  async #createStaging(path: string): Promise<FileHandle> {
    try {
      await using _objects = await this.#directories.open(join(this.#root, "objects"));
      await using _staging = await this.#directories.open(dirname(path));
      return await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, STAGING_MODE);
    } catch (error) {
      if (errnoOf(error) === "EEXIST") {
        throw blobErrors.error("blob.upload_exists", "Bytes are already staged under this upload id.");
      }
      throw writeError("create a staging file", error);
    }
  }

  /**
   * Gives staged bytes their object name, durably. False when neither staging nor object is there; `blob.damaged` when
   * something else stands in the object's place, which is never overwritten.
   */
  async #linkObject(staged: StagedBlob, key: string): Promise<boolean> {
    const stagingPath = this.#stagingPath(staged.uploadId);
    const path = this.#path(key);
    try {
      // Opened before the link is made: once it is visible, nothing but the fsync itself may keep it from being durable.
      await using folder = await this.#directories.open(dirname(path));
      for (;;) {
        const outcome = await linked(stagingPath, path);
        if (outcome === "linked" || (await this.#stands(key, staged.sizeBytes))) break;
        if (outcome === "gone") return false;
        // It stood there, and a collector has taken it away since: now the name is free.
      }
      // Also when the object stood there already: whoever linked it may not have come to the fsync yet.
      await folder.sync();
      return true;
    } catch (error) {
      throw writeError(`put ${key} in its place`, error);
    }
  }

  /** False when missing; raises `blob.damaged` when what stands there cannot be the object. */
  async #stands(key: string, sizeBytes: number): Promise<boolean> {
    const present = await sizeOfObjectFile(this.#path(key), key);
    if (present === null || present === sizeBytes) return present !== null;
    throw blobErrors.error("blob.damaged", `${key} has ${present} bytes instead of ${sizeBytes}.`, {
      details: { key, expectedBytes: sizeBytes, presentBytes: present },
      hint: "Run `dist store verify`; move the damaged file away and send the bytes again.",
    });
  }

  #path(key: string): string {
    return join(this.#root, key);
  }

  async #open(location: BlobLocation, range: ByteRange | undefined): Promise<ObjectPart> {
    const key = checkedKey(location);
    const file = await openObjectFile(this.#path(key), key);
    try {
      return { file, key, ...boundsOf(range, file.sizeBytes) };
    } catch (error) {
      await file.handle.close();
      throw error;
    }
  }

  #stagingPath(uploadId: string): string {
    checkUploadId(uploadId);
    return join(this.#root, "staging", uploadId);
  }
}

class DirectoryStaging implements Staging {
  readonly uploadId: string;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #hasher: DualHasher;
  readonly #writer: StagingWriter;
  #isNamed = false;

  constructor(uploadId: string, path: string, handle: FileHandle, hasher: DualHasher) {
    this.uploadId = uploadId;
    this.#path = path;
    this.#handle = handle;
    this.#hasher = hasher;
    this.#writer = new StagingWriter(handle, hasher);
  }

  write(chunk: Uint8Array): Promise<void> {
    return writing("write staged bytes", this.#writer.write(chunk));
  }

  async sync(): Promise<number> {
    const sizeBytes = await writing("make staged bytes durable", this.#writer.sync());
    // What is found again after a crash needs its name too; staging that ends as an object does not.
    if (!this.#isNamed) await writing("make a staging name durable", syncDirectory(dirname(this.#path)));
    this.#isNamed = true;
    return sizeBytes;
  }

  async finish(): Promise<StagedBlob> {
    await writing("make staged bytes durable", this.#writer.finish());
    await writing("close staged bytes", this.#handle.close());
    return { uploadId: this.uploadId, ...this.#hasher.digest() };
  }

  async close(): Promise<void> {
    await this.#writer.settle();
    await this.#handle.close().catch(() => {});
  }
}

async function writing<T>(attempt: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw writeError(attempt, error);
  }
}

/** `linked` when `path` is now a name of the staged file, `taken` when something has the name already, `gone` when staging is. */
async function linked(stagingPath: string, path: string): Promise<"linked" | "taken" | "gone"> {
  try {
    await link(stagingPath, path);
    return "linked";
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") return "taken";
    if (errno === "ENOENT") return "gone";
    throw error;
  }
}

async function unlinkIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

/** A missing file is made durably missing: whoever unlinked it may have died before the fsync. */
async function unlinkDurably(path: string): Promise<void> {
  const folder = await openDirectoryIfPresent(dirname(path));
  if (folder === null) return;
  try {
    await unlinkIfPresent(path);
    await folder.sync();
  } finally {
    await folder.close();
  }
}
