import type { Logger } from "pino";

import { pause } from "../../base/async.ts";
import { JOB_LEASE_MS, type JobLeases } from "../../registry/store/job-leases.ts";
import type { Job } from "./job.ts";

/** Often enough that one extension may fail, and another be slow. */
const EXTEND_EVERY_MS = JOB_LEASE_MS / 3;

export interface HeldLease {
  readonly leases: JobLeases;
  readonly log: Logger;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
  /** When the lease ends unless it is extended, by `performance.now()`: counted from before it was asked for. */
  readonly leaseEndsMs: number;
}

/**
 * Runs a job whose lease was taken, extends the lease meanwhile and gives it back. The run is aborted when the lease is lost: to another, or
 * because the database could not be asked in time. Resolves when the run has ended, however it did; raises what giving the lease
 * back raises.
 */
export async function runWithLease(job: Job, held: HeldLease): Promise<void> {
  const { leases, log, signal } = held;
  const lease = new KeptLease(job.name, held);
  const aborting = AbortSignal.any([signal, lease.lost]);
  const startedMs = performance.now();
  try {
    await job.run(aborting);
  } catch (error) {
    if (!aborting.aborted) log.error({ job: job.name, err: error }, "job failed");
  }
  await lease.stop();
  const duration_ms = Math.round(performance.now() - startedMs);
  if (lease.lost.aborted) log.warn({ job: job.name, duration_ms }, "job lost its lease");
  else log.info({ job: job.name, duration_ms }, "job ended");
  // A failure has had its turn; what was cut short is left for another.
  await leases.release(job.name, !aborting.aborted);
}

class KeptLease {
  readonly #name: string;
  readonly #held: HeldLease;
  readonly #lost = new AbortController();
  readonly #stopping = new AbortController();
  readonly #extending: Promise<void>;
  #end: NodeJS.Timeout;

  constructor(name: string, held: HeldLease) {
    this.#name = name;
    this.#held = held;
    this.#end = this.#endAt(held.leaseEndsMs);
    this.#extending = this.#extend();
  }

  /** Aborted once somebody else may run the job. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#extending;
    clearTimeout(this.#end);
  }

  /** A timer of its own: an extension may wait longer for the database than the lease lasts. */
  #endAt(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#lost.abort(), ms - performance.now());
  }

  async #extend(): Promise<void> {
    const { leases, log } = this.#held;
    const ended = AbortSignal.any([this.#stopping.signal, this.lost]);
    while (await pause(EXTEND_EVERY_MS, ended)) {
      const askedMs = performance.now();
      try {
        if (!(await leases.extend(this.#name))) return this.#lost.abort();
        clearTimeout(this.#end);
        this.#end = this.#endAt(askedMs + JOB_LEASE_MS);
      } catch (error) {
        log.warn({ job: this.#name, err: error }, "job lease not extended");
      }
    }
  }
}
