import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  DRAFT_IDLE_MS,
  planPackage,
  planRelease,
  type PackageFacts,
  type ReleaseFacts,
  type WindowFact,
} from "./planner.ts";

const now = "2026-11-20T15:00:00.000Z";
const nowMs = Date.parse(now);

const release: ReleaseFacts = {
  id: "rel_1",
  status: "published",
  touchedAtMs: nowMs,
  currentIn: [],
  windows: [],
  period: null,
  extensions: [],
  holds: [],
};
const channel = (name: string, keep: number, ahead: number | null): WindowFact => ({
  channel: name,
  keep,
  ahead,
});
const app = (keep: number, ahead: number | null): WindowFact => ({ channel: null, keep, ahead });
const extension = (until: string) => ({ until, reason: "The audit asks for it." });
const hold = (id: string) => ({ id, reason: "Under dispute.", case: null });
const period = (expiresAt: string | null) => ({ retentionClass: "transient", expiresAt });
const later = "2026-11-20T15:00:00.001Z";

/** Facts on the left, the decision and `rule ref until` of each reason on the right. */
const golden: readonly (readonly [string, Partial<ReleaseFacts>, "keep" | "delete", readonly string[]])[] = [
  ["out of its window", { windows: [channel("beta", 2, 2)] }, "delete", ["window.left"]],
  ["last in its window", { windows: [channel("beta", 2, 1)] }, "keep", ["channel.window beta"]],
  ["in a channel that keeps all", { windows: [channel("beta", 0, null)] }, "keep", ["channel.window beta"]],
  [
    "out of one window, in another",
    { windows: [channel("beta", 2, 2), channel("stable", 3, 2)] },
    "keep",
    ["channel.window stable"],
  ],
  [
    "in two windows",
    { windows: [channel("beta", 2, 0), channel("stable", 3, 2)] },
    "keep",
    ["channel.window beta", "channel.window stable"],
  ],
  [
    "out of every window and current",
    { currentIn: ["beta", "rc"], windows: [channel("beta", 2, 2)] },
    "keep",
    ["channel.current beta", "channel.current rc"],
  ],
  ["never on a channel, out of the app's window", { windows: [app(2, 2)] }, "delete", ["window.left"]],
  ["never on a channel, in it", { windows: [app(2, 1)] }, "keep", ["app.window"]],
  ["never on a channel of an app that keeps all", { windows: [app(0, null)] }, "keep", ["app.window"]],
  ["of a class whose period runs", { period: period(later) }, "keep", [`class transient ${later}`]],
  ["of a class whose period ends now", { period: period(now) }, "delete", ["window.left"]],
  ["of a class without end", { period: period(null) }, "keep", ["class transient"]],
  [
    "out of its window, of a class whose period runs",
    { windows: [channel("beta", 2, 2)], period: period(later) },
    "keep",
    [`class transient ${later}`],
  ],
  [
    "of a class whose period ended, in its window",
    { windows: [channel("beta", 2, 0)], period: period(now) },
    "keep",
    ["channel.window beta"],
  ],
  ["revoked", { status: "revoked", windows: [channel("beta", 2, null)] }, "delete", ["release.revoked"]],
  [
    "revoked, in a channel that keeps all",
    { status: "revoked", windows: [channel("beta", 0, null)] },
    "keep",
    ["channel.window beta"],
  ],
  [
    "revoked, of a class whose period runs",
    { status: "revoked", windows: [app(2, null)], period: period(later) },
    "keep",
    [`class transient ${later}`],
  ],
  [
    "out of its window, on hold",
    { windows: [channel("beta", 2, 2)], holds: [hold("hold_1"), hold("hold_2")] },
    "keep",
    ["hold hold_1", "hold hold_2"],
  ],
  [
    "out of its window, extended",
    { windows: [channel("beta", 2, 2)], extensions: [extension(now), extension(later)] },
    "keep",
    [`extension ${later}`],
  ],
  [
    "revoked, never on a channel",
    { status: "revoked", windows: [app(2, null)] },
    "delete",
    ["release.revoked"],
  ],
  [
    "an open draft",
    { status: "draft", touchedAtMs: nowMs - DRAFT_IDLE_MS + 1 },
    "keep",
    [`draft.open ${later}`],
  ],
  [
    "a draft idle for 7 days",
    { status: "draft", touchedAtMs: nowMs - DRAFT_IDLE_MS },
    "delete",
    ["draft.expired"],
  ],
  [
    "an open draft in no window",
    { status: "draft", windows: [app(2, 2)] },
    "keep",
    ["draft.open 2026-11-27T15:00:00.000Z"],
  ],
  [
    "an idle draft on hold, extended",
    { status: "draft", touchedAtMs: 0, holds: [hold("hold_1")], extensions: [extension(later)] },
    "keep",
    ["hold hold_1", `extension ${later}`],
  ],
  [
    "an idle draft of a class whose period runs",
    { status: "draft", touchedAtMs: 0, period: period(later) },
    "delete",
    ["draft.expired"],
  ],
];

const goldenPackages: readonly (readonly [
  string,
  Partial<PackageFacts>,
  "keep" | "delete",
  readonly string[],
])[] = [
  ["whose period runs", { period: period(later) }, "keep", [`class transient ${later}`]],
  ["whose period ends now", { period: period(now) }, "delete", [`period.ended transient ${now}`]],
  ["of a class without end", { period: period(null) }, "keep", ["class transient"]],
  [
    "whose period ended, extended",
    { period: period(now), extensions: [extension(later)] },
    "keep",
    [`extension ${later}`],
  ],
  [
    "whose extension ended",
    { period: period("2026-01-01T00:00:00.000Z"), extensions: [extension(now)] },
    "delete",
    [`period.ended transient ${now}`],
  ],
  ["whose period ended, on hold", { period: period(now), holds: [hold("hold_1")] }, "keep", ["hold hold_1"]],
  [
    "kept by everything",
    { period: period(later), extensions: [extension("2027-01-01T00:00:00.000Z")], holds: [hold("hold_1")] },
    "keep",
    ["hold hold_1", `class transient ${later}`, "extension 2027-01-01T00:00:00.000Z"],
  ],
];

describe("planPackage", () => {
  it.each(goldenPackages)("%s", (_, facts, action, reasons) => {
    const decision = planPackage({ id: "pkg_1", period: null, extensions: [], holds: [], ...facts }, now);
    expect(decision.action).toBe(action);
    const said = decision.reasons.map(({ rule, ref, until }) => [rule, ref, until].filter(Boolean).join(" "));
    expect(said).toEqual(reasons);
    for (const { text } of decision.reasons) expect(text).toMatch(/^\S.*\.$/s);
  });
});

describe("planRelease", () => {
  it.each(golden)("%s", (_, facts, action, reasons) => {
    const decision = planRelease({ ...release, ...facts }, now);
    expect(decision.action).toBe(action);
    const said = decision.reasons.map(({ rule, ref, until }) => [rule, ref, until].filter(Boolean).join(" "));
    expect(said).toEqual(reasons);
    for (const { text } of decision.reasons) expect(text).toMatch(/^\S.*\.$/s);
  });

  it("says which place in a window a release has", () => {
    const { reasons } = planRelease({ ...release, windows: [channel("beta", 5, 2)] }, now);
    expect(reasons[0]!.text).toContain("number 3 of the 5 releases");
  });
});

const windowFact = fc
  .record({
    keep: fc.constantFrom(0, 2, 3, 10),
    place: fc.nat(12),
    channel: fc.option(fc.constantFrom("a", "b")),
  })
  .map(({ keep, place, channel: name }) => ({
    channel: name,
    keep,
    ahead: keep === 0 ? null : Math.min(place, keep),
  }));
const publishedFacts = fc.record({
  id: fc.constant("rel_1"),
  status: fc.constant("published" as const),
  touchedAtMs: fc.constant(0),
  currentIn: fc.subarray(["a", "b"]),
  windows: fc.array(windowFact, { maxLength: 4 }),
  period: fc.option(
    fc.constantFrom(period(null), period(now), period(later), period("2020-01-01T00:00:00.000Z")),
  ),
  extensions: fc.subarray([extension(now), extension(later)]),
  holds: fc.subarray([hold("hold_1"), hold("hold_2")]),
});

describe("whatever the facts", () => {
  it("what a channel points at, a window holds or a running period covers is never deleted", () => {
    fc.assert(
      fc.property(publishedFacts, (facts) => {
        const isCurrent = facts.currentIn.length > 0;
        const isInWindow = facts.windows.some(({ keep, ahead }) => keep === 0 || ahead! < keep);
        const expiresAt = facts.period?.expiresAt;
        const isCovered = expiresAt === null || (expiresAt !== undefined && expiresAt > now);
        const isGranted = facts.extensions.some(({ until }) => until > now);
        const stays = isCovered || isGranted || facts.holds.length > 0;
        expect(planRelease(facts, now).action).toBe(isCurrent || isInWindow || stays ? "keep" : "delete");
        expect(planPackage(facts, now).action).toBe(stays ? "keep" : "delete");
      }),
    );
  });

  it("there is a reason, and one more thing that keeps never deletes", () => {
    fc.assert(
      fc.property(publishedFacts, windowFact, (facts, more) => {
        const before = planRelease(facts, now);
        expect(before.reasons.length).toBeGreaterThan(0);
        const after = planRelease({ ...facts, windows: [...facts.windows, more] }, now);
        if (before.action === "keep") expect(after.action).toBe("keep");
      }),
    );
  });
});
