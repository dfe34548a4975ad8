import { describe, expect, it } from "vitest";

import { countAttempts } from "./attempts.ts";

describe("countAttempts", () => {
  it("lets 20 failures pass and makes the address wait for the rest of its minute", () => {
    let nowMs = 0;
    const attempts = countAttempts(() => nowMs, 1);
    for (let failure = 0; failure < 20; failure += 1) {
      expect(attempts.waitSeconds("192.0.2.1")).toBe(0);
      attempts.failed("192.0.2.1");
    }
    expect(attempts.waitSeconds("192.0.2.1")).toBe(60);
    expect(attempts.waitSeconds("192.0.2.2")).toBe(0);
    nowMs = 59_500;
    expect(attempts.waitSeconds("192.0.2.1")).toBe(1);
    nowMs = 60_000;
    expect(attempts.waitSeconds("192.0.2.1")).toBe(0);
  });

  it.each([
    [2, 10],
    [3, 7],
    [64, 1],
  ])("lets each of %i workers take %i of them", (workers, share) => {
    const attempts = countAttempts(() => 0, workers);
    for (let failure = 0; failure < share; failure += 1) {
      expect(attempts.waitSeconds("192.0.2.1")).toBe(0);
      attempts.failed("192.0.2.1");
    }
    expect(attempts.waitSeconds("192.0.2.1")).toBe(60);
  });

  it.each([
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 60],
    ["2001:db8::1", "2001:0db8:0:0:1::", 60],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", 0],
    ["::1", "1::", 0],
  ])("takes %s and %s for one customer or two", (failing, other, waitSeconds) => {
    const attempts = countAttempts(() => 0, 1);
    for (let failure = 0; failure < 20; failure += 1) attempts.failed(failing);
    expect(attempts.waitSeconds(other)).toBe(waitSeconds);
  });

  // Without a bound a scan from many addresses would fill the memory.
  it("forgets the longest known address when it knows 10,000", () => {
    const attempts = countAttempts(() => 0, 1);
    for (let failure = 0; failure < 20; failure += 1) attempts.failed("first");
    for (let other = 1; other < 10_000; other += 1) attempts.failed(`other ${other}`);
    expect(attempts.waitSeconds("first")).toBe(60);
    attempts.failed("one more");
    expect(attempts.waitSeconds("first")).toBe(0);
  });
});
