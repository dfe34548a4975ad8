import { assert } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { StagedBlob, Staging } from "../../blob/blob-store.ts";
import { deleteParts, finishUpload, partsOfUpload, uploadById } from "../../catalog/queries/uploads.ts";
import type { UploadPartTable, UploadSessionTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { recordStaged } from "../objects/record-staged.ts";
import type { UploadRecord } from "../records/objects.ts";
import { ownUpload, requireOwn, uploadRecord } from "./upload-record.ts";

/**
 * Makes the object of an upload whose bytes are all here. An upload that came to this process without a break is one file
 * with its digests known; any other is read again, part after part, into one. Safe to repeat, and from two processes at once.
 */
export async function completeUpload(context: Context, session: UploadSessionTable): Promise<UploadRecord> {
  const { id } = session;
  return context.uploads.completeOnce(id, async () => {
    try {
      await makeObject(context, session);
    } catch (error) {
      // Another process may have been faster, and have taken the parts away.
      const now = await ownUpload(context, id);
      if (now.status !== "complete") throw error;
    }
    return uploadRecord(context, await ownUpload(context, id));
  });
}

async function makeObject(context: Context, session: UploadSessionTable): Promise<void> {
  const { id, epoch, size_bytes: sizeBytes } = session;
  const parts = await context.database.read((reader) => reader.all(partsOfUpload, { session_id: id }));
  const open = context.uploads.take(id, { epoch, offset: sizeBytes });
  const isOneFile = open !== undefined && open.startBytes === 0;
  if (!isOneFile) await open?.staging.close();
  const staged = isOneFile ? await finished(open.staging) : await putTogether(context, parts);
  try {
    assert(staged.sizeBytes === sizeBytes, "an upload's parts are as long as the upload");
    await recordStaged(context, staged, async (tx, object) => {
      const { sha256, existed, lease_expires_at: expiresAt } = object;
      const ended = { id, sha256, existed: existed ? 1 : 0, expires_at: expiresAt };
      if ((await tx.run(finishUpload, ended)) === 0)
        requireOwn(await tx.first(uploadById, { id }), context, id);
      await tx.run(deleteParts, { session_id: id });
    });
  } finally {
    // A part's own file is needed again when this did not succeed.
    if (!isOneFile) await context.blobs.discard(staged.uploadId);
  }
  for (const { staging_id: stagingId } of parts) await context.blobs.discard(stagingId);
}

async function finished(staging: Staging): Promise<StagedBlob> {
  try {
    return await staging.finish();
  } catch (error) {
    await staging.close();
    throw error;
  }
}

async function putTogether(context: Context, parts: readonly UploadPartTable[]): Promise<StagedBlob> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const { staging_id: stagingId, size_bytes: sizeBytes } of parts) {
      yield* (await context.blobs.readStaged(stagingId, sizeBytes)) as AsyncIterable<Uint8Array>;
    }
  }
  return context.blobs.stage(newId("upl"), bytes());
}
