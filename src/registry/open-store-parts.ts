import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { type Clock, systemClock } from "../base/clock.ts";
import { errnoOf } from "../base/errors.ts";
import { syncDirectory } from "../base/files.ts";
import { storageErrors } from "../base/storage-errors.ts";
import type { BlobStore } from "../blob/blob-store.ts";
import { openDirectoryBlobStore } from "../blob/directory.ts";
import type { Database } from "../catalog/database.ts";
import { usedBackend } from "../catalog/queries/objects.ts";
import { openDatabase } from "./open-database.ts";
import type { StorageSettings } from "./storage-settings.ts";
import type { StoreSettings } from "./store-settings.ts";

export interface StoreOptions {
  readonly directory: string;
  /** Make a store that is missing. Without it a missing store is `store.load`. */
  readonly create: boolean;
  readonly settings: StoreSettings;
  /** Where the bytes are; in the directory when absent. */
  readonly storage?: StorageSettings;
  readonly clock?: Clock;
}

/** What a store is made of. Whoever opens them closes both. */
export interface StoreParts {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly clock: Clock;
}

/**
 * Opens a store's database and its bytes: the database its settings name (`dist.db` in its directory, if nothing else) and the
 * objects in the directory or a bucket. Raises what `openStore` raises.
 */
export async function openStoreParts(options: StoreOptions): Promise<StoreParts> {
  const directory = resolve(options.directory);
  const clock = options.clock ?? systemClock;
  if (options.create) await makeDirectory(directory);
  const { create, settings } = options;
  const database = await openDatabase(settings.database, { directory, create, clock });
  const blobs = await openBlobStore(directory, options.storage);
  try {
    await requireSameStorage(database, blobs);
  } catch (error) {
    await Promise.all([database.close(), blobs.close()]);
    throw error;
  }
  return { database, blobs, clock };
}

/** Somebody changed the settings and not the place of the bytes: every download would fail, and every upload be alone there. */
async function requireSameStorage(database: Database, blobs: BlobStore): Promise<void> {
  const used = await database.first(usedBackend, {});
  if (used === undefined || used.backend === blobs.backend) return;
  throw storageErrors.error(
    "store.other_storage",
    `The store's bytes are in ${placeNames[used.backend] ?? used.backend}, and ${placeNames[blobs.backend] ?? blobs.backend} is configured.`,
    {
      details: { used: used.backend, configured: blobs.backend },
      hint: "Set storage.kind to what it was; dist store migrate moves a store to another place.",
    },
  );
}

const placeNames: Readonly<Record<string, string>> = { directory: "a directory", s3: "an object store" };

/** The S3 adapter is loaded for stores that need it only. */
export async function openBlobStore(
  directory: string,
  storage: StorageSettings | undefined,
): Promise<BlobStore> {
  if (storage === undefined || storage.kind === "directory") return openDirectoryBlobStore({ directory });
  const { openS3BlobStore } = await import("../blob/s3/s3.ts");
  return openS3BlobStore({ ...storage, spoolDirectory: spoolOf(directory, storage) });
}

/** Where parts of uploads wait until the object store has them. */
export function spoolOf(directory: string, { spoolDirectory }: { spoolDirectory: string | null }): string {
  return spoolDirectory ?? join(directory, "spool");
}

/**
 * Makes the directory and syncs the parent of every directory made. One that stood there may have been made a moment ago by
 * a process that did not live to sync it, so its own parent is synced in any case.
 */
async function makeDirectory(directory: string): Promise<void> {
  try {
    const first = (await mkdir(directory, { recursive: true })) ?? directory;
    for (let made = directory; made.length >= first.length; made = dirname(made)) await syncParent(made);
  } catch (cause) {
    throw storageErrors.error(
      errnoOf(cause) === "ENOSPC" ? "store.full" : "store.read_only",
      `The store directory ${directory} cannot be made (${errnoOf(cause)}).`,
      { cause, details: { directory } },
    );
  }
}

async function syncParent(directory: string): Promise<void> {
  try {
    await syncDirectory(dirname(directory));
  } catch (error) {
    // A parent this user may not open was not changed by this user either.
    if (errnoOf(error) !== "EACCES") throw error;
  }
}
