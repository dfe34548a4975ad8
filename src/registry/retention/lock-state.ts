import { fromTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import { packageLockOf } from "../../catalog/queries/locks.ts";
import type { PackageTable, RetentionStateTable } from "../../catalog/tables.ts";
import { planLock } from "../../retention/lock-plan.ts";
import type { Context } from "../context.ts";
import type { RetentionRecord } from "../records/packages.ts";

/** How far the object store locks a package's bytes, against how far retention wants it now. */
export async function lockState(
  reader: Reader,
  { settings }: Pick<Context, "settings">,
  { id, deleted_at }: PackageTable,
  { state, now }: { readonly state: RetentionStateTable | undefined; readonly now: string },
): Promise<Pick<RetentionRecord, "lock" | "locked_until">> {
  const { lockAheadMs: aheadMs } = settings;
  if (aheadMs === null || deleted_at !== null) return { lock: null, locked_until: null };
  const until = (await reader.first(packageLockOf, { package_id: id }))?.locked_until ?? null;
  const plan = state === undefined ? null : planLock(state, fromTimestamp(now), aheadMs);
  const wanted = plan?.pendingBelow ?? now;
  if (until !== null && until > now && until >= wanted) return { lock: "applied", locked_until: until };
  return { lock: plan === null ? null : "pending", locked_until: until };
}
