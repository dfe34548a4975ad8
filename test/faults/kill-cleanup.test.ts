import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import type { Registry } from "../../src/registry/registry.ts";
import { openTestStore, sourceOf, tarGzBytes } from "../support/test-store.ts";
import { needs } from "../support/required-tools.ts";
import { makeRoot } from "./memory-directory.ts";
import { dist, distHere } from "./program.ts";
import { currentVersion, expectSound, isPublished, makePack, type Pack, publish } from "./stores.ts";
import { describePoints, inPairs, kill, pointsOf, record, type Subject } from "./syscalls.ts";

const DAY_MS = 24 * 3600 * 1000;
/** Ten days on, when every lease, every staging file and the shortest class of the template has expired. */
const nowMs = Date.now() + 10 * DAY_MS;
let root: string;
beforeAll(async () => {
  root = await makeRoot();
});
afterAll(() => rm(root, { recursive: true }));

interface Template {
  readonly stays: readonly Pack[];
  readonly goes: Pack;
  /** Ids of packages: one whose period has ended, one that a hold keeps besides, one whose period runs. */
  readonly evidence: { readonly goes: string; readonly held: string; readonly stays: string };
}

/** A store with one of everything that cleanup takes away, and a release and packages that stay. */
async function makeTemplate(store: string): Promise<Template> {
  const goes = await makePack(join(root, "packs"), "1.0.0");
  const staysToo = await makePack(join(root, "packs"), "1.5.0");
  const stays = await makePack(join(root, "packs"), "2.0.0");
  await publish(store, goes);
  const keep = ["app", "set", "--app", "acme", "--retention-keep", "2", "--local-store", store, "--json"];
  expect((await dist(keep)).code).toBe(0);
  await publish(store, staysToo);
  await publish(store, stays);
  const opened = await openTestStore({ directory: store });
  opened.clock.advance(Date.now() - opened.clock.nowMs());
  await opened.registry.uploadObject(sourceOf(tarGzBytes("nothing refers to this")));
  const evidence = await makeEvidence(opened.registry);
  await opened.close();
  const unrecorded = "ab".repeat(32);
  await mkdir(join(store, "objects/ab"), { recursive: true });
  await writeFile(join(store, "objects/ab", unrecorded), "an upload that was killed before it was recorded");
  await writeFile(join(store, "staging/upl_stale"), "an upload that was killed");
  await utimes(join(store, "staging/upl_stale"), 0, 0);
  return { stays: [staysToo, stays], goes, evidence };
}

/** Packages that share one file. */
async function makeEvidence(registry: Registry): Promise<Template["evidence"]> {
  const finalized = async (name: string, retention_class: string) => {
    const { id } = await registry.createPackage({ kind: "run", retention_class });
    const files = [];
    for (const text of ["shared", name]) {
      const { sha256 } = await registry.uploadObject(sourceOf(tarGzBytes(text)));
      files.push({ path: text, sha256 });
    }
    await registry.addPackageFiles(id, files);
    return (await registry.finalizePackage(id)).id;
  };
  const held = await finalized("held", "transient");
  await registry.holdPackage(held, { reason: "Dispute." });
  return {
    goes: await finalized("goes", "transient"),
    held,
    stays: await finalized("stays", "raw-evidence"),
  };
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

needs("strace")("a cleanup killed at any change of the store", () => {
  it("leaves a sound store that another cleanup finishes", async () => {
    const template = join(root, "template");
    const { stays, goes, evidence } = await makeTemplate(template);
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
      for (const id of [evidence.held, evidence.stays])
        expect(await packageState(store, id), where).toBe("whole");
      expect(["whole", "package.deleted"], where).toContain(await packageState(store, evidence.goes));
      await finish(store, where);
      await rm(store, { recursive: true });
    });

    /** `whole` when every byte of a package is there, or the code of its refusal. */
    async function packageState(store: string, id: string): Promise<string> {
      const { code, json } = await distHere(["package", "verify", id, "--local-store", store, "--json"]);
      if (code === 1) return json.error.code;
      expect(json).toMatchObject({ ok: true, problems: [], checked: { files: 2 } });
      return "whole";
    }

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
      expect(await packageState(store, evidence.goes), where).toBe("package.deleted");
      // The manifests of deleted releases and packages stay for ever.
      const ofReleases = 2 + 3;
      const ofEvidence = 3 + 3;
      expect(await filesBelow(join(store, "objects")), where).toHaveLength(ofReleases + ofEvidence);
      expect(existsSync(join(store, "dist.db"))).toBe(true);
    }
  }, 600_000);
});
