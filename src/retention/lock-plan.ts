import { fromTimestamp, toTimestamp } from "../base/clock.ts";

/**
 * How far the bytes of a package are to be locked where they are kept. A lock is a promise that nobody can take back, so what has no
 * end (a hold, a class that never ends) is locked a while ahead, and further as long as it lasts.
 */

/** A date beyond this is renewed up to like what has no end: stores count seconds in 32 bits (to 2106), and do not say so. */
const FAR_MS = 50 * 365 * 24 * 3600 * 1000;

export interface LockFacts {
  readonly retention_class: string | null;
  /** Of class and extensions; null never ends, or, without a class, grants nothing. */
  readonly current_expires_at: string | null;
  readonly active_holds: number;
}

/** Times are RFC 3339 UTC with milliseconds. */
export interface LockPlan {
  /** As far as it is locked when it is. */
  readonly until: string;
  /** A lock that ends before this is to reach further: the date, or half of what is locked ahead. */
  readonly renewBelow: string;
  /** One that ends before this is not what was promised; half of the time between is for the work to be done. */
  readonly pendingBelow: string;
  /** Whether it is to be renewed before it runs out. */
  readonly hasNoEnd: boolean;
}

/** Null for a package that nothing keeps by itself: its windows, if it is a release, may end with the next promotion. */
export function planLock(facts: LockFacts, nowMs: number, aheadMs: number): LockPlan | null {
  const { retention_class: retentionClass, current_expires_at: expiresAt, active_holds: holds } = facts;
  const leftMs = expiresAt === null ? 0 : fromTimestamp(expiresAt) - nowMs;
  const hasNoEnd = holds > 0 || leftMs > FAR_MS || (retentionClass !== null && expiresAt === null);
  const dateMs = leftMs > FAR_MS ? 0 : leftMs;
  if (!hasNoEnd && dateMs <= 0) return null;
  const atLeast = (ms: number) => toTimestamp(nowMs + Math.max(dateMs, hasNoEnd ? ms : 0));
  return {
    until: atLeast(aheadMs),
    renewBelow: atLeast(aheadMs / 2),
    pendingBelow: atLeast(aheadMs / 4),
    hasNoEnd,
  };
}
