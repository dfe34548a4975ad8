import { toTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import { locationOf } from "../../catalog/queries/objects.ts";
import { uploadById } from "../../catalog/queries/uploads.ts";
import type { UploadSessionTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { uploadErrors } from "../errors.ts";
import { leaseHolder } from "../objects/leases.ts";
import type { UploadRecord } from "../records/objects.ts";

/** The caller's session. Raises `upload.not_found`, `upload.expired`. */
export async function ownUpload(context: Context, id: string): Promise<UploadSessionTable> {
  return context.database.read(async (reader) =>
    requireOwn(await reader.first(uploadById, { id }), context, id),
  );
}

/** Raises `upload.not_found` for what is not there or not the caller's, `upload.expired`. */
export function requireOwn(
  session: UploadSessionTable | undefined,
  context: Context,
  id: string,
): UploadSessionTable {
  if (session === undefined || session.principal !== leaseHolder(context.principal)) {
    throw uploadErrors.error("upload.not_found", `You have no upload ${id}.`, { details: { upload: id } });
  }
  const isPast = session.status === "open" && session.expires_at <= toTimestamp(context.clock.nowMs());
  if (session.status === "expired" || isPast) {
    throw uploadErrors.error("upload.expired", "The upload stood still for too long; begin another.", {
      details: { upload: id, expires_at: session.expires_at },
    });
  }
  return session;
}

/** True when every byte is here but the object is not. */
export function isWhole(session: UploadSessionTable): boolean {
  return session.status === "open" && session.offset_bytes === session.size_bytes;
}

/** A session as its client sees it. */
export async function uploadRecord(context: Context, session: UploadSessionTable): Promise<UploadRecord> {
  const { sha256 } = session;
  return {
    id: session.id,
    size_bytes: session.size_bytes,
    offset: session.offset_bytes,
    metadata: session.metadata,
    expires_at: session.expires_at,
    object:
      sha256 === null ? null : await context.database.read((reader) => objectOf(reader, session, sha256)),
  };
}

/** Null when the object that came of it was collected since. */
async function objectOf(
  reader: Reader,
  session: UploadSessionTable,
  sha256: string,
): Promise<UploadRecord["object"]> {
  const location = await reader.first(locationOf, { sha256 });
  if (location === undefined) return null;
  return {
    sha256,
    blake3: location.blake3,
    size_bytes: session.size_bytes,
    existed: session.existed === 1,
    lease_expires_at: session.expires_at,
  };
}
