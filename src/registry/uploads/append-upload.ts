import { createHash, type Hash, timingSafeEqual } from "node:crypto";

import { Mutex } from "../../base/async.ts";
import { toTimestamp } from "../../base/clock.ts";
import { hasCode } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import { drain } from "../../blob/drain.ts";
import { advanceUpload, claimUpload, partCount, putPart, uploadById } from "../../catalog/queries/uploads.ts";
import type { UploadSessionTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { uploadErrors } from "../errors.ts";
import { requireUploader, tooLarge } from "../objects/upload-objects.ts";
import type { UploadPiece, UploadRecord } from "../records/objects.ts";
import { completeUpload } from "./complete-upload.ts";
import { type ActiveWriter, type OpenPart, takenOver } from "./live-uploads.ts";
import { isWhole, ownUpload, requireOwn, uploadRecord } from "./upload-record.ts";

/** What arrives is recorded after this many bytes, or this long, so that a crash costs no more than that. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
const CHECKPOINT_MS = 10_000;
/** Every interruption may leave a part; tiny ones without end would fill the table. */
const MAX_PARTS = 10_000;

/** What a piece's checksum may be made with. */
export const checksumAlgorithms = ["sha1", "sha256"] as const;

/**
 * Adds a piece at the upload's offset. A session has one writer at a time: the newest takes over, and only the last one
 * moves the offset, by compare-and-set and only over bytes that are durable; so a stale writer, here or in another
 * process, loses what it sends and mixes nothing.
 */
export async function appendUpload(context: Context, id: string, piece: UploadPiece): Promise<UploadRecord> {
  requireUploader(context.principal);
  // A wrong offset disturbs nobody who is at work.
  requireOffset(await ownUpload(context, id), piece);
  return context.uploads.write(id, async (writer) => {
    const session = await claim(context, id, piece);
    if (session.status === "open" && session.offset_bytes < session.size_bytes)
      await writePiece(context, session, piece, writer);
    const after = await ownUpload(context, id);
    return isWhole(after) ? completeUpload(context, after) : uploadRecord(context, after);
  });
}

/** Takes the session over. What comes back has the epoch that was there before. */
async function claim(context: Context, id: string, piece: UploadPiece): Promise<UploadSessionTable> {
  return context.database.write(context.principal, async (tx) => {
    const session = requireOwn(await tx.first(uploadById, { id }), context, id);
    requireOffset(session, piece);
    await tx.run(claimUpload, { id, epoch: session.epoch + 1 });
    return session;
  });
}

function requireOffset(session: UploadSessionTable, { offset, sizeBytes = 0 }: UploadPiece): void {
  if (offset !== session.offset_bytes) {
    throw uploadErrors.error(
      "upload.offset_mismatch",
      `The upload goes on at ${session.offset_bytes}, not at ${offset}.`,
      { details: { offset: session.offset_bytes } },
    );
  }
  if (offset + sizeBytes > session.size_bytes) throw tooLarge(session.size_bytes);
}

async function writePiece(
  context: Context,
  session: UploadSessionTable,
  piece: UploadPiece,
  writer: ActiveWriter,
): Promise<void> {
  const { checksum } = piece;
  const hash = checksum === undefined ? undefined : createHash(checksum.algorithm);
  const receiver = new PieceReceiver(context, session, hash);
  // Bytes under a checksum count together or not at all.
  if (hash === undefined) writer.checkpoint = () => receiver.record();
  const signal = piece.signal === undefined ? writer.signal : AbortSignal.any([writer.signal, piece.signal]);
  const maxBytes = session.size_bytes - session.offset_bytes;
  try {
    await drain(piece.open(), { maxBytes, signal }, (chunk) => receiver.take(chunk));
    if (checksum !== undefined) requireChecksum(hash!, checksum.digest);
    await receiver.record();
  } catch (error) {
    const isBroken = hash === undefined && !hasCode(error, "blob.too_large");
    // What arrived counts; that it broke off is what the client, if it is still there, has to be told.
    if (isBroken) await receiver.record().catch(() => {});
    throw error;
  } finally {
    writer.checkpoint = undefined;
    await receiver.end();
  }
}

function requireChecksum(hash: Hash, expected: Uint8Array): void {
  const actual = hash.digest();
  if (actual.length === expected.length && timingSafeEqual(actual, expected)) return;
  throw uploadErrors.error("upload.checksum_mismatch", "The bytes are not those the checksum is of.");
}

/** One piece on its way into a part, recorded step by step. */
class PieceReceiver {
  readonly #context: Context;
  readonly #session: UploadSessionTable;
  readonly #epoch: number;
  readonly #hash: Hash | undefined;
  readonly #recording = new Mutex();
  #part: OpenPart | undefined;
  /** Bytes of the part, whether recorded or not. */
  #partBytes = 0;
  #checkpointAt = performance.now() + CHECKPOINT_MS;
  #checkpointing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(context: Context, session: UploadSessionTable, hash: Hash | undefined) {
    this.#context = context;
    this.#session = session;
    this.#epoch = session.epoch + 1;
    this.#hash = hash;
  }

  async take(chunk: Uint8Array): Promise<void> {
    this.#part ??= await this.#openPart();
    this.#hash?.update(chunk);
    this.#partBytes += chunk.byteLength;
    await this.#part.staging.write(chunk);
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#hash === undefined && this.#checkpointing === undefined && this.#isDue(this.#part)) {
      this.#checkpointing = this.record()
        .catch((error: unknown) => void (this.#failure = { error }))
        .finally(() => (this.#checkpointing = undefined));
    }
  }

  /** Makes what has arrived durable, then moves the offset over it. Raises `upload.taken_over`. */
  async record(): Promise<void> {
    await this.#recording.run(async () => {
      if (this.#part !== undefined) await this.#recordPart(this.#part);
    });
  }

  /** Keeps the part for the next piece when all of it counts; otherwise nothing can follow on it. */
  async end(): Promise<void> {
    await this.#checkpointing;
    const part = this.#part;
    if (part === undefined) return;
    if (part.recordedBytes === this.#partBytes) {
      this.#context.uploads.keep(this.#session.id, part);
      return;
    }
    await part.staging.close();
    if (part.recordedBytes === 0) await this.#context.blobs.discard(part.staging.uploadId);
  }

  #isDue({ recordedBytes }: OpenPart): boolean {
    return this.#partBytes - recordedBytes >= CHECKPOINT_BYTES || performance.now() >= this.#checkpointAt;
  }

  /** The part that the piece before left open, or a new one. Under a checksum always a new one: its bytes may have to go. */
  async #openPart(): Promise<OpenPart> {
    const { id, epoch, offset_bytes: offset } = this.#session;
    const { uploads, blobs, database } = this.#context;
    const kept = uploads.take(id, { epoch, offset });
    if (kept !== undefined && this.#hash === undefined) {
      kept.epoch = this.#epoch;
      this.#partBytes = kept.recordedBytes;
      return kept;
    }
    await kept?.staging.close();
    const count = await database.read((reader) => reader.first(partCount, { session_id: id }));
    if (Number(count?.parts) >= MAX_PARTS) {
      throw uploadErrors.error("upload.too_many_parts", `The upload has come in ${MAX_PARTS} parts.`, {
        hint: "Begin another upload, and send it in larger pieces.",
      });
    }
    const staging = await blobs.begin(newId("upl"));
    return { staging, startBytes: offset, recordedBytes: 0, epoch: this.#epoch };
  }

  async #recordPart(part: OpenPart): Promise<void> {
    const { database, principal, settings } = this.#context;
    const { id } = this.#session;
    const { startBytes, recordedBytes } = part;
    const sizeBytes = await part.staging.sync();
    this.#checkpointAt = performance.now() + CHECKPOINT_MS;
    if (sizeBytes === recordedBytes) return;
    await database.write(principal, async (tx) => {
      const moved = await tx.run(advanceUpload, {
        id,
        epoch: this.#epoch,
        from_bytes: startBytes + recordedBytes,
        to_bytes: startBytes + sizeBytes,
        expires_at: toTimestamp(tx.nowMs + settings.expireAfterMs),
      });
      if (moved !== 1) throw takenOver();
      const row = { session_id: id, start_bytes: startBytes, size_bytes: sizeBytes };
      await tx.run(putPart, { ...row, staging_id: part.staging.uploadId });
    });
    part.recordedBytes = sizeBytes;
  }
}
