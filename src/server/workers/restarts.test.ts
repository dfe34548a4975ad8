import { describe, expect, it } from "vitest";

import { Restarts } from "./restarts.ts";

const pauses = (...servedMs: readonly number[]) => {
  const restarts = new Restarts();
  return servedMs.map((ms) => restarts.pauseAfter(ms));
};

describe("Restarts", () => {
  it("waits longer after each worker that ended at once, and gives up after five", () => {
    expect(pauses(0, 0, 1_999, 0, 0, 0)).toEqual([100, 200, 400, 800, 1_600, undefined]);
  });

  // A worker that dies of a rare request every few minutes must not end the server after the sixth.
  it("begins anew after one that served for a while", () => {
    expect(pauses(0, 0, 0, 0, 0, 2_000, 0, 0)).toEqual([100, 200, 400, 800, 1_600, 100, 100, 200]);
    expect(pauses(...Array.from({ length: 20 }, () => 60_000))).not.toContain(undefined);
  });
});
