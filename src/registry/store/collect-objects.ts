import { toTimestamp } from "../../base/clock.ts";
import type { BlobLocation } from "../../blob/blob-store.ts";
import type { Reader, Transaction } from "../../catalog/database.ts";
import {
  hasLease,
  livePackageWith,
  locationOf,
  markDeleting,
  packagesWithObject,
  permanentReferenceTo,
} from "../../catalog/queries/objects.ts";
import type { StorageLocationTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { finishDeletion, removeUnlessLocked } from "../objects/finish-deletion.ts";

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

/**
 * Second half: takes the bytes of marked objects away, each only while its row still says so. Answers those whose bytes stay for now,
 * because they were locked in between.
 */
export async function removeMarked(context: Context, digests: readonly string[]): Promise<string[]> {
  return context.database.write(context.principal, async (tx) => {
    const locked: string[] = [];
    for (const sha256 of digests) {
      if ((await finishDeletion(tx, context, sha256)) === "locked") locked.push(sha256);
    }
    return locked;
  });
}

/** However short uploads may last, and a little apart the clocks be: an upload counts on what it put a moment ago (`objects.ts`). */
const MIN_AGE_MS = 10 * 60_000;

/** Bytes that stand somewhere, as `BlobStore.list` gives them, under a digest. */
export interface StoredFile extends BlobLocation {
  readonly putAtMs?: number | undefined;
}

/**
 * True for a file that no row knows and nothing needs: what a crash between commit and record leaves. It is a second copy when
 * the row names another place; without any row it may be the only copy of what something needs, and stays. Where an upload
 * cannot put it back, it stays as well until no upload can be about to record it.
 */
export async function isUnrecorded(
  reader: Reader,
  { sha256, key, putAtMs }: StoredFile,
  context: Pick<Context, "settings">,
  options: { nowMs: number; going?: ReadonlySet<string> | undefined },
): Promise<boolean> {
  const { nowMs, going } = options;
  const youngestMs = Math.max(context.settings.expireAfterMs, MIN_AGE_MS);
  if (putAtMs !== undefined && putAtMs > nowMs - youngestMs) return false;
  const row = await reader.first(locationOf, { sha256 });
  if (row !== undefined) return row.physical_key !== key;
  return isCollectable(reader, sha256, toTimestamp(nowMs), going);
}

/**
 * Takes such a file away. An upload that is under way meanwhile puts it back from staging in its own transaction. False when
 * it is none any more, or is locked.
 */
export async function removeUnrecorded(context: Context, file: StoredFile): Promise<boolean> {
  return context.database.write(context.principal, async (tx) => {
    if (!(await isUnrecorded(tx, file, context, { nowMs: tx.nowMs }))) return false;
    return removeUnlessLocked(context, file);
  });
}

/** True for an object that its store is known to refuse to delete then. */
export function isLocked({ locked_until: until }: StorageLocationTable, now: string): boolean {
  return until !== null && until > now;
}

async function markOne(tx: Transaction, sha256: string): Promise<boolean> {
  const row = await tx.first(locationOf, { sha256 });
  if (row === undefined || row.status !== "present") return false;
  if (isLocked(row, tx.now) || !(await isCollectable(tx, sha256, tx.now))) return false;
  await tx.run(markDeleting, { sha256, generation: row.generation });
  await tx.record({
    type: "v1.object.deleted",
    subject: sha256,
    data: { sha256, size: row.size_bytes },
  });
  return true;
}
