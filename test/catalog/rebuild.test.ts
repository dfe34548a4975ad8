import { rm } from "node:fs/promises";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type ViewName, viewNames, views } from "../../src/catalog/schema/views.ts";
import { columnsOf, dumpViews, makeDirectory, rowsOf, tamper } from "../store/store-files.ts";
import { engine } from "../support/test-database.ts";
import { openTestStore, publishTar, type TestStore } from "../support/test-store.ts";
import { fullHistory, HistoryRun } from "./histories.ts";

let directory: string;
let store: TestStore;
beforeEach(async () => {
  directory = await makeDirectory();
  store = await openTestStore({ directory });
  await new HistoryRun(store).run(fullHistory);
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

/** Another value of the column's type, for a value and for NULL. */
const other = ({ name, type }: ReturnType<typeof columnsOf>[number]) =>
  type === "INTEGER" ? `coalesce(${name} + 1000, 1)` : `coalesce(${name} || '-changed', 'changed')`;

/**
 * The columns that are worth a rebuild each: all of them; on PostgreSQL, where one takes long and the comparison is the
 * same text, one of each type with and without a value.
 */
function columnsToChange(view: ViewName): ReturnType<typeof columnsOf> {
  const columns = columnsOf(directory, view);
  if (engine === "sqlite") return columns;
  const [row] = rowsOf(directory, `SELECT * FROM ${view} WHERE ${firstRow(view)}`);
  const kinds = Map.groupBy(columns, ({ name, type }) => `${type} ${row![name] === null}`);
  return [...kinds.values()].map(([first]) => first!);
}

const firstRow = (view: ViewName) => `rowid = (SELECT min(rowid) FROM ${view})`;

/** A rebuild names this view and no other, puts it right, and then finds nothing more. */
async function expectRepaired(view: ViewName, rows: number, sound: unknown): Promise<void> {
  expect(dumpViews(directory)).not.toEqual(sound);
  const report = await store.registry.rebuildStore();
  expect(report.ok).toBe(false);
  expect(report.problems).toEqual([
    { code: "view.differed", target: view, message: expect.stringMatching(new RegExp(`: ${rows}\\.$`)) },
  ]);
  expect(dumpViews(directory)).toEqual(sound);
  expect(await store.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
}

describe("a rebuild of views that somebody changed", () => {
  it("finds a row in every view to change: otherwise the tests below prove nothing", () => {
    const empty = Object.entries(dumpViews(directory)).filter(([, rows]) => rows.length === 0);
    expect(empty).toEqual([]);
    expect(viewNames).toHaveLength(15);
  });

  it.each(viewNames)("repairs %s with any one column changed", async (view) => {
    const sound = dumpViews(directory);
    for (const column of columnsToChange(view)) {
      tamper(directory, `UPDATE ${view} SET ${column.name} = ${other(column)} WHERE ${firstRow(view)}`);
      await expectRepaired(view, 1, sound);
    }
  });

  it.each(viewNames)("repairs %s with a row deleted", async (view) => {
    const sound = dumpViews(directory);
    tamper(directory, `DELETE FROM ${view} WHERE ${firstRow(view)}`);
    await expectRepaired(view, 1, sound);
  });

  it.each(viewNames)("repairs %s with a row of nobody's inserted", async (view) => {
    const sound = dumpViews(directory);
    const values = columnsOf(directory, view).map((column) => other(column));
    tamper(directory, `INSERT INTO ${view} SELECT ${values.join()} FROM ${view} WHERE ${firstRow(view)}`);
    await expectRepaired(view, 1, sound);
  });

  // Equal counts must not pass for equal rows.
  it.each(viewNames)("repairs %s emptied", async (view) => {
    const sound = dumpViews(directory);
    const count = sound[view]!.length;
    tamper(directory, `DELETE FROM ${view}`);
    await expectRepaired(view, count, sound);
  });

  it("names every view that differs, and leaves log and state alone", async () => {
    const sound = dumpViews(directory);
    const others = () =>
      ["event", "log_head", "storage_location", "lease", "token_use"].map((table) =>
        rowsOf(directory, `SELECT * FROM ${table} ORDER BY 1, 2`),
      );
    const before = others();
    for (const view of viewNames) tamper(directory, `DELETE FROM ${view}`);
    const report = await store.registry.rebuildStore();
    expect(report.problems.map(({ target }) => target)).toEqual(viewNames);
    expect(dumpViews(directory)).toEqual(sound);
    expect(others()).toEqual(before);
  });

  it("says how many events it replayed and how many rows each view has", async () => {
    const report = await store.registry.rebuildStore();
    const counts = Object.entries(dumpViews(directory)).map(([view, rows]) => [view, rows.length]);
    expect(report.views).toEqual(Object.fromEntries(counts));
    expect(report.events).toBe(rowsOf(directory, "SELECT count(*) AS n FROM event")[0]!["n"]);
    expect(Object.keys(views)).toEqual(viewNames);
  });
});

describe("a rebuild while others work", () => {
  it("takes in what is published meanwhile", async () => {
    const publishTwo = async () => {
      await publishTar(store.registry, { version: "3.0", channel: "beta" });
      await publishTar(store.registry, { version: "3.1", channel: "beta" });
    };
    const [report] = await Promise.all([
      store.registry.rebuildStore(),
      publishTwo(),
      store.registry.rebuildStore(),
    ]);
    expect(report).toMatchObject({ ok: true, problems: [] });
    expect(await store.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
    expect((await store.registry.getChannel("acme", "beta")).current_version).toBe("3.1");
  });

  it("stops when asked, and has changed nothing", async () => {
    tamper(directory, "UPDATE app SET owner = 'mallory'");
    const changed = dumpViews(directory);
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(store.registry.rebuildStore({ signal })).rejects.toThrow("stop");
    expect(dumpViews(directory)).toEqual(changed);
  });
});

describe("a rebuild of a damaged log", () => {
  // What the views hold may be all that is left of what the log lost: they must not be replaced by less.
  it.each([
    ["log.gap", "DELETE FROM event WHERE seq = 2"],
    // What follows cannot be projected: the channel that is promoted was never made.
    [
      "log.gap",
      "DELETE FROM event WHERE seq = (SELECT min(seq) FROM event WHERE type = 'v1.channel.created')",
    ],
    ["log.gap", "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)"],
    ["log.gap", "UPDATE log_head SET head = head + 1"],
    ["log.gap", "DELETE FROM event"],
    ["log.hash_mismatch", "UPDATE event SET bytes = x'a0' WHERE seq = 3"],
    [
      "log.hash_mismatch",
      "UPDATE event SET leaf_hash = zeroblob(32) WHERE seq = (SELECT max(seq) FROM event)",
    ],
  ])("reports %s once and leaves the views alone (%s)", async (code, sql) => {
    tamper(directory, sql);
    tamper(directory, "UPDATE app SET owner = 'mallory'");
    const before = dumpViews(directory);
    const report = await store.registry.rebuildStore();
    expect(report.problems).toMatchObject([{ code }]);
    expect(report.ok).toBe(false);
    expect(dumpViews(directory)).toEqual(before);
  });
});
