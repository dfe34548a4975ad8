import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { makeRoot } from "./memory-directory.ts";
import { expectAllOrNothing, makePack, type Pack, publish, publishArgs } from "./stores.ts";
import { describePoints, inPairs, kill, type Point, pointsOf, record, type Subject } from "./syscalls.ts";

const nowMs = Date.now();
let root: string;
beforeAll(async () => {
  root = await makeRoot();
});
afterAll(() => rm(root, { recursive: true }));

/**
 * Kills `ci publish` at every call by which it changes the store, each time from the same beginning, and looks at what is
 * left. Catches an order of writes that leaves half a release, or a store that does not open any more.
 */
async function killEverywhere(pack: Pack, template: string | null, before: string | null): Promise<Point[]> {
  let copies = 0;
  const start = async (): Promise<Subject> => {
    copies += 1;
    const store = join(root, `${pack.version}-${copies}`);
    if (template !== null) await cp(template, store, { recursive: true });
    return { store, args: publishArgs(store, pack), nowMs };
  };
  const { reached, beyond } = pointsOf(await record(await start()));
  await inPairs(
    [...reached.map((point) => ({ point, dies: true })), ...beyond.map((point) => ({ point, dies: false }))],
    async ({ point, dies }) => {
      const subject = await start();
      const run = await kill(subject, point);
      const where = JSON.stringify(point);
      expect(run, where).toMatchObject(dies ? { signal: "SIGKILL" } : { code: 0 });
      await expectAllOrNothing(subject.store, pack, before, run).catch((error: unknown) => {
        throw new Error(`After a kill at ${where}: ${String(error)}`, { cause: error });
      });
      await rm(subject.store, { recursive: true });
    },
  );
  return reached;
}

needs("strace")("a publish killed at any change of the store", () => {
  it("leaves a sound store with the whole release or none, when the store was new", async () => {
    const pack = await makePack(join(root, "packs"), "1.0.0");
    const points = await killEverywhere(pack, null, null);
    console.log(`new store: killed at ${points.length} points: ${describePoints(points)}`);
    const names = new Set(points.map(({ name }) => name));
    expect([...names]).toEqual(
      expect.arrayContaining(["pwrite64", "fsync", "link", "unlink", "ftruncate", "mkdir"]),
    );
    const paths = points.map(({ path }) => path).join("\n");
    expect(paths).toMatch(/^dist\.db-journal$/m);
    expect(paths).toMatch(/^dist\.db-wal$/m);
    expect(paths).toMatch(/^staging\/upl_\w+$/m);
    expect(paths).toMatch(/^objects\/[0-9a-f]{2}$/m);
  }, 600_000);

  it("leaves a sound store with the whole release or none, when the store has releases", async () => {
    const template = join(root, "template");
    await publish(template, await makePack(join(root, "packs"), "1.0.0"));
    const pack = await makePack(join(root, "packs"), "2.0.0", ["x86_64", "arm64"]);
    const points = await killEverywhere(pack, template, "1.0.0");
    console.log(`store with releases: killed at ${points.length} points: ${describePoints(points)}`);
    expect(points.filter(({ name }) => name === "link")).toHaveLength(3);
  }, 600_000);
});
