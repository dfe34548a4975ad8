import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDuration, durationSeconds, parseDuration, parseDurationOrNever } from "./duration.ts";

const after = (timestamp: string, text: string): string =>
  new Date(addDuration(Date.parse(timestamp), parseDuration(text))).toISOString();

describe("parseDuration", () => {
  it.each([
    ["2s", 2, "s"],
    ["15m", 15, "m"],
    ["24h", 24, "h"],
    ["180d", 180, "d"],
    ["2w", 2, "w"],
    ["7y", 7, "y"],
    ["1000y", 1000, "y"],
    ["365242d", 365_242, "d"],
    ["31556952000s", 31_556_952_000, "s"],
  ])("reads %s", (text, count, unit) => {
    expect(parseDuration(text)).toEqual({ count, unit });
  });

  it.each([
    "",
    "s",
    "5",
    "0s",
    "00s",
    "-1s",
    "+1s",
    "01h",
    "1.5h",
    "1e3s",
    "1h30m",
    "24 h",
    " 24h",
    "24h\n",
    "24H",
    "1M",
    "1ms",
    "1µs",
    "1year",
    "never",
    "P1D",
    "\u0661s",
    "0x1s",
  ])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow(
      expect.objectContaining({ code: "duration.invalid", kind: "invalid", details: { duration: text } }),
    );
  });

  it.each(["1001y", "365243d", "52178w", "31556952001s", "999999999999999w", "9".repeat(400) + "s"])(
    "refuses %s, beyond 1000 years",
    (text) => {
      expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: "duration.invalid" }));
    },
  );
});

describe("parseDurationOrNever", () => {
  it("reads never as null and the rest as durations", () => {
    expect(parseDurationOrNever("never")).toBeNull();
    expect(parseDurationOrNever("3y")).toEqual({ count: 3, unit: "y" });
    expect(() => parseDurationOrNever("Never")).toThrow(
      expect.objectContaining({ code: "duration.invalid" }),
    );
  });
});

describe("addDuration", () => {
  it.each([
    ["2024-02-29T12:34:56.789Z", "1y", "2025-02-28T12:34:56.789Z"],
    ["2024-02-29T23:59:59.999Z", "4y", "2028-02-29T23:59:59.999Z"],
    ["2096-02-29T00:00:00.000Z", "4y", "2100-02-28T00:00:00.000Z"],
    ["2023-02-28T00:00:00.000Z", "1y", "2024-02-28T00:00:00.000Z"],
    ["2023-12-31T23:59:59.999Z", "7y", "2030-12-31T23:59:59.999Z"],
    ["2026-11-20T15:00:00.000Z", "1000y", "3026-11-20T15:00:00.000Z"],
    // Through the night in which much of the world changes its clocks: UTC does not.
    ["2026-03-28T12:00:00.000Z", "1d", "2026-03-29T12:00:00.000Z"],
    ["2024-02-29T12:00:00.000Z", "365d", "2025-02-28T12:00:00.000Z"],
    ["2026-11-20T15:00:00.000Z", "2s", "2026-11-20T15:00:02.000Z"],
    ["2026-11-20T15:00:00.000Z", "90m", "2026-11-20T16:30:00.000Z"],
    ["2026-11-20T15:00:00.000Z", "24h", "2026-11-21T15:00:00.000Z"],
    ["2026-11-20T15:00:00.000Z", "2w", "2026-12-04T15:00:00.000Z"],
  ])("%s + %s is %s", (timestamp, text, expected) => {
    expect(after(timestamp, text)).toBe(expected);
  });

  it("never shortens: a longer duration of the same unit ends later, and every one ends after its start", () => {
    const starts = fc.date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true });
    const units = fc.constantFrom("s", "m", "h", "d", "w", "y" as const);
    fc.assert(
      fc.property(starts, units, fc.integer({ min: 1, max: 999 }), (start, unit, count) => {
        const end = addDuration(start.getTime(), { count, unit });
        expect(end).toBeGreaterThan(start.getTime());
        expect(addDuration(start.getTime(), { count: count + 1, unit })).toBeGreaterThan(end);
      }),
    );
  });
});

describe("durationSeconds", () => {
  it("gives the seconds of fixed units", () => {
    expect(["2s", "3m", "24h", "7d", "2w"].map((text) => durationSeconds(parseDuration(text)))).toEqual([
      2, 180, 86_400, 604_800, 1_209_600,
    ]);
  });

  it("refuses years, whose length depends on when they start", () => {
    expect(() => durationSeconds(parseDuration("2y"))).toThrow(
      expect.objectContaining({ code: "duration.not_fixed", kind: "invalid", details: { duration: "2y" } }),
    );
  });
});
