/** For how many days, today among them, downloads are known. */
export const DOWNLOAD_DAYS = 400;

const DAY_MS = 24 * 3600 * 1000;

/** The day of a moment, UTC: `2026-11-20`. Sorts as text. */
export function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}

/** The day so many days before that of a moment. */
export function dayBefore(epochMs: number, days: number): string {
  return dayOf(epochMs - days * DAY_MS);
}
