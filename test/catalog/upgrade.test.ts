import { rm } from "node:fs/promises";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { toTimestamp } from "../../src/base/clock.ts";
import { NODE_LIVE_MS } from "../../src/catalog/live-nodes.ts";
import { tableColumns } from "../../src/catalog/schema/columns.ts";
import { migrations } from "../../src/catalog/schema/migrations.ts";
import { known } from "../../src/catalog/schema/state.ts";
import { type ViewName, viewSteps, views } from "../../src/catalog/schema/views.ts";
import { openStore, type Store } from "../../src/registry/open-store.ts";
import { localPrincipal } from "../../src/registry/principal.ts";
import { columnsOf, dumpViews, makeDirectory } from "../store/store-files.ts";
import {
  eventsDuring,
  openTestStore,
  outcomeOf,
  publishTar,
  sqlOn,
  type TestStore,
} from "../support/test-store.ts";

let directory: string;
let test: TestStore;
beforeEach(async () => {
  directory = await makeDirectory();
  test = await openTestStore({ directory });
});
afterEach(async () => {
  await test.close();
  await rm(directory, { recursive: true, force: true });
});

const openOther = (): Promise<Store> => {
  const { settings, storage, clock } = test;
  return openStore({ directory, settings, storage, clock, create: false });
};

/** Opens the store and closes it again: `ok`, or the code of the refusal. */
const opening = () => outcomeOf(openOther().then((store) => store.close()));

/** The views are of an older generation than this version's: opening the store must remake them. */
const makeOlder = () =>
  sqlOn(test, "UPDATE schema_version SET view_generation = 1, compatible_generation = 1");

/** A node as a version before this one would make itself known, seen this long ago. */
const putOlderNode = (agoMs = 0) =>
  sqlOn(
    test,
    "INSERT INTO node VALUES ('node_old', 'old-host:7', ?, 1, ?)",
    known.version,
    toTimestamp(test.clock.nowMs() - agoMs),
  );

describe("the schema", () => {
  it("has the columns that queries name, in order", () => {
    expect(tableColumns.size).toBeGreaterThan(20);
    for (const [table, columns] of tableColumns) {
      expect([table, columnsOf(directory, table).map(({ name }) => name)]).toEqual([table, columns]);
    }
  });

  it("declares added columns as the views have them: nullable, and at the end", () => {
    const steps = [...viewSteps];
    expect(steps.map(({ generation }) => generation)).toEqual(steps.map((_, index) => index + 1));
    for (const [view, columns] of steps.flatMap(({ adds = {} }) => Object.entries(adds))) {
      for (const column of columns) {
        expect(views[view as ViewName].columns).toContain(column);
        expect(column).not.toContain("NOT NULL");
      }
    }
    const versions = migrations.map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });
});

describe("a server", () => {
  it("makes itself known while it runs, and leaves no event of it", async () => {
    const events = await eventsDuring(test.registry, async () => {
      await test.store.node.announce();
      test.clock.advance(1_000);
      await test.store.node.announce();
    });
    const [row, ...others] = sqlOn(test, "SELECT * FROM node");
    expect(others).toEqual([]);
    expect(row).toMatchObject({ ...known, name: expect.stringMatching(`:${process.pid}$`) });
    await test.store.node.leave();
    expect(sqlOn(test, "SELECT * FROM node")).toEqual([]);
    expect(events).toEqual([]);
  });

  it("drops those that were not seen for a day", async () => {
    putOlderNode(25 * 3600 * 1000);
    await test.store.node.announce();
    expect(sqlOn(test, "SELECT version, generation FROM node")).toEqual([{ ...known }]);
  });
});

describe("an upgrade that older versions do not bear", () => {
  it("is refused while an older node lives, which it names, and changes nothing", async () => {
    await publishTar(test.registry, { version: "1.0" });
    const before = dumpViews(directory);
    makeOlder();
    putOlderNode(NODE_LIVE_MS - 10_000);
    await expect(openOther()).rejects.toMatchObject({
      code: "store.older_nodes",
      kind: "unavailable",
      message: expect.stringContaining("old-host:7"),
      details: { nodes: [{ name: "old-host:7" }] },
    });
    expect(sqlOn(test, "SELECT view_generation FROM schema_version")).toEqual([{ view_generation: 1 }]);
    expect(dumpViews(directory)).toEqual(before);
  });

  it.each([
    ["was not seen for a while", NODE_LIVE_MS],
    // Otherwise a clock that was once wrong would hold the upgrade up for ever.
    ["was seen long after now", -2 * NODE_LIVE_MS],
  ])("is done when the older node %s", async (_, agoMs) => {
    makeOlder();
    putOlderNode(agoMs);
    expect(await opening()).toBe("ok");
    expect(sqlOn(test, "SELECT view_generation FROM schema_version")).toEqual([
      { view_generation: known.generation },
    ]);
  });

  it("is done beside nodes of this version", async () => {
    await test.store.node.announce();
    makeOlder();
    expect(await opening()).toBe("ok");
  });

  it("remakes the views as the log says, indexes too, for several that try at once", async () => {
    await publishTar(test.registry, { version: "1.0", channel: "beta" });
    await publishTar(test.registry, { version: "1.1", channel: "beta" });
    const before = dumpViews(directory);
    sqlOn(test, "DROP TABLE channel; CREATE TABLE channel (id TEXT); DROP TABLE share");
    sqlOn(test, "UPDATE artifact SET findings = 'wrong'");
    makeOlder();
    expect(await Promise.all([opening(), opening(), opening()])).toEqual(["ok", "ok", "ok"]);
    expect(dumpViews(directory)).toEqual(before);
    expect(await test.registry.rebuildStore()).toMatchObject({ ok: true });
    // A second time: what the first left must not be in the way.
    makeOlder();
    expect(await opening()).toBe("ok");
    expect(await test.registry.verifyStore()).toMatchObject({ ok: true });
    expect(await outcomeOf(test.registry.createApp("acme", {}))).toBe("transaction.integrity");
  });

  it("lets those who read go on", async () => {
    await publishTar(test.registry, { version: "1.0" });
    makeOlder();
    const done = new AbortController();
    const upgraded = opening().finally(() => done.abort());
    let reads = 0;
    while (!done.signal.aborted) {
      await test.store.appVersion(localPrincipal("tester"), "acme");
      reads += 1;
    }
    expect(await upgraded).toBe("ok");
    expect(reads).toBeGreaterThan(0);
  });
});

describe("a process that has the store open while a newer version upgrades it", () => {
  const upgrade = (changes: string) => sqlOn(test, `UPDATE schema_version SET ${changes}`);

  // It would go on writing views of another shape than they have.
  it.each([
    "compatible_generation = 1000, view_generation = 1000",
    "compatible_version = 1000, version = 1000",
  ])("writes no more when it cannot use it (%s)", async (changes) => {
    await publishTar(test.registry, { version: "1.0" });
    upgrade(changes);
    expect(await outcomeOf(publishTar(test.registry, { version: "1.1" }))).toBe("store.newer_schema");
    expect(await outcomeOf(test.registry.rebuildStore())).toBe("store.newer_schema");
    expect(await outcomeOf(test.store.node.announce())).toBe("store.newer_schema");
    expect(await outcomeOf(test.store.readiness())).toBe("store.newer_schema");
    expect(await opening()).toBe("store.newer_schema");
  });

  it("goes on, and can be opened, when it can; its writes say that the newer columns are not filled", async () => {
    upgrade("version = 1000, view_generation = 1000, filled_generation = 1000");
    await test.store.node.announce();
    const unfilled = () =>
      sqlOn(test, "SELECT version, view_generation, filled_generation FROM schema_version");
    expect(unfilled()).toEqual([{ version: 1000, view_generation: 1000, filled_generation: 1000 }]);
    await publishTar(test.registry, { version: "1.0" });
    expect(await opening()).toBe("ok");
    expect(unfilled()).toEqual([
      { version: 1000, view_generation: 1000, filled_generation: known.generation },
    ]);
  });
});

describe("fillViews", () => {
  const fill = (signal = new AbortController().signal) => test.store.fillViews(signal);
  const filledGeneration = () =>
    sqlOn(test, "SELECT filled_generation FROM schema_version")[0]!["filled_generation"];

  it("does nothing to views that are whole", async () => {
    expect(await fill()).toBe(false);
  });

  it("waits for older nodes to go", async () => {
    await publishTar(test.registry, { version: "1.0" });
    sqlOn(test, "UPDATE schema_version SET filled_generation = 1");
    putOlderNode();
    expect(await fill()).toBe(false);
    expect(filledGeneration()).toBe(1);
    sqlOn(test, "DELETE FROM node");
    expect(await fill()).toBe(true);
    expect(filledGeneration()).toBe(known.generation);
    expect(await fill()).toBe(false);
  });

  it("stops when asked, and is not done then", async () => {
    await publishTar(test.registry, { version: "1.0" });
    sqlOn(test, "UPDATE schema_version SET filled_generation = 1");
    await expect(fill(AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
    expect(filledGeneration()).toBe(1);
  });
});
