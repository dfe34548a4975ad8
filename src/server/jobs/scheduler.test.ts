import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { aborted } from "../../base/async.ts";
import { JOB_LEASE_MS, type JobLeases } from "../../registry/store/job-leases.ts";
import type { Job } from "./job.ts";
import { startJobs } from "./scheduler.ts";

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

/** What several servers share: the leases as the database keeps them, by this machine's clock. */
class SharedLeases {
  readonly rows = new Map<string, { holder: string | null; untilMs: number; finishedMs: number | null }>();
  /** While true, the database does not answer. */
  isAway = false;

  as(holder: string): JobLeases {
    return {
      take: async (name, intervalMs) => {
        this.#ask();
        const now = Date.now();
        const row = this.rows.get(name) ?? { holder: null, untilMs: 0, finishedMs: now };
        this.rows.set(name, row);
        const freeMs = row.finishedMs === null ? 0 : row.finishedMs + intervalMs;
        const dueMs = row.holder === null ? freeMs : row.untilMs;
        if (dueMs > now) return { taken: false, waitMs: dueMs - now };
        this.rows.set(name, { holder, untilMs: now + JOB_LEASE_MS, finishedMs: null });
        return { taken: true };
      },
      extend: async (name) => {
        this.#ask();
        const row = this.rows.get(name);
        if (row?.holder !== holder) return false;
        row.untilMs = Date.now() + JOB_LEASE_MS;
        return true;
      },
      release: async (name, finished) => {
        this.#ask();
        if (this.rows.get(name)?.holder !== holder) return;
        this.rows.set(name, { holder: null, untilMs: 0, finishedMs: finished ? Date.now() : null });
      },
    };
  }

  #ask(): void {
    if (this.isAway) throw new Error("the database is away");
  }
}

let shared: SharedLeases;
beforeEach(() => {
  shared = new SharedLeases();
});
const start = (jobs: readonly Job[], node = "a") => startJobs(jobs, shared.as(node), log);

const hourly = (name: string, run: Job["run"]): Job => ({ name, intervalMs: HOUR_MS, run });

describe("startJobs", () => {
  it("runs a job after its interval and not before, again and again", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const run = vi.fn(async () => {});
    const jobs = start([hourly("a", run)]);
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
    const jobs = start([hourly("a", run)]);
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
    const jobs = start([slow, hourly("quick", quick)]);
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
    const jobs = start([hourly("a", run)]);
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
    const jobs = start([waiting, hourly("b", async () => {})]);
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
    const jobs = start([hourly("a", async () => {}), hourly("b", async () => {})]);
    expect(lines).toMatchObject([{ msg: "jobs scheduled", jobs: ["a", "b"] }]);
    await jobs.stop();
  });

  // Node's timers fire at once when they are set for more than 2^31-1 ms: the job would run without a pause.
  it("takes an interval longer than a timer can wait for the longest that it can", async () => {
    const run = vi.fn(async () => {});
    const jobs = start([{ name: "a", intervalMs: 365 * 24 * HOUR_MS, run }]);
    await vi.advanceTimersByTimeAsync(24 * HOUR_MS);
    expect(run).toHaveBeenCalledTimes(0);
    await jobs.stop();
  });

  it("says when a run ended and how long it took", async () => {
    const jobs = start([hourly("a", () => new Promise((resolve) => setTimeout(resolve, 1500)))]);
    await vi.advanceTimersByTimeAsync(1.2 * HOUR_MS);
    expect(lines.at(-1)).toMatchObject({ msg: "job ended", job: "a", duration_ms: 1500 });
    await jobs.stop();
  });
});

describe("startJobs on several servers", () => {
  it("runs a job once an interval in all", async () => {
    const run = vi.fn(async () => {});
    const nodes = ["a", "b", "c"].map((node) => start([hourly("x", run)], node));
    await vi.advanceTimersByTimeAsync(11 * HOUR_MS);
    expect(run.mock.calls.length).toBeGreaterThanOrEqual(9);
    expect(run.mock.calls.length).toBeLessThanOrEqual(11);
    await Promise.all(nodes.map((node) => node.stop()));
  });

  it("keeps the lease of a run that takes longer than one lasts", async () => {
    let [atOnce, most] = [0, 0];
    const slow = hourly("x", async () => {
      most = Math.max(most, (atOnce += 1));
      await new Promise((resolve) => setTimeout(resolve, 20 * JOB_LEASE_MS));
      atOnce -= 1;
    });
    const nodes = ["a", "b"].map((node) => start([slow], node));
    await vi.advanceTimersByTimeAsync(5 * HOUR_MS);
    expect(most).toBe(1);
    const stopped = Promise.all(nodes.map((node) => node.stop()));
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    await stopped;
  });

  it("takes over the job of one that died in the middle, when the lease ends", async () => {
    const run = vi.fn(async () => {});
    shared.rows.set("x", { holder: "dead", untilMs: Date.now() + JOB_LEASE_MS, finishedMs: null });
    const jobs = start([hourly("x", run)], "b");
    await vi.advanceTimersByTimeAsync(JOB_LEASE_MS - 1);
    expect(run).toHaveBeenCalledTimes(0);
    await vi.advanceTimersByTimeAsync(JOB_LEASE_MS);
    expect(run).toHaveBeenCalledTimes(1);
    await jobs.stop();
  });

  it("goes on with what a stopped one left unfinished", async () => {
    const run = vi.fn((signal: AbortSignal) => aborted(signal));
    const jobs = start([hourly("x", run)]);
    await vi.advanceTimersByTimeAsync(1.2 * HOUR_MS);
    await jobs.stop();
    const other = start([hourly("x", run)], "b");
    await vi.advanceTimersByTimeAsync(1);
    expect(run).toHaveBeenCalledTimes(2);
    await other.stop();
  });

  /** A run that ends only when it is aborted, under way. */
  async function waitingRun() {
    let signal: AbortSignal | undefined;
    const jobs = start([
      hourly("x", (given) => {
        signal = given;
        return aborted(given);
      }),
    ]);
    await vi.advanceTimersByTimeAsync(1.1 * HOUR_MS);
    return { jobs, signal: signal! };
  }

  it("aborts a run whose lease another has", async () => {
    const { jobs, signal } = await waitingRun();
    const theirs = { holder: "b", untilMs: Date.now() + HOUR_MS, finishedMs: null };
    shared.rows.set("x", theirs);
    await vi.advanceTimersByTimeAsync(JOB_LEASE_MS);
    expect(signal.aborted).toBe(true);
    expect(lines.at(-1)).toMatchObject({ msg: "job lost its lease", job: "x" });
    // Their lease is not given back by the one that lost it.
    expect(shared.rows.get("x")).toBe(theirs);
    expect(failures()).toEqual([]);
    await jobs.stop();
  });

  it("aborts a run before its lease ends when the database does not answer, and asks again later", async () => {
    const { jobs, signal } = await waitingRun();
    const { untilMs } = shared.rows.get("x")!;
    shared.isAway = true;
    await vi.advanceTimersByTimeAsync(untilMs - Date.now());
    expect(signal.aborted).toBe(true);
    expect(lines.filter(({ msg }) => msg === "job lease failed")).toMatchObject([{ job: "x" }]);
    shared.isAway = false;
    await vi.advanceTimersByTimeAsync(2 * JOB_LEASE_MS);
    expect(shared.rows.get("x")).toMatchObject({ holder: "a", finishedMs: null });
    await jobs.stop();
  });

  it("outlasts an extension that fails once", async () => {
    const { jobs, signal } = await waitingRun();
    shared.isAway = true;
    await vi.advanceTimersByTimeAsync(JOB_LEASE_MS / 3);
    shared.isAway = false;
    await vi.advanceTimersByTimeAsync(10 * JOB_LEASE_MS);
    expect(signal.aborted).toBe(false);
    await jobs.stop();
  });
});
