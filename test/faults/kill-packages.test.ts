import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { makeRoot } from "./memory-directory.ts";
import { dist, distHere, type ProgramRun } from "./program.ts";
import { expectSound } from "./stores.ts";
import { describePoints, inPairs, kill, type Point, pointsOf, record, type Subject } from "./syscalls.ts";

const nowMs = Date.now();
let root: string;
beforeAll(async () => {
  root = await makeRoot();
});
afterAll(() => rm(root, { recursive: true }));

/** A directory with these files: path → text. */
async function makeRun(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = join(root, "runs", name);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(directory, path, ".."), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}

/**
 * Kills a command at every call by which it changes the store, each time from the same beginning, and looks at what is left: a sound
 * store, whatever `check` asks of it, and the same command succeeding after all.
 */
async function killEverywhere(
  name: string,
  template: string,
  argsFor: (store: string) => string[],
  check: (store: string, run: ProgramRun) => Promise<void>,
): Promise<Point[]> {
  let copies = 0;
  const start = async (): Promise<Subject> => {
    copies += 1;
    const store = join(root, `${name}-${copies}`);
    await cp(template, store, { recursive: true });
    return { store, args: [...argsFor(store), "--local-store", store, "--json"], nowMs };
  };
  const { reached, beyond } = pointsOf(await record(await start()));
  console.log(`${name}: killed at ${reached.length} points: ${describePoints(reached)}`);
  const points = [
    ...reached.map((point) => ({ point, dies: true })),
    ...beyond.map((point) => ({ point, dies: false })),
  ];
  await inPairs(points, async ({ point, dies }) => {
    const subject = await start();
    const where = JSON.stringify(point);
    const run = await kill(subject, point);
    expect(run, where).toMatchObject(dies ? { signal: "SIGKILL" } : { code: 0 });
    try {
      await expectSound(subject.store);
      await check(subject.store, run);
      await expectSound(subject.store);
    } catch (error) {
      throw new Error(`After a kill at ${where}: ${String(error)}`, { cause: error });
    }
    await rm(subject.store, { recursive: true });
  });
  return reached;
}

/** What a command prints that must succeed. */
async function ask(store: string, ...args: string[]): Promise<any> {
  const run = await distHere([...args, "--local-store", store, "--json"]);
  expect(run.code, run.stdout).toBe(0);
  return run.json;
}

needs("strace")("an ingest killed at any change of the store", () => {
  it("leaves a sound store, and the same ingest again completes the same package", async () => {
    const directory = await makeRun("run", {
      "report.json": "{}",
      "raw/a.log": "a",
      "raw/b.log": "b",
      "raw/c.log": "a",
    });
    const args = ["package", "ingest", directory, "--retention-class", "transient"];
    // How a store comes to be is killed elsewhere; this one knows one of the files.
    const template = join(root, "known");
    const known = await makeRun("known", { "known.log": "a" });
    await ask(template, "package", "ingest", known, "--retention-class", "raw-evidence");
    const points = await killEverywhere(
      "ingest",
      template,
      () => args,
      async (store, run) => {
        const again = await ask(store, ...args);
        const isDone = run.stdout.includes('"finalized"');
        if (isDone)
          expect(again).toMatchObject({ status: "unchanged", package: { id: run.json.package.id } });
        expect(again.package).toMatchObject({ status: "finalized", file_count: 4 });
        expect((await ask(store, "package", "list", "--retention-class", "transient")).items).toHaveLength(1);
        const report = await ask(store, "package", "verify", again.package.id);
        expect(report).toMatchObject({ ok: true, checked: { files: 4 } });
      },
    );
    const paths = points.map(({ path }) => path).join("\n");
    expect(paths).toMatch(/^dist\.db-wal$/m);
    expect(paths).toMatch(/^staging\/upl_\w+$/m);
    expect(points.filter(({ name }) => name === "link").length).toBe(3);
  }, 600_000);

  it("leaves the old file or the new one, when it was to be replaced, and no package half closed", async () => {
    const template = join(root, "template");
    const directory = await makeRun("new", { "a.txt": "the new text" });
    const first = await makeRun("old", { "a.txt": "the old" });
    const { id } = (await dist(["package", "create", "--kind", "run", "--local-store", template, "--json"]))
      .json;
    await ask(template, "package", "add", id, join(first, "a.txt"));
    const replace = ["package", "add", id, join(directory, "a.txt"), "--replace"];
    await killEverywhere(
      "replace",
      template,
      () => replace,
      async (store) => {
        const [file] = (await ask(store, "package", "files", id)).items;
        expect(["the old".length, "the new text".length]).toContain(file.size_bytes);
        await expectWhole(store, id);
        await ask(store, ...replace);
        await expectWhole(store, id);
      },
    );
    await killEverywhere(
      "finalize",
      template,
      () => ["package", "finalize", id],
      async (store, run) => {
        const { status, manifest_sha256: manifest } = await ask(store, "package", "show", id);
        expect(status === "finalized").toBe(manifest !== null);
        if (run.stdout.includes('"finalized"')) expect(status).toBe("finalized");
        const after = await ask(store, "package", "finalize", id);
        if (manifest !== null) expect(after.manifest_sha256).toBe(manifest);
        await expectWhole(store, id);
      },
    );
  }, 600_000);

  async function expectWhole(store: string, id: string): Promise<void> {
    expect(await ask(store, "package", "verify", id)).toMatchObject({ ok: true, checked: { files: 1 } });
  }
});
