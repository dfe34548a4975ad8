import { toTimestamp } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import {
  deleteParts,
  deleteUpload,
  insertUpload,
  partsOfUpload,
  uploadById,
} from "../../catalog/queries/uploads.ts";
import type { Context } from "../context.ts";
import { uploadErrors } from "../errors.ts";
import { leaseHolder } from "../objects/leases.ts";
import { requireUploader, tooLarge } from "../objects/upload-objects.ts";
import type { UploadRecord } from "../records/objects.ts";
import { completeUpload } from "./complete-upload.ts";
import { isWhole, ownUpload, requireOwn, uploadRecord } from "./upload-record.ts";

/** What a client may say of its upload, in bytes. */
const MAX_METADATA_BYTES = 4 * 1024;

/** Begins an upload that arrives in pieces. Raises `upload.invalid_size`, `upload.invalid_metadata`, `blob.too_large`. */
export async function createUpload(
  context: Context,
  { size_bytes: sizeBytes, metadata = null }: { size_bytes: number; metadata?: string | null },
): Promise<UploadRecord> {
  requireUploader(context.principal);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw uploadErrors.error("upload.invalid_size", "An upload's size is a whole number of bytes.");
  }
  if (sizeBytes > context.settings.maxUploadBytes) throw tooLarge(context.settings.maxUploadBytes);
  if (metadata !== null && Buffer.byteLength(metadata) > MAX_METADATA_BYTES) {
    throw uploadErrors.error(
      "upload.invalid_metadata",
      `What is said of an upload has at most ${MAX_METADATA_BYTES} bytes.`,
    );
  }
  const id = newId("upl");
  const principal = leaseHolder(context.principal);
  const session = await context.database.write(context.principal, async (tx) => {
    const expiresAt = toTimestamp(tx.nowMs + context.settings.expireAfterMs);
    await tx.run(insertUpload, { id, principal, size_bytes: sizeBytes, metadata, expires_at: expiresAt });
    return (await tx.first(uploadById, { id }))!;
  });
  // Nothing is left to arrive of an empty one.
  return sizeBytes === 0 ? completeUpload(context, session) : uploadRecord(context, session);
}

/**
 * How far an upload has come. Whoever is sending goes on; what has arrived of theirs is recorded first. A whole that was
 * not put together yet, because the process ended just then, is put together now: nobody sees the last offset without the object.
 */
export async function getUpload(context: Context, id: string): Promise<UploadRecord> {
  requireUploader(context.principal);
  await ownUpload(context, id);
  await context.uploads.checkpoint(id);
  let session = await ownUpload(context, id);
  if (isWhole(session)) {
    await context.uploads.ended(id);
    session = await ownUpload(context, id);
  }
  return isWhole(session) ? completeUpload(context, session) : uploadRecord(context, session);
}

/** Forgets an upload and its bytes; an object that came of it stays. */
export async function endUpload(context: Context, id: string): Promise<void> {
  requireUploader(context.principal);
  await ownUpload(context, id);
  await context.uploads.stop(id);
  context.uploads.drop(id);
  const parts = await context.database.write(context.principal, async (tx) => {
    requireOwn(await tx.first(uploadById, { id }), context, id);
    const found = await tx.all(partsOfUpload, { session_id: id });
    await tx.run(deleteParts, { session_id: id });
    await tx.run(deleteUpload, { id });
    return found;
  });
  for (const { staging_id: stagingId } of parts) await context.blobs.discard(stagingId);
}
