import { setTimeout as sleep } from "node:timers/promises";

import { Transient } from "./failures.ts";

/** How long the client waits for what. Tests wait less. */
export interface Timing {
  /** The wait before the second attempt; doubled before each further one. */
  readonly firstWaitMs: number;
  /** All waits of one request together. Time spent sending does not count: a large upload may be cut at its end. */
  readonly totalWaitMs: number;
  /** The longest silence on a connection. Not for reports on the store, which work in silence. */
  readonly idleMs: number;
}

export const defaultTiming: Timing = { firstWaitMs: 250, totalWaitMs: 60_000, idleMs: 120_000 };

const maxAttempts = 5;
const maxWaitMs = 10_000;

/**
 * Runs `attempt` until it does not fail with `Transient`, at most five times, with growing waits. What is not `repeatable` runs again
 * only when the server certainly did nothing. Work that gets further each time says how far in `progress`: it is given all of the waiting
 * time, and that anew whenever it got further. Raises the last error, or the signal's reason.
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  options: {
    timing: Timing;
    repeatable: boolean;
    signal?: AbortSignal | undefined;
    progress?: () => number;
  },
): Promise<T> {
  const { timing, repeatable, signal, progress } = options;
  let leftMs = timing.totalWaitMs;
  let reached = progress?.();
  for (let count = 1; ; count += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Transient)) throw error;
      const now = progress?.();
      if (now !== undefined && now > (reached ?? 0)) {
        [reached, count, leftMs] = [now, 1, timing.totalWaitMs];
      }
      const waitMs = error.afterMs ?? jittered(Math.min(timing.firstWaitMs * 2 ** (count - 1), maxWaitMs));
      const isLast = progress === undefined && count === maxAttempts;
      if (!(repeatable || error.isUntouched) || isLast || waitMs > leftMs) throw error.error;
      leftMs -= waitMs;
      // Rejects only when the signal aborts; its own reason is raised above.
      await sleep(waitMs, undefined, { ...(signal && { signal }) }).catch(() => {});
    }
  }
}

/** Half to all of `ms`: clients that failed together do not come back together. */
function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}
