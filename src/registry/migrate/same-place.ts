import { randomUUID } from "node:crypto";

import { toTimestamp } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import type { BlobStore } from "../../blob/blob-store.ts";
import type { Database } from "../../catalog/database.ts";
import { dropLease, leaseOf, putLease } from "../../catalog/queries/objects.ts";
import { logHead } from "../../catalog/transaction.ts";
import { migrationErrors } from "../errors.ts";
import type { StoreParts } from "../open-store-parts.ts";
import { systemPrincipal } from "../principal.ts";

/**
 * Raises `migration.same_place` when two stores have one database, or keep their bytes in one place: each one's cleanup would
 * delete the other's. Found out by leaving a mark on one side and looking for it on the other, for one place has many names.
 */
export async function requireOtherPlace(source: StoreParts, target: StoreParts): Promise<void> {
  if (await haveOneDatabase(source.database, target.database)) {
    throw samePlace("database", "Source and target have the same database.");
  }
  if (await haveOneStorage(source.blobs, target.blobs)) {
    throw samePlace("storage", "Source and target keep their bytes in the same place.");
  }
}

async function haveOneDatabase(source: Database, target: Database): Promise<boolean> {
  const logOf = async (database: Database) => (await database.first(logHead, {}))!.log_id;
  if ((await logOf(source)) !== (await logOf(target))) return false;
  // A lease that has ended protects nothing, and if it is left behind by a crash it goes with the others.
  const mark = { sha256: "0".repeat(64), principal: `migration:${randomUUID()}` };
  await target.write(systemPrincipal, (tx) => tx.run(putLease, { ...mark, expires_at: toTimestamp(0) }));
  try {
    return (await source.first(leaseOf, mark)) !== undefined;
  } finally {
    await target.write(systemPrincipal, (tx) => tx.run(dropLease, mark));
  }
}

async function haveOneStorage(source: BlobStore, target: BlobStore): Promise<boolean> {
  if (source.backend !== target.backend) return false;
  const mark = newId("upl");
  const staging = await target.begin(mark);
  try {
    await staging.write(Buffer.of(0));
    await staging.sync();
    for await (const { uploadId } of source.listStaging()) if (uploadId === mark) return true;
    return false;
  } finally {
    await staging.close();
    await target.discard(mark);
  }
}

function samePlace(what: "database" | "storage", message: string) {
  return migrationErrors.error("migration.same_place", message, {
    details: { what },
    hint: `Give the target a ${what} of its own in its dist.toml.`,
  });
}
