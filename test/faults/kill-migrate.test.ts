import { createHash } from "node:crypto";
import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { openTestStore } from "../support/test-store.ts";
import { makeRoot } from "./memory-directory.ts";
import { distHere } from "./program.ts";
import { expectSound, isPublished, makePack, type Pack, publish } from "./stores.ts";
import { describePoints, inPairs, kill, pointsOf, record, type Subject } from "./syscalls.ts";

/** Every write of a page to the database's files is a point of the long run; the usual one takes some of them. */
const everyWrite = process.env["DIST_TEST_LONG"] === "1" ? 1 : 8;

const nowMs = Date.now();
let root: string;
let source: string;
let template: string;
let pack: Pack;
beforeAll(async () => {
  root = await makeRoot();
  source = join(root, "source");
  pack = await makePack(join(root, "packs"), "1.0.0");
  await publish(source, pack);
  // What making a store writes is another test's matter (`kill-publish.test.ts`).
  template = join(root, "template");
  await (await openTestStore({ directory: template })).close();
});
afterAll(() => rm(root, { recursive: true }));

const migration = (target: string) => ["store", "migrate", "--from", source, "--to", target, "--json"];

async function exportOf(store: string): Promise<string> {
  const output = `${store}.json`;
  expect((await distHere(["store", "export", "--local-store", store, "--output", output])).code).toBe(0);
  return createHash("sha256")
    .update(await readFile(output))
    .digest("hex");
}

needs("strace")("a migration killed at any change of its target", () => {
  // Catches an order of writes that leaves a target which a further run refuses, or takes for finished, or sends to twice.
  it("is finished by running it again", async () => {
    const exported = await exportOf(source);
    let copies = 0;
    const start = async (): Promise<Subject> => {
      copies += 1;
      const store = join(root, `target-${copies}`);
      await cp(template, store, { recursive: true });
      return { store, args: migration(store), nowMs };
    };
    const { reached: all, beyond } = pointsOf(await record(await start()));
    const reached = all.filter(({ name, nth }) => name !== "pwrite64" || nth % everyWrite === 1 % everyWrite);
    console.log(`migration: killed at ${reached.length} of ${all.length} points: ${describePoints(reached)}`);
    expect([...new Set(reached.map(({ name }) => name))]).toEqual(
      expect.arrayContaining(["pwrite64", "fsync", "link", "unlink"]),
    );
    await inPairs(
      [
        ...reached.map((point) => ({ point, dies: true })),
        ...beyond.map((point) => ({ point, dies: false })),
      ],
      async ({ point, dies }) => {
        const subject = await start();
        const where = JSON.stringify(point);
        const killed = await kill(subject, point);
        expect(killed, where).toMatchObject(dies ? { signal: "SIGKILL" } : { code: 0 });
        const again = await distHere(migration(subject.store));
        expect(again.code, `${where}: ${again.stdout}${again.stderr}`).toBe(0);
        expect(again.json.objects.total).toBe(2);
        await expectSound(subject.store);
        expect(await exportOf(subject.store), where).toBe(exported);
        expect(await isPublished(subject.store, pack)).toBe(true);
        await rm(subject.store, { recursive: true });
      },
    );
    expect(await exportOf(source)).toBe(exported);
    await expectSound(source);
  }, 600_000);
});
