import { cp, rm } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readLines } from "../../src/cli/read-lines.ts";
import { eventTypes } from "../../src/log/events.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { dumpViews, makeDirectory } from "../store/store-files.ts";
import { engine } from "../support/test-database.ts";
import { eventsOf, openTestStore, type TestStore } from "../support/test-store.ts";
import { everyEvent, histories, HistoryRun, type Step } from "./histories.ts";

/** Histories tried, fewer on PostgreSQL, where each takes longer; DIST_TEST_LONG multiplies them. */
const runs = (engine === "sqlite" ? 40 : 10) * Math.max(1, Number(process.env["DIST_TEST_LONG"] ?? 1));

const everyStep: Step["do"][] = [
  "create-app",
  "set-app",
  "publish",
  "draft",
  "attach",
  "publish-draft",
  "set-channel",
  "promote",
  "rollback",
  "revoke",
  "create-token",
  "use-token",
  "revoke-token",
  "create-package",
  "add-files",
  "remove-file",
  "finalize",
  "fail",
  "hold",
  "release-hold",
  "extend",
  "sweep",
  "upload",
  "cleanup",
  "wait",
];

async function exportOf(registry: Registry): Promise<string> {
  let text = "";
  for await (const piece of registry.exportStore()) text += piece;
  return text;
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** The views are what the log says, and the store is sound. */
async function expectSound({ registry, directory }: TestStore): Promise<void> {
  const before = dumpViews(directory);
  const rebuilt = await registry.rebuildStore();
  expect(rebuilt).toMatchObject({ ok: true, problems: [] });
  expect(rebuilt.events).toBe((await registry.storeStatus()).head);
  expect(dumpViews(directory)).toEqual(before);
  expect(await registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
}

/** Another store made from the export and the objects has the same log, the same views and all bytes. */
async function expectMovable(source: TestStore): Promise<void> {
  const directory = await makeDirectory();
  await cp(join(source.directory, "objects"), join(directory, "objects"), {
    recursive: true,
    force: true,
  }).catch(
    // A store that never held a byte has no objects.
    (error: NodeJS.ErrnoException) => expect(error.code).toBe("ENOENT"),
  );
  const moved = await openTestStore({ directory, blobs: "directory" });
  try {
    const text = await exportOf(source.registry);
    const report = await moved.registry.importStore(readLines(bytesOf(text)));
    expect(report).toMatchObject({ ok: true, problems: [] });
    expect(await exportOf(moved.registry)).toBe(text);
    expect(dumpViews(directory)).toEqual(dumpViews(source.directory));
    await expectSound(moved);
  } finally {
    await moved.close();
    await rm(directory, { recursive: true, force: true });
  }
}

describe("any history of use cases", () => {
  // Catches a projection that reads what a replay does not have (a clock, state, key order), a use case that changes a
  // view without an event, and an export that loses a byte.
  it(
    `leaves views that a replay gives again, here and in another store (${runs} histories)`,
    async () => {
      const done = new Set<Step["do"]>();
      const happened = new Set<string>();
      await fc.assert(
        fc.asyncProperty(histories, async (steps) => {
          const directory = await makeDirectory();
          const store = await openTestStore({ directory, blobs: "directory" });
          try {
            const run = new HistoryRun(store);
            await run.run(steps);
            for (const each of run.done.keys()) done.add(each);
            for (const { action } of await eventsOf(store.registry)) happened.add(action);
            await expectSound(store);
            await expectMovable(store);
          } finally {
            await store.close();
            await rm(directory, { recursive: true, force: true });
          }
        }),
        { numRuns: runs, examples: [[[...everyEvent]]] },
      );
      // Uploads in pieces are none of these steps, and their end is in no view.
      const missed = eventTypes.filter((type) => !happened.has(type.slice("v1.".length)));
      expect(missed).toEqual(["v1.upload.expired"]);
      // A step that is always refused proves nothing. Fewer histories may leave one out by chance.
      if (engine === "sqlite") expect(everyStep.filter((each) => !done.has(each))).toEqual([]);
    },
    60_000 * Math.ceil(runs / (engine === "sqlite" ? 20 : 5)),
  );
});
