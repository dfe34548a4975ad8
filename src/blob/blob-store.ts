import type { Readable } from "node:stream";

import type { RandomAccess } from "../base/random-access.ts";

/**
 * The port behind which bytes live. Adapters keep whole, immutable objects named by SHA-256; who refers to them and
 * whether they may go is decided above (`registry`), inside database transactions.
 *
 * The life of an object:
 *   stage()    bytes arrive, both digests in one pass, durable under a staging name
 *   commit()   the object stands under its digest, durably; the staging name still exists
 *   ensure()   inside the transaction that records the object: it is still there, or is put back from staging
 *   discard()  after that transaction (or instead of it): the staging name goes
 *   remove()   inside the transaction that forgets the object: the bytes go
 *
 * Some stores can be told to refuse the removal themselves, whoever asks: `lock`. Others have nothing that they could hold
 * against who has their credentials, or their disk.
 *
 * A store may keep bytes that were not synced on this machine until `commit`: nobody was told that they are safe.
 *
 * Every method that takes a location raises `blob.invalid_key` for a key the store would not have given, and every one
 * that takes an upload id `blob.invalid_upload_id`: 1 to 64 letters, digits and underscores.
 */
export interface BlobStore {
  readonly backend: "directory" | "memory" | "s3";
  /** True when other machines and a network stand between the bytes and this process: what is read is hashed on its way out. */
  readonly isRemote: boolean;

  /** Room on the file system that has the objects; null where they are elsewhere. */
  space(): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | null>;

  /**
   * Reads `source` to its end into staging and makes it durable (fsync). A chunk is not kept: its memory is the source's
   * again once the next chunk is asked for. The source is asked for no more than can be taken.
   * Raises `blob.invalid_upload_id`, `blob.upload_exists`, `blob.too_large` past `maxBytes`, `store.full`,
   * `store.read_only`, `blob.write_failed`; unchanged, the signal's reason or what the source raised. Whatever it raises,
   * nothing is left in staging.
   */
  stage(uploadId: string, source: AsyncIterable<Uint8Array>, options?: StageOptions): Promise<StagedBlob>;

  /**
   * Begins staging that arrives in steps and may outlive the process: `stage` in pieces. Raises what `stage` raises before
   * it reads. The caller finishes or closes what it gets.
   */
  begin(uploadId: string): Promise<Staging>;

  /**
   * Streams the first `sizeBytes` bytes staged under an id. Raises `blob.not_found`; the stream fails like `read`'s. The
   * caller reads it to its end or destroys it.
   */
  readStaged(uploadId: string, sizeBytes: number): Promise<Readable>;

  /**
   * Durably puts staged bytes under their digest. Already there, or at `present`, where the caller knows these bytes to
   * stand: nothing is written. Safe to repeat, even after `discard`. A store whose keys hold the upload's id gives every
   * upload a place of its own, and never the same again. Raises `blob.damaged` when something of another size or kind stands
   * there (it is never replaced), `blob.staging_gone` when neither staging nor object is there, and what `stage` raises for
   * the disk.
   */
  commit(staged: StagedBlob, present?: BlobLocation): Promise<CommittedBlob>;

  /**
   * True when the object stands at `location` afterwards. Called while the write lock is held: one stat when the
   * object is there; otherwise it is linked again from staging, durably, where that is one step (a directory). False when
   * it is not or staging is gone as well; `commit` then finds it another place. Raises what `commit` raises.
   */
  ensure(staged: StagedBlob, location: BlobLocation): Promise<boolean>;

  /** Drops the staging name. Missing is fine. */
  discard(uploadId: string): Promise<void>;

  /** The object's size in bytes, or null when it is not there. Raises `blob.damaged` for what is no regular file. */
  size(location: BlobLocation): Promise<number | null>;

  /**
   * Streams the object, or bytes `start..end` (both inclusive, like HTTP). The caller reads the stream to its end or
   * destroys it. Raises `blob.not_found`, `blob.range_invalid` when no byte lies in the range, `blob.damaged` for what is
   * no regular file. The stream fails with `blob.damaged` or `blob.read_failed` rather than ending early.
   */
  read(location: BlobLocation, range?: ByteRange): Promise<Readable>;

  /**
   * The same bytes, for whoever passes them on as they come: few buffers serve a whole object. Raises what `read` raises, and
   * fails like its stream.
   */
  readChunks(location: BlobLocation, range?: ByteRange): Promise<PassingChunks>;

  /** Random access, for inspection. Raises `blob.not_found`, `blob.damaged`. The caller closes it. */
  openRandom(location: BlobLocation): Promise<RandomAccess>;

  /**
   * Durably removes the object. Missing is fine. Called while the write lock is held, see ARCHITECTURE.md. Raises `blob.locked`
   * when the store refuses it, with `details.until` where that ends by itself: the object stays then as it is.
   */
  remove(location: BlobLocation): Promise<void>;

  /**
   * Lets the store refuse the object's removal until then, and proves that it does. Never shortens what is locked for longer
   * already. Raises `blob.no_object_lock` where there is no such thing, `blob.lock_failed`, `blob.not_found`, and `blob.damaged`
   * when what stands there cannot be the object.
   */
  lock(location: BlobLocation, request: LockRequest): Promise<BlobLock>;

  /**
   * Until when the store refuses the object's removal, milliseconds since the epoch; Infinity where no date ends that, null for
   * an object that was never locked.
   */
  lockedUntil(location: BlobLocation): Promise<number | null>;

  /**
   * Everything that stands under `objects/`, in key order. `sha256` is null for a stray: a name that is no object's, an
   * object's name in the wrong folder, or what is no regular file; a strange directory is one stray, not looked into.
   * Strays are reported only: their keys are refused everywhere else.
   */
  list(): AsyncIterable<BlobEntry>;

  /** Every upload present in staging, in name order. Files whose names are no upload ids are not the store's. */
  listStaging(): AsyncIterable<StagingEntry>;

  /**
   * An address at which anybody can read the object for that long, from the store itself and under the given head; null
   * where there is no such thing, or where it is not to be used.
   */
  presign(location: BlobLocation, head: DownloadHead): Promise<string | null>;

  /** Where a person finds the object: a `file:` or `s3:` URL; null when there is no such place. */
  url(location: BlobLocation): string | null;

  /**
   * Raises `store.read_only`, `store.full` or `blob.write_failed` when a write would fail now; `blob.bucket_missing`,
   * `blob.access_denied`, `blob.clock_skewed`, `blob.ca_unreadable` when it never succeeds as things are set. Leaves nothing.
   */
  health(): Promise<void>;

  /** What this kind of store does that others of its kind do not, found out once; null where all are alike. Raises `health`'s. */
  abilities(): Promise<BlobAbilities | null>;

  /** Lets go of connections and of what is not committed. */
  close(): Promise<void>;
}

/** What a download says of the bytes. */
export interface DownloadHead {
  /** The value of `Content-Disposition`. */
  readonly disposition: string;
  readonly contentType: string;
  readonly expiresInSeconds: number;
}

/** What an S3-compatible store was found to do. */
export interface BlobAbilities {
  /** A body that does not fit its Content-MD5 is refused. */
  readonly checks_content_md5: boolean;
  /** `If-None-Match: *` keeps what stands at a key. */
  readonly conditional_put: boolean;
  readonly ranges: boolean;
  /** The bucket keeps what is deleted as a version. */
  readonly versioning: boolean;
  readonly object_lock: boolean;
}

export interface StageOptions {
  /** Refuse with `blob.too_large` once more than this many bytes arrived. */
  readonly maxBytes?: number;
  /** Called with the number of bytes staged so far. */
  readonly onProgress?: (stagedBytes: number) => void;
  /** Stops the transfer; staging is removed. */
  readonly signal?: AbortSignal;
}

/** Bytes on their way into staging. Its methods raise what `stage` raises for the disk. */
export interface Staging {
  readonly uploadId: string;
  /** Takes a chunk; answers when the next may come, and the chunk's memory is the caller's again. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes durable what was written before this call, and answers how many bytes these are; writing may go on meanwhile. */
  sync(): Promise<number>;
  /** Ends it: everything is durable and both digests are known. */
  finish(): Promise<StagedBlob>;
  /** Gives it up; what was synced stays under the staging name. Raises nothing. */
  close(): Promise<void>;
}

export interface StagedBlob {
  readonly uploadId: string;
  readonly sha256: string;
  readonly blake3: string;
  readonly sizeBytes: number;
}

/** Where an object's bytes are. Made by an adapter and kept as state (`storage_location`); never part of an event. */
export interface BlobLocation {
  readonly sha256: string;
  /** The adapter's own name for the bytes: `objects/ab/abcdef…` in a directory, `objects/ab/abcdef…/upl_…` in S3. */
  readonly key: string;
}

/** Where an upload's bytes stand. */
export interface CommittedBlob extends BlobLocation {
  /** True when this very call put them there under a key that was never used before. */
  readonly isNew?: boolean;
}

export interface LockRequest {
  readonly sizeBytes: number;
  /** Milliseconds since the epoch, in the future. Stores keep it to the second or finer, rounded up. */
  readonly untilMs: number;
  /** What an earlier lock of the same location said: other bytes may have been put over these since. */
  readonly version?: string | undefined;
}

/** A lock as the store tells it. */
export interface BlobLock {
  /** The store's name for the bytes that are locked. */
  readonly version: string;
  readonly untilMs: number;
}

export interface BlobEntry {
  readonly key: string;
  readonly sha256: string | null;
  readonly sizeBytes: number;
  /**
   * When it was put there, milliseconds since the epoch: an upload may still be about to record it. Absent where that does
   * not matter, because the upload puts it back (`ensure`).
   */
  readonly putAtMs?: number | undefined;
}

export interface StagingEntry {
  readonly uploadId: string;
  readonly sizeBytes: number;
  /** When bytes last arrived, milliseconds since the epoch. */
  readonly modifiedAtMs: number;
}

/**
 * Chunks of which each is good only until the next one is asked for: its memory is used again. Iterated once, to the end or
 * until the loop is left; whoever does not iterate destroys it.
 */
export interface PassingChunks extends AsyncIterable<Uint8Array> {
  destroy(): void;
}

export interface ByteRange {
  readonly start: number;
  /** Inclusive; the end of the object when absent or beyond it. */
  readonly end?: number;
}
