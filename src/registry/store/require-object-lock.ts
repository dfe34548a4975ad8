import type { BlobAbilities } from "../../blob/blob-store.ts";
import { noObjectLock } from "../../blob/errors.ts";
import type { StoreSettings } from "../store-settings.ts";

/** Raises `blob.no_object_lock` when objects are to be locked and their place was found to have no such thing. */
export function requireObjectLock(
  { lockAheadMs }: Pick<StoreSettings, "lockAheadMs">,
  abilities: BlobAbilities | null,
): void {
  if (lockAheadMs !== null && abilities?.object_lock !== true) throw noObjectLock();
}
