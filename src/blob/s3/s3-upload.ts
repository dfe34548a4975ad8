import { Mutex } from "../../base/async.ts";
import { systemClock } from "../../base/clock.ts";
import type { Digests } from "../../base/digest.ts";
import type { StagedBlob, Staging } from "../blob-store.ts";
import { blobErrors } from "../errors.ts";
import type { UploadHasher } from "./hash-thread.ts";
import { partBytes } from "./part-sizes.ts";
import {
  beginParts,
  completeParts,
  copyObject,
  type Expected,
  putEmpty,
  putPart,
  putSpooled,
  type SentPart,
  stagingGone,
} from "./put-object.ts";
import type { S3Connection } from "./s3-connection.ts";
import { hasS3Code } from "./s3-errors.ts";
import { partsKey, pieceKey } from "./s3-keys.ts";
import { Spool, type SpoolPlace } from "./spool.ts";

/** Finds a place for so many bytes. */
export type FindPlace = (sizeBytes: number) => Promise<SpoolPlace>;

/** Full parts on their way while the next one fills: with it they bound what one upload keeps on this machine. */
const MAX_PARTS_SENDING = 4;

/**
 * One upload of this process, from its first byte until it is discarded. A part is spooled on this machine; when it is full
 * and more comes, it goes into a multipart upload under the staging key. So an upload of one part sends nothing before `put`,
 * which puts it in its place at once; a longer one is completed by `finish` and copied into its place within the store.
 */
export class S3Upload implements Staging {
  readonly uploadId: string;
  readonly #s3: S3Connection;
  readonly #findPlace: FindPlace;
  readonly #hasher: UploadHasher;
  readonly #syncing = new Mutex();
  readonly #sending = new Set<Promise<void>>();
  readonly #parts: SentPart[] = [];
  /** Keys of acknowledged bytes that filled no part when they were acknowledged. */
  readonly pieces: string[] = [];
  #spool: Spool | undefined;
  /** The spooled part's place in the upload. */
  #spoolStart = 0;
  #partCount = 0;
  /** Up to here the upload is in pieces or in full parts. */
  #piecesStop = 0;
  #multipart: Promise<string> | undefined;
  /** When bytes last came, milliseconds since the epoch. */
  modifiedAtMs = systemClock.nowMs();
  #failure: { readonly error: unknown } | undefined;
  #digests: Digests | undefined;
  #whole: Expected | undefined;

  constructor(s3: S3Connection, uploadId: string, options: { findPlace: FindPlace; hasher: UploadHasher }) {
    this.#s3 = s3;
    this.uploadId = uploadId;
    this.#findPlace = options.findPlace;
    this.#hasher = options.hasher;
  }

  /** How many bytes have come. */
  get sizeBytes(): number {
    return this.#spoolStart + (this.#spool?.sizeBytes ?? 0);
  }

  /** True when parts were sent, or it was tried: then something may stand in staging that this process does not know of. */
  get isInParts(): boolean {
    return this.#multipart !== undefined;
  }

  /** The local copy of a finished upload of one part; undefined while it is not finished, or when it is in staging. */
  get finishedSpool(): Spool | undefined {
    return this.#digests !== undefined && !this.isInParts ? this.#spool : undefined;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.modifiedAtMs = systemClock.nowMs();
    let taken = 0;
    while (taken < chunk.byteLength) {
      const spool = await this.#roomySpool();
      const room = partBytes(this.#partCount + 1) - spool.sizeBytes;
      const bytes = chunk.subarray(taken, taken + room);
      await spool.append(bytes);
      taken += bytes.byteLength;
    }
  }

  async sync(): Promise<number> {
    return this.#syncing.run(async () => {
      const [spool, spoolStart, stop] = [this.#spool, this.#spoolStart, this.sizeBytes];
      if (spool !== undefined) await this.#putPiece(spool, spoolStart, stop);
      await Promise.all(this.#sending);
      this.#raiseFailure();
      return stop;
    });
  }

  async finish(): Promise<StagedBlob> {
    await Promise.all(this.#sending);
    this.#raiseFailure();
    this.#spool?.end();
    const hashed = this.#hasher.digest();
    hashed.catch(() => {});
    if (this.#multipart !== undefined) {
      if (this.#spool !== undefined) this.#send(this.#spool);
      await Promise.all(this.#sending);
      this.#raiseFailure();
      this.#whole = await completeParts(
        this.#s3,
        partsKey(this.uploadId),
        await this.#multipart,
        this.#parts,
      );
    }
    this.#digests = await hashed;
    return { uploadId: this.uploadId, ...this.#digests };
  }

  /** Puts the finished bytes at a key at which nothing stands. */
  async put(key: string): Promise<void> {
    if (this.#whole !== undefined) {
      await copyObject(this.#s3, partsKey(this.uploadId), key, this.#parts, this.#whole);
    } else if (this.#spool !== undefined) {
      await putSpooled(this.#s3, key, this.#spool);
    } else {
      await putEmpty(this.#s3, key);
    }
  }

  async close(): Promise<void> {
    this.#hasher.drop();
    await Promise.all(this.#sending);
    // Not waited for: somebody may still read it.
    void this.#spool?.close();
  }

  /** The bytes from where pieces and parts end, up to `stop`. */
  async #putPiece(spool: Spool, spoolStart: number, stop: number): Promise<void> {
    const start = Math.max(this.#piecesStop, spoolStart);
    if (start === stop) return;
    const key = pieceKey(this.uploadId, start);
    this.pieces.push(key);
    const range = { start: start - spoolStart, stop: stop - spoolStart };
    await spool.keep(() => putSpooled(this.#s3, key, spool, range));
    this.#piecesStop = stop;
  }

  /** The part that is being filled. A full one is sent only when more comes, so the last one is never empty. */
  async #roomySpool(): Promise<Spool> {
    this.#raiseFailure();
    const spool = this.#spool;
    if (spool !== undefined && spool.sizeBytes < partBytes(this.#partCount + 1)) return spool;
    if (spool !== undefined) {
      this.#send(spool);
      if (this.#sending.size >= MAX_PARTS_SENDING) await Promise.race(this.#sending);
      this.#raiseFailure();
    }
    const part = this.#partCount + 1;
    const place = await this.#findPlace(partBytes(part));
    const next = new Spool(place, { hasher: this.#hasher, part });
    this.#spool = next;
    return next;
  }

  /** Starts sending a part; its spool goes when it has arrived. */
  #send(spool: Spool): void {
    spool.end();
    this.#spoolStart += spool.sizeBytes;
    this.#spool = undefined;
    this.#partCount += 1;
    const number = this.#partCount;
    const sending = this.#sendPart(spool, number)
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .then(() => {
        this.#sending.delete(sending);
        return spool.close();
      });
    this.#sending.add(sending);
  }

  async #sendPart(spool: Spool, number: number): Promise<void> {
    const key = partsKey(this.uploadId);
    this.#multipart ??= beginParts(this.#s3, key);
    const multipartId = await this.#multipart;
    try {
      this.#parts[number - 1] = await putPart(this.#s3, { key, multipartId, number }, spool);
    } catch (error) {
      throw hasS3Code(error, "NoSuchUpload") ? stagingGone(error) : error;
    }
  }

  #raiseFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** What a second upload under one id is told. */
export function uploadExists() {
  return blobErrors.error("blob.upload_exists", "Bytes are already staged under this upload id.");
}
