import { hasCode } from "../../base/errors.ts";
import type { BlobLocation } from "../../blob/blob-store.ts";
import type { Transaction } from "../../catalog/database.ts";
import { deleteLocation, locationOf } from "../../catalog/queries/objects.ts";
import type { StorageLocationTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";

/** What came of a deletion: there was none to complete, the bytes went, or their store refused because they are locked. */
export type Deletion = "none" | "done" | "locked";

/**
 * Completes a deletion that was begun and not finished: whoever meets one does, under the write lock, so that a row that
 * is going is never revived. Locked bytes do not keep the row: they are a file without one then, which a later cleanup takes away,
 * and the same bytes can be stored anew.
 */
export async function finishDeletion(tx: Transaction, context: Context, sha256: string): Promise<Deletion> {
  return finishDeletionOf(tx, context, await tx.first(locationOf, { sha256 }));
}

/** The same where the row was read already. */
export async function finishDeletionOf(
  tx: Transaction,
  context: Context,
  row: StorageLocationTable | undefined,
): Promise<Deletion> {
  if (row === undefined || row.status !== "deleting") return "none";
  const { sha256 } = row;
  const isGone = await removeUnlessLocked(context, { sha256, key: row.physical_key });
  await tx.run(deleteLocation, { sha256, generation: row.generation });
  return isGone ? "done" : "locked";
}

/** Takes bytes away; false when their store refuses because they are locked. */
export async function removeUnlessLocked(
  { blobs }: Pick<Context, "blobs">,
  location: BlobLocation,
): Promise<boolean> {
  try {
    await blobs.remove(location);
    return true;
  } catch (error) {
    if (hasCode(error, "blob.locked")) return false;
    throw error;
  }
}
