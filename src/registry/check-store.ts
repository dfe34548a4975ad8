import { constants, existsSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { type Clock, systemClock } from "../base/clock.ts";
import { errnoOf } from "../base/errors.ts";
import { storageErrors } from "../base/storage-errors.ts";
import { lookAtDatabase } from "./open-database.ts";
import { openBlobStore, spoolOf } from "./open-store-parts.ts";
import type { StorageAbilities } from "./records/store.ts";
import type { StorageSettings } from "./storage-settings.ts";
import type { StoreSettings } from "./store-settings.ts";
import { requireObjectLock } from "./store/require-object-lock.ts";

/** Which store, as for opening it. */
export interface StoreToCheck {
  /** Absolute. */
  readonly directory: string;
  readonly settings: StoreSettings;
  readonly storage: StorageSettings;
  readonly clock?: Clock;
}

/** What opening the store's database would meet. */
export interface DatabaseFinding {
  /** Which database, for people: no password. */
  readonly place: string;
  /** No store yet, one that the next start brings up to date, or one of this version. */
  readonly schema: "missing" | "older" | "current";
}

/**
 * Looks at the database as opening it would: reachable, usable, clock, tables. Makes and changes nothing. Raises what `openStore`
 * raises; a missing store is a finding.
 */
export function checkDatabase({ directory, settings, clock }: StoreToCheck): Promise<DatabaseFinding> {
  return lookAtDatabase(settings.database, { directory, clock: clock ?? systemClock });
}

/** Raises `store.read_only` unless the directories that a server writes can be written, or made where they are missing. */
export async function checkDirectories({ directory, storage }: StoreToCheck): Promise<void> {
  await requireWritable(directory);
  if (storage.kind === "s3") await requireWritable(spoolOf(directory, storage));
}

/**
 * Writes a probe to where the bytes are, reads one back from an object store, and removes both. A directory into which nothing
 * was put yet is left without one. Resolves to what the object store can do; null for a directory. Raises `blob.*`,
 * `store.full`, `store.read_only`.
 */
export async function checkStorage({
  directory,
  storage,
  settings,
}: StoreToCheck): Promise<StorageAbilities | null> {
  const blobs = await openBlobStore(directory, storage);
  try {
    // The probe of a directory makes the folders that it needs.
    if (blobs.isRemote || existsSync(join(directory, "staging"))) await blobs.health();
    const abilities = await blobs.abilities();
    requireObjectLock(settings, abilities);
    return abilities;
  } finally {
    await blobs.close();
  }
}

async function requireWritable(directory: string): Promise<void> {
  let place = directory;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    if (!(await stat(place)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
    await access(place, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw storageErrors.error(
      "store.read_only",
      `The directory ${place} cannot be written (${errnoOf(cause)}).`,
      {
        cause,
        details: { directory: place },
        hint: "Check who owns it, and how its file system is mounted.",
      },
    );
  }
}
