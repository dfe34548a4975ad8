import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openTestStore, sourceOf, tarGzBytes } from "../support/test-store.ts";
import { needs } from "../support/required-tools.ts";
import { makeRoot } from "./memory-directory.ts";
import { dist, distHere } from "./program.ts";
import { currentVersion, expectSound, isPublished, makePack, type Pack, publish } from "./stores.ts";
import { describePoints, inPairs, kill, pointsOf, record, type Subject } from "./syscalls.ts";

const DAY_MS = 24 * 3600 * 1000;
/** Two days on, when every lease and every staging file of the template has expired. */
const nowMs = Date.now() + 2 * DAY_MS;
let root: string;
beforeAll(async () => {
  root = await makeRoot();
});
afterAll(() => rm(root, { recursive: true }));

/** A store with one of everything that cleanup takes away, and a release that stays. */
async function makeTemplate(store: string): Promise<{ stays: Pack[]; goes: Pack }> {
  const goes = await makePack(join(root, "packs"), "1.0.0");
  const staysToo = await makePack(join(root, "packs"), "1.5.0");
  const stays = await makePack(join(root, "packs"), "2.0.0");
  await publish(store, goes);
  const keep = ["app", "set", "--app", "acme", "--retention-keep", "2", "--local-store", store, "--json"];
  expect((await dist(keep)).code).toBe(0);
  await publish(store, staysToo);
  await publish(store, stays);
  const opened = await openTestStore({ directory: store });
  await opened.registry.uploadObject(sourceOf(tarGzBytes("nothing refers to this")));
  await opened.close();
  const unrecorded = "ab".repeat(32);
  await mkdir(join(store, "objects/ab"), { recursive: true });
  await writeFile(join(store, "objects/ab", unrecorded), "an upload that was killed before it was recorded");
  await writeFile(join(store, "staging/upl_stale"), "an upload that was killed");
  await utimes(join(store, "staging/upl_stale"), 0, 0);
  return { stays: [staysToo, stays], goes };
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

needs("strace")("a cleanup killed at any change of the store", () => {
  it("leaves a sound store that another cleanup finishes", async () => {
    const template = join(root, "template");
    const { stays, goes } = await makeTemplate(template);
    let copies = 0;
    const start = async (): Promise<Subject> => {
      copies += 1;
      const store = join(root, String(copies));
      await cp(template, store, { recursive: true, preserveTimestamps: true });
      return { store, args: ["store", "cleanup", "--apply", "--local-store", store, "--json"], nowMs };
    };
    const { reached, beyond } = pointsOf(await record(await start()));
    console.log(`cleanup: killed at ${reached.length} points: ${describePoints(reached)}`);
    expect(reached.filter(({ name }) => name === "unlink").map(({ path }) => path.split("/")[0])).toEqual(
      expect.arrayContaining(["objects", "staging"]),
    );
    const points = [
      ...reached.map((point) => ({ point, dies: true })),
      ...beyond.map((point) => ({ point, dies: false })),
    ];
    await inPairs(points, async ({ point, dies }) => {
      const { store, args } = await start();
      const where = JSON.stringify(point);
      const run = await kill({ store, args, nowMs }, point);
      expect(run, where).toMatchObject(dies ? { signal: "SIGKILL" } : { code: 0 });
      await expectSound(store);
      for (const pack of stays) expect(await isPublished(store, pack), where).toBe(true);
      expect(await currentVersion(store), where).toBe("2.0.0");
      // Its objects go after its record, so a release that is still shown is still whole.
      await isShownWhole(store, goes);
      await finish(store, where);
      await rm(store, { recursive: true });
    });

    async function isShownWhole(store: string, pack: Pack): Promise<void> {
      const args = ["release", "show", pack.version, "--app", "acme", "--local-store", store, "--json"];
      const shown = await distHere(args);
      if (shown.code === 0 && shown.json.status === "published") await isPublished(store, pack);
    }

    /** A cleanup as late as the one that was killed: nothing it should have taken is left. */
    async function finish(store: string, where: string): Promise<void> {
      const later = await openTestStore({ directory: store });
      later.clock.advance(nowMs - later.clock.nowMs());
      await later.registry.cleanupStore({ apply: true });
      await later.close();
      expect(await expectSound(store), where).toEqual([]);
      expect(await filesBelow(join(store, "staging"))).toEqual([]);
      // The manifest of a deleted release stays for ever.
      const artifactsAndManifests = 2 + 3;
      expect(await filesBelow(join(store, "objects")), where).toHaveLength(artifactsAndManifests);
      expect(existsSync(join(store, "dist.db"))).toBe(true);
    }
  }, 600_000);
});
