import type { Logger } from "pino";

import { pause } from "../../base/async.ts";
import { JOB_LEASE_MS, type JobLeases } from "../../registry/store/job-leases.ts";
import type { Job } from "./job.ts";
import { runWithLease } from "./run-with-lease.ts";

/** Up to this part of a wait is added at random: servers that started together do not work in step. */
const JITTER = 0.1;

/** Jobs that are run until they are stopped. */
export interface RunningJobs {
  /** Starts none any more and aborts those that run; resolves when these have ended. */
  stop(): Promise<void>;
}

/**
 * Runs each job whenever its interval has passed since any server of the store last ran it, as far as the job's lease is this
 * server's to take; so one runs it at a time, and another goes on when that one dies. A run that fails is logged, and the
 * job has its next turn all the same.
 */
export function startJobs(jobs: readonly Job[], leases: JobLeases, log: Logger): RunningJobs {
  const stopping = new AbortController();
  const loops = jobs.map((job) => repeat(job, leases, log, stopping.signal));
  log.info({ jobs: jobs.map(({ name }) => name) }, "jobs scheduled");
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

async function repeat(job: Job, leases: JobLeases, log: Logger, signal: AbortSignal): Promise<void> {
  let waitMs = 0;
  while (await pause(waitMs * (1 + Math.random() * JITTER), signal)) {
    try {
      waitMs = await takeTurn(job, leases, log, signal);
    } catch (error) {
      log.error({ job: job.name, err: error }, "job lease failed");
      waitMs = Math.min(job.intervalMs, JOB_LEASE_MS);
    }
  }
}

/** Runs the job if that is this server's to do now; answers how long to wait before asking again, in milliseconds. */
async function takeTurn(job: Job, leases: JobLeases, log: Logger, signal: AbortSignal): Promise<number> {
  const askedMs = performance.now();
  const turn = await leases.take(job.name, job.intervalMs);
  if (!turn.taken) return turn.waitMs;
  await runWithLease(job, { leases, log, signal, leaseEndsMs: askedMs + JOB_LEASE_MS });
  return job.intervalMs;
}
