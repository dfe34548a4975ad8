import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openSqliteDatabase } from "../../src/catalog/sqlite/sqlite-database.ts";
import { systemClock } from "../../src/base/clock.ts";
import { dist, runNode } from "./program.ts";
import { expectSound, makePack, publishArgs } from "./stores.ts";

const RELEASES_EACH = 200;

let root: string;
let store: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "dist-two-"));
  store = join(root, "store");
});
afterEach(() => rm(root, { recursive: true }));

async function versions(): Promise<string[]> {
  const found: string[] = [];
  let after: string | null = null;
  do {
    const page: string[] = after === null ? [] : ["--after", after];
    const args = ["release", "list", "--app", "acme", "--limit", "1000", "--local-store", store, "--json"];
    const { json } = await dist([...args, ...page]);
    found.push(...json.items.map(({ version }: { version: string }) => version));
    after = json.next;
  } while (after !== null);
  return found.toSorted();
}

/** The sequence numbers of the log, in order. */
async function sequence(): Promise<number[]> {
  const path = join(store, "dist.db");
  const database = await openSqliteDatabase({ path, create: false, clock: systemClock });
  const rows = await database.read((reader) =>
    reader.fetch((db) => db.selectFrom("event").select("seq").orderBy("seq")),
  );
  await database.close();
  return rows.map(({ seq }) => seq);
}

describe("several processes publishing into one store", () => {
  it("two of 200 releases each: all are there, the log has no gap, and nobody sees a lock", async () => {
    const script = join(import.meta.dirname, "publish-many.ts");
    const runs = await Promise.all(
      ["a", "b"].map((prefix) => runNode([script, store, prefix, String(RELEASES_EACH)])),
    );
    for (const run of runs) {
      expect(run.stderr).toBe("");
      expect(run.stdout).toBe(`published ${RELEASES_EACH}\n`);
      expect(run.code).toBe(0);
    }
    const expected = ["a", "b"].flatMap((prefix) =>
      Array.from({ length: RELEASES_EACH }, (_, index) => `${prefix}.${index}`),
    );
    expect(await versions()).toEqual(expected.toSorted());
    const seqs = await sequence();
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    expect(await expectSound(store)).toEqual([]);
  }, 180_000);

  // Catches a second process that finds the store half made.
  it("a few commands at once into a store that none of them found", async () => {
    const packs = await Promise.all(
      ["1.0.0", "2.0.0", "3.0.0", "4.0.0"].map((version) => makePack(join(root, version), version)),
    );
    const runs = await Promise.all(packs.map((pack) => dist(publishArgs(store, pack))));
    for (const run of runs) expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(await versions()).toEqual(["1.0.0", "2.0.0", "3.0.0", "4.0.0"]);
    await expectSound(store);
  });

  it("the same release twice at once is published once", async () => {
    const pack = await makePack(join(root, "packs"), "1.0.0");
    const runs = await Promise.all(
      [0, 1, 2].map(() => dist([...publishArgs(store, pack), "--if-exists", "skip"])),
    );
    const statuses = runs.map((run) => run.json.status ?? run.json.error.code);
    expect(statuses.toSorted()).toEqual(["published", "unchanged", "unchanged"]);
    await expectSound(store);
  });
});
