import { fromTimestamp, toTimestamp } from "../../base/clock.ts";
import { extendJobLease, insertJob, jobByName, releaseJob, startJob } from "../../catalog/queries/jobs.ts";
import type { JobTable } from "../../catalog/tables.ts";
import type { Context } from "../context.ts";
import { systemPrincipal } from "../principal.ts";

/** How long a process may be silent before another takes its job over. */
export const JOB_LEASE_MS = 60_000;
/** A time further ahead was written before somebody set the clock back, and holds nobody up. */
const MAX_AHEAD_MS = 2 * JOB_LEASE_MS;

/** What came of asking for a job: its lease, or how long to wait before asking again. */
export type JobTurn = { readonly taken: true } | { readonly taken: false; readonly waitMs: number };

/**
 * Who runs a background job: of all processes on a store, on whatever machine, the one that holds the job's lease. Times are the
 * database's; leases are state, so nothing here records an event. All of it raises what a write transaction raises.
 */
export interface JobLeases {
  /**
   * Takes the job's lease for `JOB_LEASE_MS` when nobody holds it and the interval has passed since any process last finished it,
   * or at once when its last run never came to an end.
   */
  take(name: string, intervalMs: number): Promise<JobTurn>;
  /** Holds the lease for another `JOB_LEASE_MS` from now on. False when it is another's by now. */
  extend(name: string): Promise<boolean>;
  /** Gives the lease back, if it still is this process's. A run that was cut short (`finished` false) is due at once, for anybody. */
  release(name: string, finished: boolean): Promise<void>;
}

/** The leases as this process, known as `holder`, takes them. */
export function jobLeases({ database }: Pick<Context, "database">, holder: string): JobLeases {
  return {
    take: (name, intervalMs) =>
      database.write(systemPrincipal, async (tx): Promise<JobTurn> => {
        const job = await tx.first(jobByName, { name });
        if (job === undefined) await tx.run(insertJob, { name, now: tx.now });
        const waitMs = job === undefined ? intervalMs : untilDueMs(job, intervalMs, tx.nowMs);
        if (waitMs > 0) return { taken: false, waitMs };
        const lease_until = toTimestamp(tx.nowMs + JOB_LEASE_MS);
        await tx.run(startJob, { name, holder, now: tx.now, lease_until });
        return { taken: true };
      }),
    extend: (name) =>
      database.write(systemPrincipal, async (tx) => {
        const lease_until = toTimestamp(tx.nowMs + JOB_LEASE_MS);
        return (await tx.run(extendJobLease, { name, holder, lease_until })) > 0;
      }),
    release: (name, finished) =>
      database.write(systemPrincipal, async (tx) => {
        await tx.run(releaseJob, { name, holder, finished_at: finished ? tx.now : null });
      }),
  };
}

/** 0 when it may be taken now. */
function untilDueMs({ lease_until, finished_at }: JobTable, intervalMs: number, nowMs: number): number {
  if (lease_until !== null) return remainingMs(fromTimestamp(lease_until), MAX_AHEAD_MS, nowMs);
  if (finished_at === null) return 0;
  return remainingMs(fromTimestamp(finished_at) + intervalMs, MAX_AHEAD_MS + intervalMs, nowMs);
}

function remainingMs(untilMs: number, mostMs: number, nowMs: number): number {
  const aheadMs = untilMs - nowMs;
  return aheadMs > mostMs ? 0 : Math.max(0, aheadMs);
}
