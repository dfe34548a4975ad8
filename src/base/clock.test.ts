import { expect, it } from "vitest";
import { fromTimestamp, systemClock, toTimestamp } from "./clock.ts";

it("tells the time in milliseconds", () => {
  const before = Date.now();
  const nowMs = systemClock.nowMs();
  expect(nowMs).toBeGreaterThanOrEqual(before);
  expect(nowMs).toBeLessThanOrEqual(Date.now());
});

it("writes timestamps in UTC with exactly three fractional digits, and reads them back", () => {
  const epochMs = Date.UTC(2026, 10, 20, 15, 0, 0, 7);
  expect(toTimestamp(epochMs)).toBe("2026-11-20T15:00:00.007Z");
  expect(toTimestamp(epochMs - 7)).toBe("2026-11-20T15:00:00.000Z");
  expect(fromTimestamp(toTimestamp(epochMs))).toBe(epochMs);
});

it("writes timestamps that sort as the times do", () => {
  const times = [0, 999, 1000, Date.UTC(2026, 0, 9), Date.UTC(2026, 9, 1), Date.UTC(9999, 11, 31)];
  expect(times.map(toTimestamp).toSorted()).toEqual(times.map(toTimestamp));
});
