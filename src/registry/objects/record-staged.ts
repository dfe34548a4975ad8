import { forEachAtMost } from "../../base/async.ts";
import { toTimestamp } from "../../base/clock.ts";
import type { BlobLocation, StagedBlob } from "../../blob/blob-store.ts";
import type { Transaction } from "../../catalog/database.ts";
import { lockAnew } from "../../catalog/queries/locks.ts";
import { insertLocation, locationOf, moveLocation, putLease } from "../../catalog/queries/objects.ts";
import type { StorageLocationTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { objectErrors } from "../errors.ts";
import type { UploadedObject } from "../records/objects.ts";
import { finishDeletionOf } from "./finish-deletion.ts";
import { leaseHolder, isKnownTo } from "./leases.ts";

/** What was put under a new key this short a time ago nobody can have taken away: `isUnrecorded` lets it grow older. */
const NEW_KEY_MS = 60_000;
/** How often bytes are put in place anew when a collector takes them away before they are recorded. */
const MAX_COMMITS = 3;

/** Objects that are put in their places at once. */
export const PLACES_AT_ONCE = 16;

/**
 * Makes staged bytes an object: durable under their digest, then recorded and leased in one transaction, of which `also` is
 * a part. The staging name is the caller's to drop. Raises `object.missing` when collectors are faster time and again.
 */
export async function recordStaged(
  context: Context,
  staged: StagedBlob,
  also?: (tx: Transaction, object: UploadedObject) => Promise<void>,
): Promise<UploadedObject> {
  const [object] = await recordAllStaged(context, [staged], also);
  return object!;
}

/** The same of many, recorded in one transaction. In the order given. */
export async function recordAllStaged(
  context: Context,
  all: readonly StagedBlob[],
  also?: (tx: Transaction, object: UploadedObject) => Promise<void>,
): Promise<UploadedObject[]> {
  const objects: UploadedObject[] = [];
  let pending = all.map((staged, index) => ({ staged, index }));
  for (let count = 0; count < MAX_COMMITS && pending.length > 0; count += 1) {
    const places: Place[] = [];
    await forEachAtMost(PLACES_AT_ONCE, pending.entries(), undefined, async ([at, { staged }]) => {
      places[at] = await placeOf(context, staged);
    });
    const recorded = await context.database.write(context.principal, async (tx) => {
      const done: Awaited<ReturnType<typeof recordPlaced>>[] = [];
      for (const [at, { staged }] of pending.entries()) {
        const one = await recordPlaced(tx, context, staged, places[at]!);
        if (one !== undefined) await also?.(tx, one.object);
        done.push(one);
      }
      return done;
    });
    for (const [at, one] of recorded.entries()) {
      if (one === undefined) continue;
      objects[pending[at]!.index] = one.object;
      // Others recorded the same bytes in another place meanwhile: nothing refers to this one, and cleanup would find it too.
      if (one.key !== places[at]!.key) await context.blobs.remove(places[at]!).catch(() => {});
    }
    pending = pending.filter((_, at) => recorded[at] === undefined);
  }
  if (pending.length === 0) return objects;
  throw objectErrors.error("object.missing", "The upload was collected before it could be recorded. Retry.", {
    details: { missing: pending.map(({ staged }) => staged.sha256) },
  });
}

/** Where staged bytes were put, and until when (`performance.now()`) nobody can have taken them away from there. */
type Place = BlobLocation & { readonly trustedUntilMs: number };

async function placeOf(context: Context, staged: StagedBlob): Promise<Place> {
  const { sha256 } = staged;
  const row = await context.database.first(locationOf, { sha256 });
  const present = row?.status === "present" ? { sha256, key: row.physical_key } : undefined;
  const { isNew = false, ...location } = await context.blobs.commit(staged, present);
  return { ...location, trustedUntilMs: isNew ? performance.now() + NEW_KEY_MS : 0 };
}

/** Answers where the object stands as well; undefined when a collector has taken it and it could not be put back. */
async function recordPlaced(
  tx: Transaction,
  context: Context,
  staged: StagedBlob,
  location: Place,
): Promise<{ object: UploadedObject; key: string } | undefined> {
  const { sha256, blake3, sizeBytes } = staged;
  const before = await tx.first(locationOf, { sha256 });
  const known = await isKnownTo(tx, tx.now, context.principal, before);
  const row = (await finishDeletionOf(tx, context, before)) === "none" ? before : undefined;
  const key = await keyToRecord(context, staged, { row, location });
  if (key === undefined) return undefined;
  if (row === undefined) {
    await recordObject(tx, context, { sha256, blake3, sizeBytes, location });
  } else {
    const moved = await tx.run(moveLocation, { sha256, physical_key: key });
    if (moved > 0) await tx.run(lockAnew, { sha256, now: tx.now });
  }
  const expiresAt = toTimestamp(tx.nowMs + context.settings.expireAfterMs);
  await tx.change(putLease, { sha256, principal: leaseHolder(context.principal), expires_at: expiresAt });
  const object = { sha256, blake3, size_bytes: sizeBytes, existed: known, lease_expires_at: expiresAt };
  return { object, key };
}

/** Where the object stands: where the row says, if it does; else at `location`, if it does; undefined for nowhere. */
async function keyToRecord(
  context: Context,
  staged: StagedBlob,
  at: {
    readonly row: StorageLocationTable | undefined;
    readonly location: Place;
  },
): Promise<string | undefined> {
  const { row, location } = at;
  if (row !== undefined && row.physical_key !== location.key) {
    const size = await context.blobs.size({ sha256: staged.sha256, key: row.physical_key });
    if (size === staged.sizeBytes) return row.physical_key;
  }
  if (performance.now() < location.trustedUntilMs) return location.key;
  return (await context.blobs.ensure(staged, location)) ? location.key : undefined;
}

/** Records that bytes are present: the event, and where they are. */
export async function recordObject(
  tx: Transaction,
  context: Context,
  object: { sha256: string; blake3: string; sizeBytes: number; location: BlobLocation },
): Promise<void> {
  const { sha256, blake3, sizeBytes, location } = object;
  const stored = await tx.record({
    type: "v1.object.stored",
    subject: sha256,
    data: { sha256, blake3, size: sizeBytes },
  });
  await tx.change(insertLocation, {
    ...locationColumns(context, { sha256, blake3, sizeBytes, location }),
    generation: stored.seq,
  });
}

/** The columns of an object that is present. */
export function locationColumns(
  context: Pick<Context, "blobs">,
  object: { sha256: string; blake3: string; sizeBytes: number; location: BlobLocation },
): Omit<StorageLocationTable, "generation"> {
  return {
    sha256: object.sha256,
    blake3: object.blake3,
    size_bytes: object.sizeBytes,
    backend: context.blobs.backend,
    physical_key: object.location.key,
    tier: "hot",
    status: "present",
    locked_version: null,
    locked_until: null,
  };
}
