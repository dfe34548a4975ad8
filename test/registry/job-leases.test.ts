import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Clock, systemClock } from "../../src/base/clock.ts";
import { openStore, type Store } from "../../src/registry/open-store.ts";
import { JOB_LEASE_MS } from "../../src/registry/store/job-leases.ts";
import { engine } from "../support/test-database.ts";
import { eventsDuring, openTestStore, outcomeOf, sqlOn, type TestStore } from "../support/test-store.ts";

const HOUR_MS = 3600 * 1000;

let test: TestStore;
/** A second node: another opening of the same database. */
let other: Store;
beforeEach(async () => {
  test = await openTestStore();
  other = await openOther(test.clock);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await other.close();
  await test.close();
});

function openOther(clock: Clock): Promise<Store> {
  const { directory, settings, storage } = test;
  return openStore({ directory, settings, storage, clock, create: false });
}

const taken = { taken: true };
const take = (store: Store, name = "sweep") => store.jobs.take(name, HOUR_MS);
/** As good as the milliseconds that a question takes on a database whose clock goes on. */
const nearly = (waitMs: number) => ({ taken: false, waitMs: closeTo(waitMs) });
const closeTo = (ms: number) => expect.toSatisfy((value: number) => Math.abs(value - ms) < 10_000);

/** A job whose first interval has passed. */
async function makeDue(name = "sweep"): Promise<void> {
  await take(test.store, name);
  test.clock.advance(HOUR_MS);
}

describe("the lease of a job", () => {
  it("is nobody's before the first interval has passed", async () => {
    expect(await take(test.store)).toEqual(nearly(HOUR_MS));
    test.clock.advance(HOUR_MS / 2);
    expect(await take(other)).toEqual(nearly(HOUR_MS / 2));
  });

  it("goes to one of those that ask together; the interval counts from that one's end for all", async () => {
    await makeDue();
    const turns = await Promise.all([take(test.store), take(other), take(test.store), take(other)]);
    expect(turns.filter((turn) => turn.taken)).toHaveLength(1);
    expect(turns.filter((turn) => !turn.taken)).toEqual(Array(3).fill(nearly(JOB_LEASE_MS)));
    for (const { jobs } of [test.store, other]) await jobs.release("sweep", true);
    expect(await take(other)).toEqual(nearly(HOUR_MS));
    expect(await take(test.store)).toEqual(nearly(HOUR_MS));
    test.clock.advance(HOUR_MS);
    expect(await take(other)).toEqual(taken);
    expect(await take(test.store)).toEqual(nearly(JOB_LEASE_MS));
  });

  it("is each job's own", async () => {
    await makeDue("a");
    await makeDue("b");
    expect(await take(test.store, "a")).toEqual(taken);
    expect(await take(other, "b")).toEqual(taken);
  });

  it("goes to another when its holder is silent, and not before", async () => {
    await makeDue();
    expect(await take(test.store)).toEqual(taken);
    test.clock.advance(JOB_LEASE_MS / 2);
    expect(await take(other)).toEqual(nearly(JOB_LEASE_MS / 2));
    test.clock.advance(JOB_LEASE_MS / 2);
    expect(await take(other)).toEqual(taken);
  });

  it("stays with a holder that extends it", async () => {
    await makeDue();
    await take(test.store);
    for (let n = 0; n < 4; n += 1) {
      test.clock.advance(JOB_LEASE_MS - 10_000);
      expect(await test.store.jobs.extend("sweep")).toBe(true);
      expect(await take(other)).toEqual(nearly(JOB_LEASE_MS));
    }
  });

  it("is neither extended nor given back by one that lost it", async () => {
    await makeDue();
    await take(test.store);
    test.clock.advance(JOB_LEASE_MS);
    await take(other);
    expect(await test.store.jobs.extend("sweep")).toBe(false);
    await test.store.jobs.release("sweep", true);
    expect(await take(test.store)).toEqual(nearly(JOB_LEASE_MS));
    expect(await other.jobs.extend("sweep")).toBe(true);
  });

  it("is free at once after a run that was cut short", async () => {
    await makeDue();
    await take(test.store);
    await test.store.jobs.release("sweep", false);
    expect(await take(other)).toEqual(taken);
  });

  it("says who runs what since when, and records no event", async () => {
    const events = await eventsDuring(test.registry, async () => {
      await makeDue();
      await take(test.store);
    });
    const [row] = sqlOn(test, "SELECT * FROM job");
    expect(row).toEqual({
      name: "sweep",
      holder: expect.stringMatching(/^node_/),
      lease_until: expect.any(String),
      started_at: expect.any(String),
      finished_at: null,
    });
    await test.store.jobs.release("sweep", true);
    expect(sqlOn(test, "SELECT holder, finished_at FROM job")).toEqual([
      { holder: null, finished_at: expect.any(String) },
    ]);
    expect(events).toEqual([]);
  });
});

describe("clocks", () => {
  // Otherwise jobs would stand still until the clock has caught up with what it once said.
  it("that are set back hold no job up", async () => {
    await makeDue();
    test.clock.advance(48 * HOUR_MS);
    await take(test.store);
    test.clock.advance(-12 * HOUR_MS);
    expect(await take(other)).toEqual(taken);
    expect(await test.store.jobs.extend("sweep")).toBe(false);
    await other.jobs.release("sweep", true);
    test.clock.advance(-12 * HOUR_MS);
    expect(await take(test.store)).toEqual(taken);
  });

  if (engine === "postgres") {
    const skewed = (ms: number) => vi.spyOn(systemClock, "nowMs").mockImplementation(() => Date.now() + ms);

    it.each([50_000, -50_000])("of a node %d ms off count leases as the database does", async (ms) => {
      const right = await openOther(systemClock);
      expect(await right.jobs.take("sweep", 0)).toEqual(taken);
      skewed(ms);
      const wrong = await openOther(systemClock);
      expect(await wrong.jobs.take("sweep", 0)).toEqual(nearly(JOB_LEASE_MS));
      await Promise.all([right.close(), wrong.close()]);
    });

    it("of a node further off keep it from taking any", async () => {
      await makeDue();
      skewed(61_000);
      expect(await outcomeOf(take(test.store))).toBe("clock.skew");
      vi.restoreAllMocks();
      expect(await take(other)).toEqual(taken);
    });
  }
});
