import { forEachAtMost } from "../base/async.ts";
import { toTimestamp } from "../base/clock.ts";
import { hasCode } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { BlobLocation, StagedBlob } from "../blob/blob-store.ts";
import { blobErrors } from "../blob/errors.ts";
import type { Reader, Transaction } from "../catalog/database.ts";
import { lockAnew } from "../catalog/queries/locks.ts";
import {
  deleteLocation,
  dropLease,
  insertLocation,
  leaseOf,
  locationOf,
  moveLocation,
  putLease,
} from "../catalog/queries/objects.ts";
import type { StorageLocationTable } from "../catalog/tables.ts";
import { hasScope } from "./access.ts";
import type { Context } from "./context.ts";
import { authErrors, objectErrors, validationErrors } from "./errors.ts";
import type { Principal } from "./principal.ts";
import { isNamedFor } from "./read-objects.ts";
import type { ObjectRecord, UploadedObject, UploadOptions, UploadSource } from "./records/objects.ts";

/**
 * Stores bytes: staged and digested outside any transaction, durable under their digest, then recorded and leased in one
 * transaction. Bytes that are here already are leased only.
 */
export async function uploadObject(
  context: Context,
  source: UploadSource,
  options: UploadOptions,
): Promise<UploadedObject> {
  requireUploader(context.principal);
  const uploadId = newId("upl");
  const staged = await stage(context, uploadId, source, options);
  try {
    checkExpected(staged, options.expected);
    options.signal?.throwIfAborted();
    return await recordStaged(context, staged);
  } finally {
    await context.blobs.discard(uploadId);
  }
}

/** Many small ones: each is durable by itself, and all are recorded in one transaction. Answers in the order given. */
export async function uploadObjects(
  context: Context,
  sources: readonly UploadSource[],
  options: Pick<UploadOptions, "signal">,
): Promise<readonly UploadedObject[]> {
  requireUploader(context.principal);
  const uploads = sources.map((source) => ({ source, uploadId: newId("upl") }));
  const staged: StagedBlob[] = [];
  try {
    const work = async (
      [index, { source, uploadId }]: [number, (typeof uploads)[number]],
      signal: AbortSignal,
    ) => {
      staged[index] = await stage(context, uploadId, source, { signal });
    };
    await forEachAtMost(PLACES_AT_ONCE, uploads.entries(), options.signal, work);
    options.signal?.throwIfAborted();
    return await recordAllStaged(context, staged);
  } finally {
    await forEachAtMost(PLACES_AT_ONCE, uploads, undefined, ({ uploadId }) =>
      context.blobs.discard(uploadId),
    );
  }
}

function stage(
  context: Context,
  uploadId: string,
  source: UploadSource,
  { onProgress, signal }: Pick<UploadOptions, "onProgress" | "signal">,
): Promise<StagedBlob> {
  return context.blobs.stage(uploadId, source.open(), {
    maxBytes: context.settings.maxUploadBytes,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Stores bytes that the server itself made, such as a manifest. */
export async function storeBytes(context: Context, bytes: Uint8Array): Promise<UploadedObject> {
  async function* once() {
    yield bytes;
  }
  return uploadObject(context, { open: once, sizeBytes: bytes.length }, {});
}

/** Raises `auth.*` unless the principal may bring bytes. Limits to an app do not matter: bytes belong to none yet. */
export function requireUploader(principal: Principal): void {
  if (hasScope(principal, "publish") || hasScope(principal, "package.write")) return;
  if (principal.actor === "anonymous")
    throw authErrors.error("auth.missing_token", "Uploading needs a token.");
  throw authErrors.error("auth.missing_scope", "Uploading needs the scope publish or package.write.", {
    details: { scope: "publish" },
  });
}

/** What a caller is told who announces more bytes than are taken. */
export function tooLarge(maxBytes: number) {
  return blobErrors.error("blob.too_large", `At most ${maxBytes} bytes are taken here.`, {
    details: { max_bytes: maxBytes },
  });
}

function checkExpected(staged: StagedBlob, expected: UploadOptions["expected"]): void {
  if (expected?.size !== undefined && expected.size !== staged.sizeBytes) {
    throw validationErrors.error(
      "validation.size_mismatch",
      `The file has ${staged.sizeBytes} bytes, not the declared ${expected.size}.`,
      { details: { expected: expected.size, actual: staged.sizeBytes } },
    );
  }
  if (expected?.sha256 !== undefined && expected.sha256 !== staged.sha256) {
    throw validationErrors.error(
      "validation.digest_mismatch",
      "The file's SHA-256 is not the declared one.",
      {
        details: { expected: expected.sha256, actual: staged.sha256 },
      },
    );
  }
}

/** What was put under a new key this short a time ago nobody can have taken away: `isUnrecorded` lets it grow older. */
const NEW_KEY_MS = 60_000;
/** How often bytes are put in place anew when a collector takes them away before they are recorded. */
const MAX_COMMITS = 3;

/** Objects that are put in their places at once. */
const PLACES_AT_ONCE = 16;

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
async function recordAllStaged(
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

async function finishDeletionOf(
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

/** Whose leases are whose: tokens by id, people by name. */
export function leaseHolder(principal: Principal): string {
  return principal.actorId ?? principal.actor;
}

/**
 * A digest is not a permission: bytes that are present are known to somebody who holds a live lease on them, or who may read
 * something that refers to them.
 */
async function isKnownTo(
  reader: Reader,
  now: string,
  principal: Principal,
  row: StorageLocationTable | undefined,
): Promise<boolean> {
  if (row === undefined || row.status !== "present") return false;
  const { sha256 } = row;
  const lease = await reader.first(leaseOf, { sha256, principal: leaseHolder(principal) });
  if (lease !== undefined && lease.expires_at > now) return true;
  return isNamedFor(reader, principal, sha256);
}

/**
 * The objects a publication names, present and known to the principal, in the order asked.
 * Raises `object.missing` with every digest that is not.
 */
export async function requireObjects(
  reader: Reader,
  now: string,
  principal: Principal,
  digests: readonly string[],
): Promise<StorageLocationTable[]> {
  const found: StorageLocationTable[] = [];
  const missing: string[] = [];
  for (const sha256 of digests) {
    const row = await reader.first(locationOf, { sha256 });
    if (await isKnownTo(reader, now, principal, row)) found.push(row!);
    else missing.push(sha256);
  }
  if (missing.length === 0) return found;
  throw objectErrors.error(
    "object.missing",
    `${new Set(missing).size} of the named objects must be uploaded first.`,
    {
      details: { missing: [...new Set(missing)] },
    },
  );
}

/** Frees the leases of a publication that was refused or that now refers to its objects. */
export async function dropLeases(
  tx: Transaction,
  principal: Principal,
  digests: Iterable<string>,
): Promise<void> {
  for (const sha256 of digests) await tx.change(dropLease, { sha256, principal: leaseHolder(principal) });
}

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
