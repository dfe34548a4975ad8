import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import type { Database } from "../../src/catalog/database.ts";
import { openEventTail } from "../../src/registry/event-tail.ts";
import { openStore } from "../../src/registry/open-store.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import { openTestStore, outcomeOf, publishTar, sqlOn, type TestStore } from "../support/test-store.ts";

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
  await test.registry.createApp("acme", {});
  await test.registry.createApp("other", {});
});
afterEach(() => test.close());

const neverAborted = new AbortController().signal;
const touch = (app: string, owner: string) => test.registry.updateApp(app, { owner });

describe("readEvents", () => {
  it("gives the log as recorded, oldest first, with its id and head", async () => {
    const logId = String(sqlOn(test, "SELECT log_id FROM log_head")[0]!["log_id"]);
    const page = await test.registry.readEvents({ after: 1 });
    expect(page).toEqual({
      log_id: logId,
      head: 2,
      items: [
        {
          seq: 2,
          type: "v1.app.created",
          at: "2026-11-20T15:00:00.000Z",
          actor: "local:tester",
          subject: expect.stringMatching(/^app_/),
          data: expect.objectContaining({ slug: "other" }),
        },
      ],
    });
    expect(await test.registry.readEvents({ after: 2, log_id: logId })).toEqual({ ...page, items: [] });
  });

  it("walks every event once, whatever the size of the pages", async () => {
    await publishTar(test.registry, { version: "1", channel: "beta" });
    const seen: number[] = [];
    for (let after = 0, head = 1; after < head;) {
      const page = await test.registry.readEvents({ after, limit: 3 });
      seen.push(...page.items.map(({ seq }) => seq));
      head = page.head;
      after = seen.at(-1)!;
    }
    expect(seen.length).toBeGreaterThan(8);
    expect(seen).toEqual(seen.map((_, index) => index + 1));
  });

  // Whoever reads the log must not get what a stolen copy of the token table would give.
  it("leaves the hashes of secrets out", async () => {
    await test.registry.createToken({ name: "t", scopes: ["read"] });
    await test.registry.createShare("acme");
    const { items } = await test.registry.readEvents({ after: 2 });
    expect(items.map((item) => "type" in item && item.type)).toEqual([
      "v1.token.created",
      "v1.share.created",
    ]);
    expect(JSON.stringify(items)).not.toContain("_hash");
    expect(sqlOn(test, "SELECT count(*) AS n FROM event WHERE data LIKE '%_hash%'")).toEqual([{ n: 2 }]);
  });

  it("shows somebody limited to an app that app's events, and of the others the number alone", async () => {
    await touch("acme", "a");
    await touch("other", "b");
    const limited = await test.as(["audit"], { app: "acme" }).readEvents({ after: 0 });
    expect(limited.items).toEqual([
      expect.objectContaining({ seq: 1, type: "v1.app.created" }),
      { seq: 2 },
      expect.objectContaining({ seq: 3, type: "v1.app.updated" }),
      { seq: 4 },
    ]);
    const early = await test.as(["audit"], { app: "not-yet" }).readEvents({ after: 2 });
    expect(early.items).toEqual([{ seq: 3 }, { seq: 4 }]);
  });

  it.each([
    [{ after: 3 }, "events.cursor_unknown"],
    [{ after: 0, log_id: "log_of_another_store" }, "events.cursor_unknown"],
    [{ after: -1 }, "page.invalid_cursor"],
    [{ after: 1.5 }, "page.invalid_cursor"],
    [{ after: 0, limit: 0 }, "page.invalid_limit"],
    [{ after: 0, limit: 1001 }, "page.invalid_limit"],
  ] as const)("refuses %j", async (request, code) => {
    expect(await outcomeOf(test.registry.readEvents(request))).toBe(code);
  });
});

describe("the tail", () => {
  const past = (seq: number, withinMs = 30_000) =>
    test.store.tail.past(seq, { signal: neverAborted, withinMs });

  it("tells at once of what is there already, and in time that nothing came", async () => {
    expect(await past(1)).toBe(true);
    expect(await past(2, 1)).toBe(false);
  });

  it("hears of what another process commits", async () => {
    const grew = past(2);
    const elsewhere = await openStore({ ...test, create: false, clock: systemClock });
    await elsewhere.as(localPrincipal("else")).updateApp("acme", { owner: "x" });
    await elsewhere.close();
    expect(await grew).toBe(true);
  });

  it("wakes only those whose events came", async () => {
    const waits = [past(2), past(3, 1)];
    await touch("acme", "x");
    expect(await Promise.all(waits)).toEqual([true, false]);
  });

  // A forgotten waiter would keep the poller going for ever.
  it("forgets who gave up or was served", async () => {
    const stop = new AbortController();
    const waits = [1, 2, 3].map(() => test.store.tail.past(2, { signal: stop.signal, withinMs: 30_000 }));
    const last = past(2);
    expect(test.store.tail.waiting).toBe(4);
    stop.abort(new Error("enough"));
    for (const wait of waits) await expect(wait).rejects.toThrow("enough");
    expect(test.store.tail.waiting).toBe(1);
    await touch("acme", "x");
    await last;
    expect(test.store.tail.waiting).toBe(0);
  });

  it("lets nobody wait on a closed store", async () => {
    const wait = past(2);
    const rejected = expect(wait).rejects.toThrow("closed");
    await test.store.close();
    await rejected;
  });
});

describe("the poller", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("reads the head once for all who wait, and not at all when nobody does", async () => {
    vi.useFakeTimers();
    let [head, reads] = [0, 0];
    const read = async () => {
      reads += 1;
      return { head };
    };
    const tail = openEventTail({ read } as unknown as Database);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([reads, vi.getTimerCount()]).toEqual([0, 0]);
    const waits = [1, 2, 3].map(() => tail.past(0, { signal: neverAborted, withinMs: 60_000 }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(reads).toBe(10);
    head = 1;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await Promise.all(waits)).toEqual([true, true, true]);
    expect([reads, vi.getTimerCount()]).toEqual([11, 0]);
  });

  it("passes on why the store cannot be read, and goes on for who comes later", async () => {
    let reads = 0;
    const read = async () => {
      reads += 1;
      if (reads === 1) throw new Error("the disk is gone");
      return { head: 1 };
    };
    const tail = openEventTail({ read } as unknown as Database);
    const options = { signal: neverAborted, withinMs: 60_000 };
    await expect(tail.past(0, options)).rejects.toThrow("the disk is gone");
    expect(await tail.past(0, options)).toBe(true);
  });
});

describe("the tail of a database that gives notice", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A database whose head and notices the test makes. */
  function noticing() {
    vi.useFakeTimers();
    const state = { head: 0, reads: 0, notify: () => {}, watchers: 0 };
    const read = async () => {
      state.reads += 1;
      return { head: state.head };
    };
    const watch = (listener: () => void) => {
      state.watchers += 1;
      state.notify = listener;
      return () => void (state.watchers -= 1);
    };
    return { state, tail: openEventTail({ read, watch } as unknown as Database) };
  }
  const wait = { signal: neverAborted, withinMs: 60_000 };

  it("reads when somebody comes and when it is told, not in between", async () => {
    const { state, tail } = noticing();
    const waits = [tail.past(0, wait), tail.past(1, wait)];
    await vi.advanceTimersByTimeAsync(50_000);
    expect([state.reads, state.watchers]).toEqual([1, 1]);
    state.head = 1;
    state.notify();
    await vi.advanceTimersByTimeAsync(1);
    expect(await waits[0]).toBe(true);
    expect(state.reads).toBe(2);
    state.head = 2;
    state.notify();
    await vi.advanceTimersByTimeAsync(1);
    expect(await waits[1]).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    await tail.close();
    expect(state.watchers).toBe(0);
  });

  it("tells whose time is over, with no notice at all", async () => {
    const { tail } = noticing();
    const late = tail.past(0, { signal: neverAborted, withinMs: 5_000 });
    await vi.advanceTimersByTimeAsync(5_001);
    expect(await late).toBe(false);
  });

  // The notice may come while the head is being read: then that read may have been too early.
  it("reads again after a notice that came during a read", async () => {
    const { state, tail } = noticing();
    const grew = tail.past(0, wait);
    await vi.advanceTimersByTimeAsync(1);
    const slow = tail.past(0, wait);
    state.notify();
    state.notify();
    state.head = 1;
    await vi.advanceTimersByTimeAsync(1);
    expect(await Promise.all([grew, slow])).toEqual([true, true]);
  });
});
