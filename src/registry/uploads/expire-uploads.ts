import { toTimestamp } from "../../base/clock.ts";
import {
  deleteParts,
  expireUpload,
  forgetUploads,
  partsOfUpload,
  uploadsPast,
} from "../../catalog/queries/uploads.ts";
import type { UploadSessionTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";

/** Sessions ended at once. */
const BATCH = 64;
/** How long it is remembered that an upload expired, or was completed. */
const REMEMBERED_MS = 7 * 24 * 3600 * 1000;

/**
 * Ends the uploads that stood still for too long, with an event each, and takes their bytes away. One that is complete, or
 * moved on meanwhile, is not touched. Answers how many ended. Raises the signal's reason once that is aborted.
 */
export async function expireUploads(context: Context, signal?: AbortSignal): Promise<number> {
  let count = 0;
  for (;;) {
    const now = toTimestamp(context.clock.nowMs());
    const batch = await context.database.read((reader) =>
      reader.all(uploadsPast, { status: "open", now, limit: BATCH }),
    );
    for (const session of batch) {
      signal?.throwIfAborted();
      count += await expireOne(context, session);
    }
    if (batch.length < BATCH) break;
  }
  await context.database.write(context.principal, async (tx) => {
    const before = toTimestamp(tx.nowMs - REMEMBERED_MS);
    for (const status of ["expired", "complete"]) await tx.run(forgetUploads, { status, before });
  });
  return count;
}

async function expireOne(context: Context, { id }: UploadSessionTable): Promise<0 | 1> {
  const parts = await context.database.write(context.principal, async (tx) => {
    if ((await tx.run(expireUpload, { id, now: tx.now })) === 0) return undefined;
    const found = await tx.all(partsOfUpload, { session_id: id });
    await tx.run(deleteParts, { session_id: id });
    const bytes = found.reduce((sum, { size_bytes: sizeBytes }) => sum + sizeBytes, 0);
    await tx.record({ type: "v1.upload.expired", subject: id, data: { upload_id: id, bytes } });
    return found;
  });
  if (parts === undefined) return 0;
  context.uploads.drop(id);
  for (const { staging_id: stagingId } of parts) await context.blobs.discard(stagingId);
  return 1;
}
