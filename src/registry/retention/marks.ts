import type { Transaction } from "../../catalog/database.ts";
import { releaseById } from "../../catalog/queries/releases.ts";
import { retentionStateOf } from "../../catalog/queries/retention.ts";
import { planOf } from "./plan.ts";

interface MarkedPackage {
  readonly id: string;
  readonly app_id: string | null;
}

/**
 * Records that a package is needed again, if it was recorded that it may go and something keeps it now. Whatever may bring a package
 * back calls this in its own transaction: holds, extensions, moves of channels. Answers whether it was.
 */
export async function recordNeededAgain(tx: Transaction, found: MarkedPackage): Promise<boolean> {
  const state = await tx.first(retentionStateOf, { package_id: found.id });
  if (state === undefined || state.marked_at === null) return false;
  const { action, reasons } = await planOf(tx, found, tx.now);
  if (action === "delete") return false;
  await tx.record({
    type: "v1.retention.deletion_ineligible",
    subject: found.id,
    data: { app_id: found.app_id, package_id: found.id, rules: reasons.map(({ rule }) => rule) },
  });
  return true;
}

/** The same of the package that a release is. */
export async function recordReleaseNeededAgain(tx: Transaction, releaseId: string): Promise<void> {
  const release = (await tx.first(releaseById, { id: releaseId }))!;
  await recordNeededAgain(tx, { id: release.package_id, app_id: release.app_id });
}

/** Records that a package may go, if that is so and was not recorded. Answers whether it was recorded now. */
export async function recordEligible(tx: Transaction, found: MarkedPackage): Promise<boolean> {
  const state = await tx.first(retentionStateOf, { package_id: found.id });
  if (state !== undefined && state.marked_at !== null) return false;
  const { action, reasons } = await planOf(tx, found, tx.now);
  if (action === "keep") return false;
  await tx.record({
    type: "v1.retention.deletion_eligible",
    subject: found.id,
    data: { app_id: found.app_id, package_id: found.id, rules: reasons.map(({ rule }) => rule) },
  });
  return true;
}
