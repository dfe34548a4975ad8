import { toTimestamp } from "../../base/clock.ts";
import { locationOf, putLease } from "../../catalog/queries/objects.ts";
import type { Context } from "../context.ts";
import { objectErrors } from "../errors.ts";
import type { ObjectRecord, UploadedObject } from "../records/objects.ts";
import { leaseHolder, isKnownTo } from "./leases.ts";
import { requireUploader } from "./upload-objects.ts";

/**
 * What the caller may know of an object: that it is here, if they lease it or may read something that names it. Null says
 * nothing about whether it is.
 */
export async function lookupObject(context: Context, sha256: string): Promise<ObjectRecord | null> {
  requireUploader(context.principal);
  return context.database.read(async (reader) => {
    const now = toTimestamp(context.clock.nowMs());
    const row = await reader.first(locationOf, { sha256 });
    if (!(await isKnownTo(reader, now, context.principal, row))) return null;
    return { sha256, blake3: row!.blake3, size_bytes: row!.size_bytes };
  });
}

/** Leases a known object anew, so that it stays until it is published. Raises `object.not_found`. */
export async function leaseObject(context: Context, sha256: string): Promise<UploadedObject> {
  requireUploader(context.principal);
  return context.database.write(context.principal, async (tx) => {
    const row = await tx.first(locationOf, { sha256 });
    if (row === undefined || !(await isKnownTo(tx, tx.now, context.principal, row))) {
      throw objectErrors.error("object.not_found", `There is no object ${sha256}.`, { details: { sha256 } });
    }
    const expiresAt = toTimestamp(tx.nowMs + context.settings.expireAfterMs);
    await tx.change(putLease, { sha256, principal: leaseHolder(context.principal), expires_at: expiresAt });
    return {
      sha256,
      blake3: row.blake3,
      size_bytes: row.size_bytes,
      existed: true,
      lease_expires_at: expiresAt,
    };
  });
}
