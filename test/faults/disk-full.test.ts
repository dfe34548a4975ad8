import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { dist } from "./program.ts";
import {
  currentVersion,
  expectError,
  expectSound,
  isPublished,
  makePack,
  type Pack,
  publish,
  publishArgs,
} from "./stores.ts";

const DISK_BYTES = 4 * 1024 * 1024;
const BLOCK_BYTES = 4096;
const ROOM_STEP_BYTES = 8 * BLOCK_BYTES;
let root: string;
let disk: string;
let store: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "dist-full-"));
});
afterAll(() => rm(root, { recursive: true }));

/** What a refused publish leaves: nothing of the release, and once there is room the same command succeeds. */
async function expectNothingOf(pack: Pack, before: string | null): Promise<void> {
  if (existsSync(join(store, "dist.db"))) {
    const collectable = await expectSound(store);
    const kinds = new Set(collectable.map(({ kind }) => kind));
    expect(["object", "file", "staging"]).toEqual(expect.arrayContaining([...kinds]));
    expect(await isPublished(store, pack)).toBe(false);
    expect(await currentVersion(store)).toBe(before);
  }
  await publish(store, pack);
  expect(await isPublished(store, pack)).toBe(true);
  await expectSound(store);
}

needs("tmpfs")("a full disk", () => {
  beforeEach(async () => {
    disk = join(root, "disk");
    store = join(disk, "store");
    await mkdir(disk, { recursive: true });
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk]).status).toBe(0);
  });
  afterEach(() => {
    expect(spawnSync("umount", [disk]).status).toBe(0);
  });

  /** Fills the disk but for so many bytes. */
  async function leave(bytes: number): Promise<void> {
    const filler = join(disk, "filler");
    // What was written before the disk refused more stays.
    await expect(writeFile(filler, Buffer.alloc(DISK_BYTES + BLOCK_BYTES))).rejects.toMatchObject({
      code: "ENOSPC",
    });
    const { size } = await stat(filler);
    await truncate(filler, Math.floor(Math.max(0, size - bytes) / BLOCK_BYTES) * BLOCK_BYTES);
  }

  it("that fills while a store moves to it ends the migration, which goes on once there is room", async () => {
    const source = join(root, "source");
    const pack = await makePack(join(root, "packs"), "3.0.0", ["x86_64", "arm64"], DISK_BYTES / 4);
    await publish(source, pack);
    await leave(DISK_BYTES / 4 + 128 * BLOCK_BYTES);
    const migration = ["store", "migrate", "--from", source, "--to", store, "--json"];
    expectError(await dist(migration), "store.full", 3);
    await expectSound(source);
    await rm(join(disk, "filler"));
    const moved = await dist(migration);
    expect([moved.code, moved.json.objects.total]).toEqual([0, 3]);
    expect(await isPublished(store, pack)).toBe(true);
    await expectSound(store);
  });

  it("that fills while bytes are staged refuses them whole", async () => {
    await publish(store, await makePack(join(root, "packs"), "1.0.0"));
    const pack = await makePack(join(root, "packs"), "2.0.0", ["x86_64"], DISK_BYTES / 4);
    await leave(DISK_BYTES / 8);
    expectError(await dist(publishArgs(store, pack)), "store.full", 3);
    await rm(join(disk, "filler"));
    expect(await expectSound(store)).toEqual([]);
    await expectNothingOf(pack, "1.0.0");
  });

  /** Publishes with ever more room until it fits; answers how often it did not. */
  async function publishWithMoreAndMoreRoom(pack: Pack, template: string | null): Promise<number> {
    for (let refused = 0; ; refused++) {
      await rm(store, { recursive: true, force: true });
      if (template !== null) await cp(template, store, { recursive: true });
      await leave(refused * ROOM_STEP_BYTES);
      const run = await dist(publishArgs(store, pack));
      await rm(join(disk, "filler"));
      if (run.code === 0) return refused;
      expectError(run, "store.full", 3);
      await expectNothingOf(pack, template === null ? null : "1.0.0");
    }
  }

  it("that fills while a new store is written leaves no release", async () => {
    const pack = await makePack(join(root, "packs"), "1.0.0");
    const refused = await publishWithMoreAndMoreRoom(pack, null);
    console.log(`new store: refused with ${refused} amounts of room`);
    expect(refused).toBeGreaterThan(5);
  }, 120_000);

  it("that fills while the log of a store with releases is written leaves those and no other", async () => {
    const template = join(root, "template");
    await publish(template, await makePack(join(root, "packs"), "1.0.0"));
    const pack = await makePack(join(root, "packs"), "3.0.0", ["x86_64", "arm64"]);
    const refused = await publishWithMoreAndMoreRoom(pack, template);
    console.log(`store with releases: refused with ${refused} amounts of room`);
    expect(refused).toBeGreaterThan(5);
  }, 120_000);
});
