import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";

import type { PackageRecord } from "../../src/registry/records/packages.ts";
import { killPrograms, type Program, startProgram } from "../support/programs.ts";
import { serveTestStore } from "../support/test-server.ts";
import { eventsOf, openTestStore, sqlOn, type TestStore } from "../support/test-store.ts";

const isLong = process.env["DIST_TEST_LONG"] !== undefined;
const FILES = isLong ? 50_000 : 4_000;
const FILE_BYTES = isLong ? 40_000 : 1_000;
/** As many requests as a client has under way: what of them had arrived when it was killed does not count. */
const UNDER_WAY = 16;
/** The program itself takes 130; what it knows of each file comes on top, the files themselves do not. */
const MAX_RESIDENT_MB = 400;

let test: TestStore;
let root: string;
beforeEach(async () => {
  test = await openTestStore();
  // The program has the machine's clock.
  test.clock.advance(Date.now() - test.clock.nowMs());
  root = await mkdtemp(join(tmpdir(), "dist-kill-"));
  await writeFiles(join(root, "run"));
});
afterEach(async () => {
  await killPrograms();
  await test.close();
  await rm(root, { recursive: true });
});
afterAll(killPrograms);

async function writeFiles(run: string): Promise<void> {
  for (let index = 0; index < FILES; index += 1) {
    const below = join(run, "raw", String(Math.floor(index / 500)));
    if (index % 500 === 0) await mkdir(below, { recursive: true });
    await writeFile(join(below, `${index}.bin`), randomBytes(FILE_BYTES));
  }
}

/** Ingests, killed twice on the way; answers what the third run printed, and the most memory that one run took. */
async function ingestUnderKills(options: readonly string[], env: Readonly<Record<string, string>>) {
  let residentMb = 0;
  const start = () =>
    startProgram("dist", ["package", "ingest", join(root, "run"), ...options, "--json"], env);
  for (const share of [0.25, 0.6]) {
    const program = start();
    residentMb = Math.max(residentMb, await killedAt(program, FILES * share));
  }
  const program = start();
  const peaks = peakOf(program);
  expect([await program.code, program.stderr()]).toEqual([0, ""]);
  const { status, package: record } = JSON.parse(program.stdout()) as {
    status: string;
    package: PackageRecord;
  };
  return { status, record, residentMb: Math.max(residentMb, await peaks) };
}

/** Kills the program once so many files are in the package; answers the memory it had taken, in MB. */
async function killedAt(program: Program, files: number): Promise<number> {
  for (;;) {
    const [record] = (await test.registry.listPackages()).items;
    if (record !== undefined && record.file_count >= files) break;
    expect(program.child.exitCode, program.stderr()).toBe(null);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const residentMb = await peakNow(program);
  program.child.kill("SIGKILL");
  await program.code;
  return residentMb;
}

async function peakOf(program: Program): Promise<number> {
  let peak = 0;
  const ended = new AbortController();
  void program.code.then(() => ended.abort());
  while (!ended.signal.aborted) {
    peak = Math.max(peak, await peakNow(program).catch(() => 0));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return peak;
}

async function peakNow({ child }: Program): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Every object once, and the manifest; one package with every file, whole. */
async function expectWhole(record: PackageRecord): Promise<void> {
  expect(record).toMatchObject({ status: "finalized", file_count: FILES, size_bytes: FILES * FILE_BYTES });
  const [stored] = sqlOn(test, "SELECT count(*) AS count FROM event WHERE type = 'v1.object.stored'");
  expect(Number(stored!["count"])).toBe(FILES + 1);
  expect((await eventsOf(test.registry, { action: "package.created" })).length).toBe(1);
  expect((await test.registry.verifyPackage(record.id)).problems).toEqual([]);
  expect((await test.registry.verifyStore()).problems).toEqual([]);
}

describe(`an ingest of ${FILES} files that is killed twice`, () => {
  it("into a store directory: goes on, and leaves a sound store", async () => {
    const { status, record, residentMb } = await ingestUnderKills(["--local-store", test.directory], {});
    expect(status).toBe("created");
    await expectWhole(record);
    expect(residentMb).toBeGreaterThan(20);
    expect(residentMb).toBeLessThan(MAX_RESIDENT_MB);
  }, 1_200_000);

  it("to a server: goes on, and sends nothing that had arrived", async () => {
    const server = await serveTestStore(test);
    try {
      const { secret } = await test.registry.createToken({ name: "board", scopes: ["package.write"] });
      const options = ["--server", server.url];
      const { record, residentMb } = await ingestUnderKills(options, { DIST_TOKEN: secret });
      await expectWhole(record);
      expect(residentMb).toBeLessThan(MAX_RESIDENT_MB);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      const received = Number(/^dist_uploaded_bytes_total (\d+)/m.exec(metrics)?.[1]);
      expect(received).toBeGreaterThanOrEqual(FILES * FILE_BYTES);
      expect(received).toBeLessThanOrEqual((FILES + 2 * UNDER_WAY) * FILE_BYTES);
    } finally {
      await server.close();
    }
  }, 1_200_000);
});
