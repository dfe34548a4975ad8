import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";

import { assert } from "../../base/errors.ts";
import type { RandomAccess } from "../../base/random-access.ts";
import type {
  BlobAbilities,
  BlobEntry,
  BlobLocation,
  BlobLock,
  BlobStore,
  ByteRange,
  CommittedBlob,
  DownloadHead,
  LockRequest,
  PassingChunks,
  StagedBlob,
  StageOptions,
  Staging,
  StagingEntry,
} from "../blob-store.ts";
import { checkUploadId } from "../checks.ts";
import { drain } from "../drain.ts";
import { blobErrors } from "../errors.ts";
import { startHashing } from "./hash-thread.ts";
import { listKeys } from "./list-keys.ts";
import { lockKey } from "./object-lock.ts";
import { PartMemory } from "./part-memory.ts";
import { headOf } from "./put-object.ts";
import { openObject, randomAccess } from "./read-object.ts";
import { keyLockedUntil, removeKey } from "./remove-key.ts";
import { probeAbilities } from "./s3-abilities.ts";
import { S3Connection } from "./s3-connection.ts";
import { checkedS3Key, freshKey, OBJECTS, pieceKey, sha256OfKey } from "./s3-keys.ts";
import { defaultTiming, type S3Settings, type S3Timing } from "./s3-settings.ts";
import { S3Upload, uploadExists } from "./s3-upload.ts";
import { SpoolFile } from "./spool-file.ts";
import type { SpoolPlace } from "./spool.ts";
import { dropStaged, isStaged, listStaged, readStaged } from "./staging-area.ts";

/**
 * Bytes in a bucket of an S3-compatible store, which exists already; `s3-keys.ts` draws its layout. Several processes, on
 * several machines, may use one prefix at once. Nothing is asked of the store before the first use.
 */
export function openS3BlobStore(settings: S3Settings, timing: S3Timing = defaultTiming): BlobStore {
  return new S3BlobStore(settings, new S3Connection(settings, timing));
}

/** An upload of this process, and where it was put. */
interface Known {
  readonly upload: S3Upload;
  location?: BlobLocation;
  /** How often it was put in a place. */
  puts: number;
}

class S3BlobStore implements BlobStore {
  readonly backend = "s3";
  readonly isRemote = true;
  readonly #settings: S3Settings;
  readonly #s3: S3Connection;
  /** Uploads from their first byte until they are discarded or closed. */
  readonly #uploads = new Map<string, Known>();
  readonly #memory = new PartMemory();
  #abilities: Promise<BlobAbilities> | undefined;

  constructor(settings: S3Settings, s3: S3Connection) {
    this.#settings = settings;
    this.#s3 = s3;
  }

  async space() {
    return null;
  }

  async stage(
    uploadId: string,
    source: AsyncIterable<Uint8Array>,
    options: StageOptions = {},
  ): Promise<StagedBlob> {
    checkUploadId(uploadId);
    options.signal?.throwIfAborted();
    const upload = this.#open(uploadId);
    try {
      await drain(source, options, (chunk) => upload.write(chunk));
      const staged = await upload.finish();
      options.signal?.throwIfAborted();
      return staged;
    } catch (error) {
      // Best effort: what made the upload fail is worth more than what keeps its bytes from going; cleanup finds those.
      await this.discard(uploadId).catch(() => {});
      throw error;
    }
  }

  async begin(uploadId: string): Promise<Staging> {
    checkUploadId(uploadId);
    if (await isStaged(this.#s3, uploadId)) throw uploadExists();
    const upload = this.#open(uploadId);
    return {
      uploadId,
      write: (chunk) => upload.write(chunk),
      sync: () => upload.sync(),
      finish: () => upload.finish(),
      close: async () => {
        this.#uploads.delete(uploadId);
        await upload.close();
      },
    };
  }

  async readStaged(uploadId: string, sizeBytes: number): Promise<Readable> {
    checkUploadId(uploadId);
    const spool = this.#uploads.get(uploadId)?.upload.finishedSpool;
    return spool === undefined ? readStaged(this.#s3, uploadId, sizeBytes) : spool.readFirst(sizeBytes);
  }

  async commit(staged: StagedBlob, present?: BlobLocation): Promise<CommittedBlob> {
    const { sha256, uploadId, sizeBytes } = staged;
    const first = { sha256, key: freshKey(sha256, uploadId, 1) };
    if (present !== undefined && (await this.size(present)) === sizeBytes) return present;
    const known = this.#uploads.get(uploadId);
    const before = known === undefined ? first : known.location;
    if (before !== undefined && (await this.#stands(before, sizeBytes))) return before;
    if (known === undefined) {
      throw blobErrors.error("blob.staging_gone", "The staged bytes are no longer there; send them again.", {
        details: { uploadId, sha256 },
      });
    }
    // Never a key that was used: whoever was told to remove it may do so at any time.
    known.puts += 1;
    const location = { sha256, key: freshKey(sha256, uploadId, known.puts) };
    await known.upload.put(location.key);
    known.location = location;
    return { ...location, isNew: true };
  }

  async ensure(staged: StagedBlob, location: BlobLocation): Promise<boolean> {
    checkedS3Key(location);
    checkUploadId(staged.uploadId);
    assert(staged.sha256 === location.sha256, "staged bytes are put back under their own digest");
    return this.#stands(location, staged.sizeBytes);
  }

  async discard(uploadId: string): Promise<void> {
    checkUploadId(uploadId);
    const known = this.#uploads.get(uploadId);
    this.#uploads.delete(uploadId);
    await known?.upload.close();
    if (known === undefined || known.upload.isInParts) {
      await dropStaged(this.#s3, uploadId);
    } else {
      for (const key of known.upload.pieces) await removeKey(this.#s3, key);
    }
  }

  async size(location: BlobLocation): Promise<number | null> {
    return (await headOf(this.#s3, checkedS3Key(location)))?.sizeBytes ?? null;
  }

  async read(location: BlobLocation, range?: ByteRange): Promise<Readable> {
    return (await openObject(this.#s3, checkedS3Key(location), range)).stream;
  }

  /** Bytes that came over a network have memory of their own already. */
  readChunks(location: BlobLocation, range?: ByteRange): Promise<PassingChunks> {
    return this.read(location, range);
  }

  async openRandom(location: BlobLocation): Promise<RandomAccess> {
    return randomAccess(this.#s3, checkedS3Key(location));
  }

  async remove(location: BlobLocation): Promise<void> {
    await removeKey(this.#s3, checkedS3Key(location));
  }

  async lock(location: BlobLocation, request: LockRequest): Promise<BlobLock> {
    return lockKey(this.#s3, checkedS3Key(location), request);
  }

  async lockedUntil(location: BlobLocation): Promise<number | null> {
    return keyLockedUntil(this.#s3, checkedS3Key(location));
  }

  async *list(): AsyncGenerator<BlobEntry> {
    for await (const { key, sizeBytes, modifiedAtMs } of listKeys(this.#s3, OBJECTS)) {
      yield { key, sha256: sha256OfKey(key), sizeBytes, putAtMs: modifiedAtMs };
    }
  }

  async *listStaging(): AsyncGenerator<StagingEntry> {
    const entries = new Map((await listStaged(this.#s3)).map((entry) => [entry.uploadId, entry]));
    for (const [uploadId, { upload }] of this.#uploads) {
      const { sizeBytes, modifiedAtMs } = upload;
      entries.set(uploadId, { uploadId, sizeBytes, modifiedAtMs });
    }
    yield* [...entries.values()].sort((a, b) => (a.uploadId < b.uploadId ? -1 : 1));
  }

  url(location: BlobLocation): string {
    const { bucket, prefix } = this.#settings;
    return `s3://${bucket}/${prefix}${checkedS3Key(location)}`;
  }

  async presign(location: BlobLocation, head: DownloadHead): Promise<string | null> {
    const key = checkedS3Key(location);
    if (this.#settings.downloads === "proxy") return null;
    const { disposition, contentType, expiresInSeconds } = head;
    const overrides = { ResponseContentDisposition: disposition, ResponseContentType: contentType };
    return this.#s3.presign({ ...this.#s3.at(key), ...overrides }, expiresInSeconds);
  }

  async health(): Promise<void> {
    // Where an upload's bytes stand: if the process dies here, cleanup finds it with the other stale staging.
    const key = probeKey();
    await this.#s3.run("write a probe", "write", (s3) =>
      s3.putObject({ ...this.#s3.at(key), ContentLength: 0 }),
    );
    await removeKey(this.#s3, key);
  }

  async abilities(): Promise<BlobAbilities> {
    this.#abilities ??= probeAbilities(this.#s3, probeKey()).catch((error: unknown) => {
      this.#abilities = undefined;
      throw error;
    });
    return this.#abilities;
  }

  async close(): Promise<void> {
    for (const { upload } of this.#uploads.values()) await upload.close();
    this.#uploads.clear();
    await this.#s3.close();
  }

  #open(uploadId: string): S3Upload {
    if (this.#uploads.has(uploadId)) throw uploadExists();
    const upload = new S3Upload(this.#s3, uploadId, {
      findPlace: (sizeBytes) => this.#findPlace(sizeBytes),
      hasher: startHashing(),
    });
    this.#uploads.set(uploadId, { upload, puts: 0 });
    return upload;
  }

  /** On the disk only while there is no memory for it. */
  async #findPlace(sizeBytes: number): Promise<SpoolPlace> {
    return this.#memory.take(sizeBytes) ?? (await SpoolFile.create(this.#settings.spoolDirectory));
  }

  /** False when nothing stands there; raises `blob.damaged` when what does cannot be the object. */
  async #stands(location: BlobLocation, sizeBytes: number): Promise<boolean> {
    const present = await this.size(location);
    if (present === null || present === sizeBytes) return present !== null;
    const { key } = location;
    throw blobErrors.error("blob.damaged", `${key} has ${present} bytes instead of ${sizeBytes}.`, {
      details: { key, expectedBytes: sizeBytes, presentBytes: present },
    });
  }
}

function probeKey(): string {
  return pieceKey(`health_${randomUUID().replaceAll("-", "")}`, 0);
}
