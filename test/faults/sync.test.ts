import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { makeRoot } from "./memory-directory.ts";
import { expectAllOrNothing, makePack, type Pack, publish, publishArgs } from "./stores.ts";
import { describePoints, fail, inPairs, pointsOf, record, type Subject, type Syscall } from "./syscalls.ts";

const nowMs = Date.now();
let root: string;
let pack: Pack;
let copies = 0;
beforeAll(async () => {
  root = await makeRoot();
  pack = await makePack(join(root, "packs"), "2.0.0", ["x86_64", "arm64"]);
});
afterAll(() => rm(root, { recursive: true }));

async function start(template: string | null): Promise<Subject> {
  copies += 1;
  const store = join(root, String(copies));
  if (template !== null) await cp(template, store, { recursive: true });
  return { store, args: publishArgs(store, pack), nowMs };
}

async function makeTemplate(): Promise<string> {
  const template = join(root, "template");
  await publish(template, await makePack(join(root, "packs"), "1.0.0"));
  return template;
}

/** The syncs that came before the answer. SQLite's own of the directory are left out: it ignores how they end. */
function syncsBeforeAnswer(calls: readonly Syscall[]): Syscall[] {
  const answer = calls.find(({ isAnswer }) => isAnswer)!;
  const sqliteThread = calls.find(({ paths }) => paths.includes("dist.db-wal"))!.thread;
  return calls.filter(
    ({ name, thread, paths, ended }) =>
      name === "fsync" && ended < answer.began && !(thread === sqliteThread && paths[0] === "."),
  );
}

needs("strace")("what an answer rests on", () => {
  it("is durable in this order: staging, link, directory, log, answer", async () => {
    const calls = await record(await start(null));
    const answer = calls.find(({ isAnswer }) => isAnswer)!;
    const links = calls.filter(({ name }) => name === "link");
    expect(links).toHaveLength(3);
    for (const link of links) {
      const [staging, object] = link.paths;
      const folder = object!.slice(0, object!.lastIndexOf("/"));
      const synced = (path: string) =>
        calls.filter(({ name, paths }) => name === "fsync" && paths[0] === path);
      const [staged] = synced(staging!);
      const written = calls.filter(({ name, paths }) => name === "pwrite64" && paths[0] === staging);
      const linked = synced(folder).find(({ began }) => began > link.ended);
      const logged = synced("dist.db-wal").find(({ began }) => began > linked!.ended);
      const dropped = calls.find(({ name, paths }) => name === "unlink" && paths[0] === staging);
      expect(written.at(-1)!.ended).toBeLessThan(staged!.began);
      expect(staged!.ended).toBeLessThan(link.began);
      expect(logged!.ended).toBeLessThan(dropped!.began);
      expect(logged!.ended).toBeLessThan(answer.began);
    }
    // Every directory that was made is itself in a directory that was synced before the answer.
    for (const made of calls.filter(({ name }) => name === "mkdir")) {
      const parent = made.paths[0]!.includes("/") ? "objects" : ".";
      const syncs = calls.filter(({ name, paths }) => name === "fsync" && paths[0] === parent);
      if (made.paths[0] !== ".") {
        expect(syncs.some(({ began, ended }) => began > made.ended && ended < answer.began)).toBe(true);
      }
    }
    // The last transaction is the release's own, and nothing was written between its sync and the answer.
    const lastLog = calls.findLast(
      ({ name, paths, ended }) => name === "fsync" && paths[0] === "dist.db-wal" && ended < answer.began,
    )!;
    const between = calls.filter(({ began }) => began > lastLog.ended && began < answer.began);
    expect(between.map(({ name, paths }) => `${name} ${paths.join(" ")}`)).toEqual([]);
  });

  it.each(["new", "existing"])(
    "is never answered for when a sync fails (%s store)",
    async (kind) => {
      const template = kind === "new" ? null : await makeTemplate();
      const syncs = syncsBeforeAnswer(await record(await start(template)));
      const { reached } = pointsOf(syncs);
      console.log(`${kind} store: ${describePoints(reached)} that failed with EIO, on:`);
      console.log(reached.map(({ path, nth }) => `  ${path} ${nth}`).join("\n"));
      expect(reached.map(({ path }) => path.split("/")[0])).toEqual(
        expect.arrayContaining(["staging", "objects", "dist.db-wal"]),
      );
      await inPairs(reached, async (point) => {
        const subject = await start(template);
        const run = await fail(subject, point, "EIO");
        const where = JSON.stringify(point);
        expect(run.code, `${where} ${run.stdout} ${run.stderr}`).toBe(3);
        expect(Object.keys(run.json), where).toEqual(["error"]);
        await expectAllOrNothing(subject.store, pack, template === null ? null : "1.0.0", run).catch(
          (error: unknown) => {
            throw new Error(`After EIO at ${where}: ${String(error)}`, { cause: error });
          },
        );
      });
    },
    120_000,
  );
});
