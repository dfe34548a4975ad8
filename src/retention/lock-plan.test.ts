import { describe, expect, it } from "vitest";

import { type LockFacts, planLock } from "./lock-plan.ts";

const NOW = Date.parse("2026-11-20T15:00:00.000Z");
const DAY_MS = 24 * 3600 * 1000;

const plan = (facts: Partial<LockFacts>) =>
  planLock(
    { retention_class: "raw-evidence", current_expires_at: null, active_holds: 0, ...facts },
    NOW,
    40 * DAY_MS,
  );
const ahead = {
  until: "2026-12-30T15:00:00.000Z",
  renewBelow: "2026-12-10T15:00:00.000Z",
  pendingBelow: "2026-11-30T15:00:00.000Z",
  hasNoEnd: true,
};
const to = (date: string) => ({ until: date, renewBelow: date, pendingBelow: date, hasNoEnd: false });

describe("a package is locked", () => {
  it("up to its date, and no further", () => {
    const date = "2026-11-21T00:00:00.000Z";
    expect(plan({ current_expires_at: date })).toEqual(to(date));
    expect(plan({ current_expires_at: date, retention_class: null })).toEqual(to(date));
  });

  it("a while ahead when its class has no end", () => {
    expect(plan({})).toEqual(ahead);
  });

  it("a while ahead when a hold keeps it, whether its date passed, is soon, or never was", () => {
    for (const current_expires_at of ["2026-11-20T15:00:00.000Z", "2026-11-21T00:00:00.000Z"])
      expect(plan({ current_expires_at, active_holds: 1 })).toEqual(ahead);
    expect(plan({ retention_class: null, active_holds: 2 })).toEqual(ahead);
  });

  it("up to its date when a hold keeps it and that is further, and is looked at again", () => {
    const date = "2033-11-20T15:00:00.000Z";
    expect(plan({ current_expires_at: date, active_holds: 1 })).toEqual({ ...to(date), hasNoEnd: true });
  });

  it("half and half where the date lies within what is locked ahead", () => {
    const date = "2026-12-05T00:00:00.000Z";
    expect(plan({ current_expires_at: date, active_holds: 1 })).toEqual({ ...ahead, pendingBelow: date });
  });

  // Ceph would keep another date.
  it("a while ahead when its date is too far for a store", () => {
    expect(plan({ current_expires_at: "2400-01-01T00:00:00.000Z" })).toEqual(ahead);
  });
});

describe("a package is not locked", () => {
  it.each<[string, Partial<LockFacts>]>([
    ["without a class, an extension or a hold", { retention_class: null }],
    ["whose date is now", { current_expires_at: "2026-11-20T15:00:00.000Z" }],
    ["whose date passed", { current_expires_at: "2025-01-01T00:00:00.000Z" }],
  ])("%s", (_what, facts) => {
    expect(plan(facts)).toBeNull();
  });
});
