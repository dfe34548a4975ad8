import { Readable } from "node:stream";

import { systemClock } from "../base/clock.ts";
import { createDualHasher } from "../base/digest.ts";
import { assert } from "../base/errors.ts";
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
import { drain } from "./drain.ts";
import { blobErrors, noObjectLock } from "./errors.ts";
import { availableBytes, boundsOf, checkedKey, checkUploadId, objectKey } from "./checks.ts";

/** Bytes in this process's memory, with the directory store's behaviour: for tests of what stands above. */
export function openMemoryBlobStore(): BlobStore {
  return new MemoryBlobStore();
}

interface StagedBytes {
  readonly chunks: Uint8Array[];
  sizeBytes: number;
  modifiedAtMs: number;
}

class MemoryBlobStore implements BlobStore {
  readonly backend = "memory";
  readonly isRemote = false;
  readonly #staging = new Map<string, StagedBytes>();
  readonly #objects = new Map<string, Buffer>();

  async space() {
    return null;
  }

  async stage(
    uploadId: string,
    source: AsyncIterable<Uint8Array>,
    options: StageOptions = {},
  ): Promise<StagedBlob> {
    options.signal?.throwIfAborted();
    const staging = await this.begin(uploadId);
    try {
      await drain(source, options, (chunk) => staging.write(chunk));
    } catch (error) {
      this.#staging.delete(uploadId);
      throw error;
    }
    return staging.finish();
  }

  async begin(uploadId: string): Promise<Staging> {
    checkUploadId(uploadId);
    const hasher = await createDualHasher();
    if (this.#staging.has(uploadId)) {
      throw blobErrors.error("blob.upload_exists", "Bytes are already staged under this upload id.");
    }
    const staged: StagedBytes = { chunks: [], sizeBytes: 0, modifiedAtMs: systemClock.nowMs() };
    this.#staging.set(uploadId, staged);
    return {
      uploadId,
      write: async (chunk) => {
        hasher.update(chunk);
        staged.chunks.push(Buffer.from(chunk));
        staged.sizeBytes += chunk.byteLength;
        staged.modifiedAtMs = systemClock.nowMs();
      },
      sync: async () => staged.sizeBytes,
      finish: async () => ({ uploadId, ...hasher.digest() }),
      close: async () => {},
    };
  }

  async readStaged(uploadId: string, sizeBytes: number): Promise<Readable> {
    checkUploadId(uploadId);
    const bytes = this.#staging.get(uploadId);
    if (bytes === undefined) {
      throw blobErrors.error("blob.not_found", `There is no ${uploadId}.`, { details: { key: uploadId } });
    }
    return Readable.from([Buffer.concat(bytes.chunks).subarray(0, sizeBytes)], { objectMode: false });
  }

  async commit(staged: StagedBlob): Promise<BlobLocation> {
    const location = { sha256: staged.sha256, key: objectKey(staged.sha256) };
    if (await this.ensure(staged, location)) return location;
    throw blobErrors.error("blob.staging_gone", "The staged bytes are no longer there; send them again.", {
      details: { uploadId: staged.uploadId, sha256: staged.sha256 },
    });
  }

  async ensure(staged: StagedBlob, location: BlobLocation): Promise<boolean> {
    const key = checkedKey(location);
    checkUploadId(staged.uploadId);
    assert(staged.sha256 === location.sha256, "staged bytes are put back under their own digest");
    if (this.#objects.has(key)) return true;
    const bytes = this.#staging.get(staged.uploadId);
    if (bytes === undefined) return false;
    this.#objects.set(key, Buffer.concat(bytes.chunks));
    return true;
  }

  async discard(uploadId: string): Promise<void> {
    checkUploadId(uploadId);
    this.#staging.delete(uploadId);
  }

  async size(location: BlobLocation): Promise<number | null> {
    return this.#objects.get(checkedKey(location))?.byteLength ?? null;
  }

  async read(location: BlobLocation, range?: ByteRange): Promise<Readable> {
    const bytes = this.#object(location);
    const { start, stop } = boundsOf(range, bytes.byteLength);
    return Readable.from(start === stop ? [] : [Buffer.from(bytes.subarray(start, stop))], {
      objectMode: false,
    });
  }

  readChunks(location: BlobLocation, range?: ByteRange): Promise<PassingChunks> {
    return this.read(location, range);
  }

  async openRandom(location: BlobLocation): Promise<RandomAccess> {
    const bytes = this.#object(location);
    return {
      sizeBytes: bytes.byteLength,
      read: async (offset, length) =>
        Uint8Array.from(bytes.subarray(offset, offset + availableBytes(offset, length, bytes.byteLength))),
      close: async () => {},
    };
  }

  async remove(location: BlobLocation): Promise<void> {
    this.#objects.delete(checkedKey(location));
  }

  async lock(location: BlobLocation): Promise<never> {
    checkedKey(location);
    throw noObjectLock();
  }

  async lockedUntil(location: BlobLocation): Promise<null> {
    checkedKey(location);
    return null;
  }

  async *list(): AsyncGenerator<BlobEntry> {
    for (const [key, bytes] of [...this.#objects].sort(byKey)) {
      yield { key, sha256: key.slice("objects/ab/".length), sizeBytes: bytes.byteLength };
    }
  }

  async *listStaging(): AsyncGenerator<StagingEntry> {
    for (const [uploadId, { sizeBytes, modifiedAtMs }] of [...this.#staging].sort(byKey)) {
      yield { uploadId, sizeBytes, modifiedAtMs };
    }
  }

  url(location: BlobLocation): null {
    checkedKey(location);
    return null;
  }

  async presign(location: BlobLocation): Promise<null> {
    checkedKey(location);
    return null;
  }

  async health(): Promise<void> {}

  async abilities(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}

  #object(location: BlobLocation): Buffer {
    const key = checkedKey(location);
    const bytes = this.#objects.get(key);
    if (bytes !== undefined) return bytes;
    throw blobErrors.error("blob.not_found", `There is no ${key}.`, { details: { key } });
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
