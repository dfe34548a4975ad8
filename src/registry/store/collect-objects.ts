import {
  hasLease,
  livePackageWith,
  locationOf,
  markDeleting,
  packagesWithObject,
  permanentReferenceTo,
} from "../../catalog/queries/objects.ts";
import type { Reader, Transaction } from "../../catalog/database.ts";
import type { Context } from "../context.ts";
import { finishDeletion } from "../objects.ts";

/**
 * Deleting bytes, in two transactions with the database first. Between them the object is `deleting`: nothing refers to it
 * any more and nothing can again; whoever meets it finishes the deletion, so a collector that is stopped or killed here
 * costs nothing.
 */

/**
 * True when nothing needs these bytes: no live package, manifest or notes, and nobody's lease. Packages in `going` count
 * as gone: a dry run asks what their deletion would free.
 */
export async function isCollectable(
  reader: Reader,
  sha256: string,
  now: string,
  going: ReadonlySet<string> = new Set(),
): Promise<boolean> {
  if ((await reader.first(permanentReferenceTo, { sha256 })) !== undefined) return false;
  if ((await reader.first(hasLease, { sha256, now })) !== undefined) return false;
  if (going.size === 0) return (await reader.first(livePackageWith, { sha256 })) === undefined;
  const packages = await reader.all(packagesWithObject, { sha256 });
  return packages.every(({ package_id: id }) => going.has(id));
}

/** First half: of these objects, marks and records those that nothing needs, checked again under the write lock. */
export async function markUnneeded(context: Context, digests: readonly string[]): Promise<string[]> {
  return context.database.write(context.principal, async (tx) => {
    const marked: string[] = [];
    for (const sha256 of digests) {
      if (await markOne(tx, sha256)) marked.push(sha256);
    }
    return marked;
  });
}

/** Second half: takes the bytes of marked objects away, each only while its row still says so. */
export async function removeMarked(context: Context, digests: readonly string[]): Promise<void> {
  await context.database.write(context.principal, async (tx) => {
    for (const sha256 of digests) await finishDeletion(tx, context, sha256);
  });
}

/**
 * Takes away a file that no row knows: what a crash between link and commit leaves. An upload that is under way meanwhile
 * puts it back from staging in its own transaction. False when a row has appeared, or when something needs these very
 * bytes: then it is the row that is missing, and the file is the only copy.
 */
export async function removeUnrecorded(context: Context, sha256: string, key: string): Promise<boolean> {
  return context.database.write(context.principal, async (tx) => {
    if ((await tx.first(locationOf, { sha256 })) !== undefined) return false;
    if (!(await isCollectable(tx, sha256, tx.now))) return false;
    await context.blobs.remove({ sha256, key });
    return true;
  });
}

async function markOne(tx: Transaction, sha256: string): Promise<boolean> {
  const row = await tx.first(locationOf, { sha256 });
  if (row === undefined || row.status !== "present" || !(await isCollectable(tx, sha256, tx.now)))
    return false;
  await tx.run(markDeleting, { sha256, generation: row.generation });
  await tx.record({
    type: "v1.object.deleted",
    subject: sha256,
    data: { sha256, size: row.size_bytes },
  });
  return true;
}
