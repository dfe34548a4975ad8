import { isIPv6 } from "node:net";

/** Failures that an address is allowed within `WINDOW_MS`, by all workers together; the next attempt is refused. */
const MAX_FAILURES = 20;
const WINDOW_MS = 60_000;
/** Addresses remembered: an attacker with many addresses must not fill the memory. The longest known is forgotten first. */
const MAX_ADDRESSES = 10_000;

/** Failed credentials by client address. */
export interface Attempts {
  /** Seconds until the address may try again; 0 when it may now. */
  waitSeconds(address: string): number;
  failed(address: string): void;
}

/**
 * Counts failures in windows of a minute that begin with an address's first failure. One of several workers sees a part of an
 * address's attempts, and allows that part of the failures, rounded up.
 */
export function countAttempts(nowMs: () => number, workers: number): Attempts {
  const maxFailures = Math.ceil(MAX_FAILURES / workers);
  const windows = new Map<string, { startMs: number; failures: number }>();
  const current = (key: string) => {
    const found = windows.get(key);
    if (found === undefined || Math.abs(nowMs() - found.startMs) < WINDOW_MS) return found;
    windows.delete(key);
    return undefined;
  };
  return {
    waitSeconds: (address) => {
      const window = current(keyOf(address));
      if (window === undefined || window.failures < maxFailures) return 0;
      return Math.max(1, Math.ceil((window.startMs + WINDOW_MS - nowMs()) / 1000));
    },
    failed: (address) => {
      const key = keyOf(address);
      const window = current(key);
      if (window !== undefined) {
        window.failures += 1;
        return;
      }
      const [oldest] = windows.keys();
      if (windows.size >= MAX_ADDRESSES && oldest !== undefined) windows.delete(oldest);
      windows.set(key, { startMs: nowMs(), failures: 1 });
    },
  };
}

/** One customer of IPv6 has a /64 at least: every address in it counts as one. */
function keyOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const missing = 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  return [...groups, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...tail.split(":")]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
