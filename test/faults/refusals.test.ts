import { spawnSync } from "node:child_process";
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { dist, type ProgramOptions } from "./program.ts";
import { currentVersion, expectError, expectSound, makePack, publish } from "./stores.ts";

const NOBODY = 65_534;
const MIB = 1024 * 1024;

let root: string;
let packs: string;
let store: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "dist-refused-"));
  packs = join(root, "packs");
  store = join(root, "store");
  await publish(store, await makePack(packs, "1.0.0"));
  await writeFile(join(packs, "acme.tar.gz"), tarGzBytes("2.0.0"));
  await chmod(root, 0o755);
});
afterAll(() => rm(root, { recursive: true }));

/** Publishing this manifest is refused with this code, and the store is as it was. */
async function expectRefused(
  manifest: string | object,
  code: string,
  exit = 1,
  options: ProgramOptions = {},
): Promise<void> {
  const path = join(packs, "dist.json");
  await writeFile(path, typeof manifest === "string" ? manifest : JSON.stringify(manifest));
  const args = ["ci", "publish", "--local-store", store, "--manifest", path, "--json"];
  expectError(await dist(args, options), code, exit);
  await expectUntouched();
}

async function expectUntouched(): Promise<void> {
  await expectSound(store);
  expect(await currentVersion(store)).toBe("1.0.0");
  const listed = await dist(["release", "list", "--app", "acme", "--local-store", store, "--json"]);
  expect(listed.json.items.map(({ version }: { version: string }) => version)).toEqual(["1.0.0"]);
  expect(await readdir(join(store, "staging"))).toEqual([]);
}

const manifestOf = (artifact: object, more: object = {}) => ({
  app: "acme",
  version: "2.0.0",
  channel: "beta",
  artifacts: [{ platform: "linux", path: "acme.tar.gz", ...artifact }],
  ...more,
});

describe("a publish that is refused moves no channel and shows no release", () => {
  it.each([
    ["a wrong size", manifestOf({ size: 1 }), "validation.size_mismatch"],
    ["a wrong digest", manifestOf({ sha256: "0".repeat(64) }), "validation.digest_mismatch"],
    ["an unknown platform", manifestOf({ platform: "amiga" }), "manifest.unknown_platform"],
    ["an unknown key", manifestOf({ colour: "red" }), "manifest.unknown_key"],
    ["a missing file", manifestOf({ path: "none.tar.gz" }), "manifest.file_not_found"],
    ["a directory for a file", manifestOf({ path: "." }), "validation.file_unreadable"],
    ["no JSON", "{ app: acme }", "manifest.invalid_json"],
    ["no manifest's shape", "[]", "manifest.wrong_type"],
  ])("%s", (_what, manifest, code) => expectRefused(manifest, code));

  it("a wrong extension", async () => {
    await writeFile(join(packs, "acme.txt"), "text");
    await expectRefused(manifestOf({ path: "acme.txt" }), "validation.failed");
  });

  it("a missing manifest", async () => {
    const args = ["ci", "publish", "--local-store", store, "--manifest", join(packs, "no.json"), "--json"];
    expectError(await dist(args), "manifest.not_found", 1);
    await expectUntouched();
  });
});

needs("strace")("a file that reading fails on", () => {
  it("is refused, and nothing of it stays", async () => {
    const file = join(packs, "acme.tar.gz");
    const trace = ["-o", "/dev/null", "-P", file, "-e", "trace=pread64", "-e", "inject=pread64:error=EIO"];
    const under = ["strace", "-f", ...trace];
    await expectRefused(manifestOf({}), "validation.file_unreadable", 1, { under });
  });

  // Reading takes a second, so that the change comes while it lasts: it is made once the first bytes are staged.
  it.each([
    ["grows", (path: string) => appendFile(path, "more")],
    ["shrinks", (path: string) => truncate(path, 3 * MIB)],
    ["is written to", async (path: string) => writeFile(path, Buffer.alloc(16 * MIB, 1))],
  ])("is refused when it %s meanwhile", async (_how, change) => {
    const file = join(packs, "large.tar.gz");
    await writeFile(file, tarGzBytes(""));
    await truncate(file, 16 * MIB);
    const slow = ["-e", "trace=pread64", "-e", "inject=pread64:delay_enter=100000:when=4+"];
    const under = ["strace", "-f", "-o", "/dev/null", "-P", file, ...slow];
    const changed = whenStagingHasBytes().then(() => change(file));
    const manifest = manifestOf({ path: "large.tar.gz" });
    await expectRefused(manifest, "validation.source_changed", 1, { under });
    await changed;
  });

  async function whenStagingHasBytes(): Promise<void> {
    for (;;) {
      for (const name of await readdir(join(store, "staging"))) {
        if ((await stat(join(store, "staging", name))).size > 0) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
});

needs("tmpfs")("as somebody who may not", () => {
  let disk: string;
  beforeEach(async () => {
    disk = join(root, "disk");
    await mkdir(disk);
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=755", "tmpfs", disk]).status).toBe(0);
  });
  afterEach(async () => {
    expect(spawnSync("umount", [disk]).status).toBe(0);
    await rm(disk, { recursive: true });
  });

  it("an unreadable file is refused", async () => {
    const shared = join(disk, "store");
    const pack = await makePack(disk, "1.0.0");
    await chmod(join(disk, "acme-1.0.0-x86_64.tar.gz"), 0);
    await mkdir(shared);
    await chown(shared, NOBODY, NOBODY);
    const args = ["ci", "publish", "--local-store", shared, "--manifest", pack.manifest, "--json"];
    expectError(await dist(args, { uid: NOBODY }), "validation.file_unreadable", 1);
  });

  it("a store of somebody else's is not written", async () => {
    const pack = await makePack(disk, "1.0.0");
    const args = ["ci", "publish", "--local-store", join(disk, "new"), "--manifest", pack.manifest, "--json"];
    expectError(await dist(args, { uid: NOBODY }), "store.read_only", 3);
    const theirs = join(disk, "theirs");
    await publish(theirs, pack);
    const again = ["ci", "publish", "--local-store", theirs, "--manifest", pack.manifest, "--json"];
    expectError(await dist([...again, "--version", "2.0.0"], { uid: NOBODY }), "store.read_only", 3);
    await expectSound(theirs);
    expect(await currentVersion(theirs)).toBe("1.0.0");
  });

  it("a store is moved neither from somebody else's nor to somebody else's place", async () => {
    const pack = await makePack(disk, "1.0.0");
    const [theirs, own] = [join(disk, "theirs"), join(disk, "own")];
    await publish(theirs, pack);
    await mkdir(own);
    await chown(own, NOBODY, NOBODY);
    const to = (from: string, place: string) => ["store", "migrate", "--from", from, "--to", place, "--json"];
    expectError(await dist(to(theirs, join(own, "moved")), { uid: NOBODY }), "store.read_only", 3);
    expect(await readdir(own)).toEqual([]);
    const args = [
      "ci",
      "publish",
      "--local-store",
      join(own, "store"),
      "--manifest",
      pack.manifest,
      "--json",
    ];
    expect((await dist(args, { uid: NOBODY })).code).toBe(0);
    expectError(await dist(to(join(own, "store"), join(disk, "new")), { uid: NOBODY }), "store.read_only", 3);
    expectError(await dist(to(join(own, "store"), theirs), { uid: NOBODY }), "store.read_only", 3);
    await expectSound(theirs);
  });

  it("a file system that is mounted for reading is not written", async () => {
    const pack = await makePack(disk, "1.0.0");
    const theirs = join(disk, "theirs");
    await publish(theirs, pack);
    expect(spawnSync("mount", ["-o", "remount,ro", disk]).status).toBe(0);
    const args = ["ci", "publish", "--local-store", theirs, "--manifest", pack.manifest, "--json"];
    expectError(await dist([...args, "--version", "2.0.0"]), "store.read_only", 3);
    expectError(await dist(args.with(3, join(disk, "new"))), "store.read_only", 3);
    expect(spawnSync("mount", ["-o", "remount,rw", disk]).status).toBe(0);
    await expectSound(theirs);
    expect(await currentVersion(theirs)).toBe("1.0.0");
  });
});
