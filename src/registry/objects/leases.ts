import type { Reader, Transaction } from "../../catalog/database.ts";
import { dropLease, leaseOf, locationOf } from "../../catalog/queries/objects.ts";
import type { StorageLocationTable } from "../../catalog/tables.ts";
import { objectErrors } from "../errors.ts";
import type { Principal } from "../principal.ts";
import { isNamedFor } from "./read-objects.ts";

/** Whose leases are whose: tokens by id, people by name. */
export function leaseHolder(principal: Principal): string {
  return principal.actorId ?? principal.actor;
}

/**
 * A digest is not a permission: bytes that are present are known to somebody who holds a live lease on them, or who may read
 * something that refers to them.
 */
export async function isKnownTo(
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
