import { dropOldAppDownloads, dropOldDownloads } from "../../catalog/queries/downloads.ts";
import { dropExpiredAnswers } from "../../catalog/queries/idempotency.ts";
import { dropExpiredLeases } from "../../catalog/queries/objects.ts";
import { dropExpiredSessions } from "../../catalog/queries/sessions.ts";
import type { Context } from "../context.ts";
import { dayBefore, DOWNLOAD_DAYS } from "../statistics/days.ts";

/**
 * Drops the rows of state whose time is over: leases, answers kept for repeated requests, sessions, counts of downloads. Nothing reads them any more, so
 * there is no event. Resolves to how many rows went.
 */
export function dropExpiredState({ database, principal }: Context): Promise<number> {
  return database.write(principal, async (tx) => {
    const leases = await tx.run(dropExpiredLeases, { now: tx.now });
    const answers = await tx.run(dropExpiredAnswers, { now: tx.now });
    const sessions = await tx.run(dropExpiredSessions, { now: tx.now });
    const before = dayBefore(tx.nowMs, DOWNLOAD_DAYS);
    await tx.run(dropOldAppDownloads, { before });
    return leases + answers + sessions + (await tx.run(dropOldDownloads, { before }));
  });
}
