import { rm } from "node:fs/promises";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { makeDirectory } from "../store/store-files.ts";
import { engine } from "../support/test-database.ts";
import { openTestStore } from "../support/test-store.ts";
import { historiesOf, RetentionRun, type Step } from "./retention-run.ts";

const isLong = process.env["DIST_TEST_LONG"] === "1";
/** Histories tried: fewer and shorter ones on the services, where each takes longer. */
const runs = engine === "postgres" ? 200 : isLong ? 10_000 : 500;
const maxSteps = engine === "postgres" ? 12 : 30;

const publish: Step = { do: "publish", app: 0, channel: "beta", text: "a" };
const week = 7 * 24 * 3600 * 1000;

/**
 * What chance does not come to each time: a window that widens, and one that loses a release, after a sweep; a period that ends with nothing else
 * happening. */
const examples: Step[][] = [
  [
    { do: "set-app", app: 0, keep: 2, retentionClass: null },
    publish,
    publish,
    publish,
    { do: "sweep" },
    { do: "set-channel", app: 0, channel: "beta", keep: 3 },
    { do: "sweep" },
    { do: "cleanup", apply: true },
  ],
  [
    { do: "set-app", app: 0, keep: 2, retentionClass: null },
    publish,
    publish,
    publish,
    { do: "sweep" },
    { do: "revoke", pick: 2 },
    { do: "sweep" },
    { do: "cleanup", apply: true },
  ],
  [
    { do: "set-app", app: 0, keep: 2, retentionClass: "transient" },
    publish,
    publish,
    publish,
    { do: "extend", pick: 1, ms: 2 * week },
    { do: "sweep" },
    { do: "wait", ms: week },
    { do: "sweep" },
    { do: "wait", ms: week },
    { do: "sweep" },
  ],
  [
    { do: "create", retentionClass: "transient", key: null },
    { do: "wait", ms: week },
    { do: "sweep" },
    { do: "hold", pick: 1 },
    { do: "wait", ms: -week },
    { do: "sweep" },
    { do: "release-hold", pick: 1 },
    { do: "wait", ms: week },
    { do: "sweep" },
    { do: "extend", pick: 1, ms: week },
    { do: "cleanup", apply: true },
  ],
];

/** A history that never comes to one of these proves nothing about it. */
const mustHappen = [
  "hold",
  "class",
  "extension",
  "channel.current",
  "channel.window",
  "app.window",
  "draft.open",
  "period.ended",
  "window.left",
  "release.revoked",
  "draft.expired",
  "deleted",
  "deletes evidence",
  "deletes published",
  "deletes revoked",
  "deletes draft",
  "deletes bytes",
  "marks evidence",
  "marks published",
  "marks revoked",
  "takes back published",
  "add ok",
  "add object.missing",
  "add package.duplicate_path",
  "add package.not_open",
  "create the same",
  "create transaction.integrity",
  "finalize ok",
  "finalize package.empty",
  "fail ok",
  "extend ok",
  "extend retention.not_later",
  "extend retention.permanent",
  "hold ok",
  "release-hold ok",
  "promote ok",
  "rollback ok",
  "revoke ok",
  "publish-draft ok",
  "sweep clock.skew",
];

describe("any history of packages, releases, channels, holds, extensions and clocks", () => {
  it(
    `deletes what nothing keeps and nothing else, and says why (${runs} histories)`,
    async () => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(historiesOf(maxSteps), async (steps) => {
          const directory = await makeDirectory();
          const test = await openTestStore({ directory });
          try {
            await new RetentionRun(test, seen).run(steps);
          } finally {
            await test.close();
            await rm(directory, { recursive: true, force: true });
          }
        }),
        { numRuns: runs, examples: examples.map((steps) => [steps]) },
      );
      // Of fewer and shorter histories one may be left out by chance.
      if (engine === "sqlite") expect(mustHappen.filter((what) => !seen.has(what))).toEqual([]);
    },
    3_000 * runs,
  );
});
