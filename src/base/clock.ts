/** Where time comes from. Injected, so that tests move it; nothing else reads the machine's clock. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { nowMs: () => Date.now() };

/** RFC 3339 UTC text with exactly three fractional digits: `2026-11-20T15:00:00.000Z`. Sorts as text. */
export function toTimestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** The inverse of `toTimestamp`. */
export function fromTimestamp(timestamp: string): number {
  return Date.parse(timestamp);
}
