import type { Logger } from "pino";

import { pause } from "../../base/async.ts";

/** Something to do again and again while the server runs. */
export interface Job {
  /** As logs call it. */
  readonly name: string;
  readonly intervalMs: number;
  /** Does it once. Should end soon when the signal is aborted; what it then raises is not a failure. */
  run(signal: AbortSignal): Promise<void>;
}

/** Up to this part of the interval is added at random: servers that started together do not work in step. */
const JITTER = 0.1;

/** Jobs that are run until they are stopped. */
export interface RunningJobs {
  /** Starts none any more and aborts those that run; resolves when these have ended. */
  stop(): Promise<void>;
}

/**
 * Runs each job whenever its interval has passed since the start or since its last run ended; never twice at a time. One that
 * fails is logged, and has its next turn all the same. Only one process of a store should.
 */
export function startJobs(jobs: readonly Job[], log: Logger): RunningJobs {
  const stopping = new AbortController();
  const loops = jobs.map((job) => repeat(job, log, stopping.signal));
  log.info({ jobs: jobs.map(({ name }) => name) }, "jobs scheduled");
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

async function repeat(job: Job, log: Logger, signal: AbortSignal): Promise<void> {
  while (await pause(job.intervalMs * (1 + Math.random() * JITTER), signal)) {
    try {
      await job.run(signal);
    } catch (error) {
      if (!signal.aborted) log.error({ job: job.name, err: error }, "job failed");
    }
  }
}
