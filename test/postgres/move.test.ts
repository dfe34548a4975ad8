import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type ViewName, viewNames, views } from "../../src/catalog/schema/views.ts";
import { readLines } from "../../src/cli/read-lines.ts";
import { fullHistory, HistoryRun } from "../catalog/histories.ts";
import { dumpViews, makeDirectory } from "../store/store-files.ts";
import { openTestStore, type TestStore } from "../support/test-store.ts";

const sqlite = { database: { engine: "sqlite", file: "dist.db" } } as const;

let onPostgres: TestStore;
let onSqlite: TestStore;
beforeEach(async () => {
  onPostgres = await openTestStore({ directory: await makeDirectory(), blobs: "directory" });
  onSqlite = await openTestStore({ directory: await makeDirectory(), settings: sqlite, blobs: "directory" });
});
afterEach(async () => {
  for (const { close, directory } of [onPostgres, onSqlite]) {
    await close();
    await rm(directory, { recursive: true });
  }
});

async function exportOf({ registry }: TestStore): Promise<string> {
  let text = "";
  for await (const piece of registry.exportStore()) text += piece;
  return text;
}

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}

/** Every row of every view, as the engine has it: not by way of the product. */
function viewsOf(store: TestStore): unknown {
  if (store === onPostgres) return dumpViews(store.directory);
  const database = new DatabaseSync(join(store.directory, "dist.db"), { readOnly: true });
  const rows = (view: ViewName) =>
    database.prepare(`SELECT * FROM ${view} ORDER BY ${views[view].key.join()}`).all();
  const dump = Object.fromEntries(viewNames.map((view) => [view, rows(view)]));
  database.close();
  return dump;
}

/** What the store answers to who reads it, but for the place of its files. */
async function answersOf({ registry, directory }: TestStore): Promise<string> {
  const answers = {
    apps: await registry.listApps(),
    acme: await registry.getApp("acme"),
    releases: await registry.listReleases("acme"),
    channels: await registry.listChannels("acme"),
    history: await registry.channelHistory("acme", "beta"),
    audit: await registry.listAudit({ limit: 1_000 }),
  };
  return JSON.stringify(answers, null, 1).replaceAll(directory, "");
}

describe("a store that moves", () => {
  it.each(["from SQLite to PostgreSQL", "from PostgreSQL to SQLite"])(
    "%s keeps every byte of its log, and answers the same",
    async (way) => {
      const [source, target] = way.startsWith("from SQLite")
        ? [onSqlite, onPostgres]
        : [onPostgres, onSqlite];
      await new HistoryRun(source).run(fullHistory);
      await cp(join(source.directory, "objects"), join(target.directory, "objects"), { recursive: true });
      const text = await exportOf(source);
      const report = await target.registry.importStore(readLines(bytesOf(text)));
      expect(report).toMatchObject({ ok: true, problems: [] });
      expect(await exportOf(target)).toBe(text);
      expect(viewsOf(target)).toEqual(viewsOf(source));
      expect(await answersOf(target)).toBe(await answersOf(source));
      expect(await target.registry.verifyStore()).toMatchObject({ ok: true, problems: [] });
      expect(await target.registry.rebuildStore()).toMatchObject({ ok: true, problems: [] });
    },
  );
});
