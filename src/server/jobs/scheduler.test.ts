import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Job, startJobs } from "./scheduler.ts";

const HOUR_MS = 3600 * 1000;

let lines: { readonly level: number; readonly msg: string; readonly job?: string }[];
const log = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) });
const failures = () => lines.filter(({ msg }) => msg === "job failed");

beforeEach(() => {
  lines = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const hourly = (name: string, run: Job["run"]): Job => ({ name, intervalMs: HOUR_MS, run });

describe("startJobs", () => {
  it("runs a job after its interval and not before, again and again", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const run = vi.fn(async () => {});
    const jobs = startJobs([hourly("a", run)], log);
    await vi.advanceTimersByTimeAsync(HOUR_MS - 1);
    expect(run).toHaveBeenCalledTimes(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(3 * HOUR_MS);
    expect(run).toHaveBeenCalledTimes(4);
    await jobs.stop();
  });

  it("adds up to a tenth of the interval at random", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const run = vi.fn(async () => {});
    const jobs = startJobs([hourly("a", run)], log);
    await vi.advanceTimersByTimeAsync(1.05 * HOUR_MS - 1);
    expect(run).toHaveBeenCalledTimes(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(run).toHaveBeenCalledTimes(1);
    await jobs.stop();
  });

  it("waits for a run that takes longer than the interval, while others have their turns", async () => {
    let [runs, atOnce, most] = [0, 0, 0];
    const slow = hourly("slow", async () => {
      runs += 1;
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, 3 * HOUR_MS));
      atOnce -= 1;
    });
    const quick = vi.fn(async () => {});
    const jobs = startJobs([slow, hourly("quick", quick)], log);
    await vi.advanceTimersByTimeAsync(9 * HOUR_MS);
    expect([runs, most]).toEqual([2, 1]);
    expect(quick.mock.calls.length).toBeGreaterThan(7);
    const stopped = jobs.stop();
    await vi.advanceTimersByTimeAsync(3 * HOUR_MS);
    await stopped;
  });

  it("logs a failure under the job's name and goes on", async () => {
    const run = vi.fn(async () => {
      throw new Error("the disk is gone");
    });
    const jobs = startJobs([hourly("a", run)], log);
    await vi.advanceTimersByTimeAsync(3 * HOUR_MS);
    expect(run).toHaveBeenCalledTimes(2);
    expect(failures()).toMatchObject([
      { job: "a", level: 50, err: { message: "the disk is gone" } },
      { job: "a" },
    ]);
    await jobs.stop();
  });

  it("stops by aborting the run under way and waiting for its end; what that raises is no failure", async () => {
    let end = (): void => {};
    const waiting = hourly("a", (signal) => {
      signal.addEventListener("abort", () => lines.push({ level: 0, msg: "aborted" }));
      return new Promise((_resolve, reject) => {
        end = () => reject(new Error("aborted"));
      });
    });
    const jobs = startJobs([waiting, hourly("b", async () => {})], log);
    await vi.advanceTimersByTimeAsync(1.1 * HOUR_MS);
    let isStopped = false;
    const stopped = jobs.stop().then(() => (isStopped = true));
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(lines.at(-1)).toMatchObject({ msg: "aborted" });
    expect(isStopped).toBe(false);
    end();
    await stopped;
    expect(failures()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("says which jobs it runs", async () => {
    const jobs = startJobs([hourly("a", async () => {}), hourly("b", async () => {})], log);
    expect(lines).toMatchObject([{ msg: "jobs scheduled", jobs: ["a", "b"] }]);
    await jobs.stop();
  });

  // Node's timers fire at once when they are set for more than 2^31-1 ms: the job would run without a pause.
  it("takes an interval longer than a timer can wait for the longest that it can", async () => {
    const run = vi.fn(async () => {});
    const jobs = startJobs([{ name: "a", intervalMs: 365 * 24 * HOUR_MS, run }], log);
    await vi.advanceTimersByTimeAsync(24 * HOUR_MS);
    expect(run).toHaveBeenCalledTimes(0);
    await jobs.stop();
  });
});
