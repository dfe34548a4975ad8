import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Distd, startDistd } from "../server/distd.ts";
import { type CliOutcome, killPrograms, startProgram } from "../support/programs.ts";

/** What a run left: names and texts. */
const run: Readonly<Record<string, string>> = {
  "report.json": '{"passed":3}',
  "größe (neu).txt": "Größe",
  "empty.log": "",
  "trace.bin": "trace ".repeat(10_000),
};

/** Where the commands work: a store directory, or a server. */
interface Place {
  readonly env: Readonly<Record<string, string>>;
  /** The store's directory. */
  readonly store: string;
  close(): Promise<void>;
}

/** Periods so short that they end within the test; `dist.toml` is read wherever a store is opened. */
const settings = '[retention]\ndefault_class = "summary-evidence"\n[retention.classes]\ntransient = "1s"\n';

async function storeDirectory(): Promise<Place> {
  const store = await mkdtemp(join(tmpdir(), "dist-evidence-"));
  await writeFile(join(store, "dist.toml"), settings);
  return { store, env: { DIST_STORE: store }, close: () => rm(store, { recursive: true }) };
}

async function server(): Promise<Place> {
  const distd: Distd = await startDistd([], {
    DIST_RETENTION_CLASSES_TRANSIENT: "1s",
    DIST_RETENTION_DEFAULT_CLASS: "summary-evidence",
  });
  return {
    store: distd.store,
    env: { DIST_SERVER: distd.url, DIST_TOKEN: distd.admin },
    close: () => distd.close(),
  };
}

afterAll(killPrograms);

describe.each([
  ["a store directory", storeDirectory],
  ["a server", server],
])("artifactstore on %s", (_name, open) => {
  let place: Place;
  let directory: string;
  beforeAll(async () => {
    place = await open();
    directory = await mkdtemp(join(tmpdir(), "dist-run-"));
    for (const [name, text] of Object.entries(run)) {
      await mkdir(dirname(join(directory, "run", name)), { recursive: true });
      await writeFile(join(directory, "run", name), text);
    }
  });
  afterAll(async () => {
    await place.close();
    await rm(directory, { recursive: true });
  });

  /** Runs `artifactstore … --json` to its end. */
  async function artifactstore(...args: readonly string[]): Promise<CliOutcome> {
    const program = startProgram("artifactstore", [...args, "--json"], place.env);
    const exit = await program.code;
    return { exit, json: JSON.parse(program.stdout()), stderr: program.stderr() };
  }
  const here = (name: string) => join(directory, name);
  const files = Object.keys(run).map((name) => join("run", name));
  const refused = async (...args: readonly string[]) => {
    const { exit, json } = await artifactstore(...args);
    return [exit, json.error.code as string];
  };

  /** A finalized package of all files. */
  async function finalized(...flags: readonly string[]): Promise<string> {
    const { json } = await artifactstore("package", "create", "--kind", "run", ...flags);
    await artifactstore("package", "add", json.id, ...files.map(here));
    expect((await artifactstore("package", "finalize", json.id)).json.status).toBe("finalized");
    return json.id as string;
  }

  it("makes a package, takes files in and out, and closes it", async () => {
    const flags = ["--subject", "cmis", "--metadata", "commit=abc", "--key", "run-7"];
    const created = await artifactstore("package", "create", "--kind", "run", ...flags);
    expect(created).toMatchObject({
      exit: 0,
      json: {
        status: "created",
        created: true,
        retention_class: "summary-evidence",
        metadata: { commit: "abc" },
      },
    });
    const { id } = created.json;
    const again = await artifactstore("package", "create", "--kind", "run", ...flags);
    expect(again.json).toMatchObject({ id, created: false });
    expect(await refused("package", "create", "--kind", "other", "--key", "run-7")).toEqual([
      1,
      "transaction.integrity",
    ]);
    expect(await refused("package", "create", "--kind", "run", "--retention-class", "x")).toEqual([
      1,
      "retention.unknown_class",
    ]);
    expect(await refused("package", "finalize", id)).toEqual([1, "package.empty"]);

    const added = await artifactstore("package", "add", id, ...files.map(here));
    expect(added.json.map(({ path }: { path: string }) => path)).toEqual(Object.keys(run));
    expect((await artifactstore("package", "add", id, here("run/report.json"))).json).toEqual([
      added.json[0],
    ]);
    await writeFile(here("report.json"), '{"passed":4}');
    expect(await refused("package", "add", id, here("report.json"))).toEqual([1, "package.duplicate_path"]);
    const replaced = await artifactstore("package", "add", id, here("report.json"), "--replace");
    expect(replaced.json).toMatchObject([{ path: "report.json", size_bytes: 12 }]);
    const named = ["--path", "deep/er/x.dat", "--media-type", "application/x-trace"];
    const placed = await artifactstore("package", "add", id, here("run/trace.bin"), ...named);
    expect(placed.json).toMatchObject([{ path: "deep/er/x.dat", media_type: "application/x-trace" }]);
    expect(await refused("package", "add", id, here("report.json"), "--path", "deep/er")).toEqual([
      1,
      "package.duplicate_path",
    ]);
    expect((await artifactstore("package", "remove", id, "deep/er/x.dat")).json).toEqual(placed.json);
    expect(await refused("package", "remove", id, "deep/er/x.dat")).toEqual([1, "package.file_not_found"]);

    const listed = await artifactstore("package", "files", id);
    expect(listed.json.items.map(({ path }: { path: string }) => path)).toEqual(
      Object.keys(run).toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
    );
    const done = await artifactstore("package", "finalize", id);
    expect(done.json).toMatchObject({ id, status: "finalized", file_count: 4 });
    expect((await artifactstore("package", "finalize", id)).json).toEqual(done.json);
    expect(await refused("package", "add", id, here("report.json"))).toEqual([1, "package.not_open"]);
    expect(await refused("package", "remove", id, "report.json")).toEqual([1, "package.not_open"]);
    expect(await refused("package", "fail", id, "--reason", "x")).toEqual([1, "package.not_open"]);

    const { current_expires_at: expires_at } = (await artifactstore("retention", "show", id)).json;
    const kept_by = { holds: 0, expires_at, channels: [] };
    expect((await artifactstore("package", "list", "--metadata", "commit=abc")).json).toEqual({
      items: [{ ...done.json, release: null, kept_by, due_at: null }],
      next: null,
    });
    expect((await artifactstore("package", "list", "--metadata", "commit=abd")).json.items).toEqual([]);
    expect((await artifactstore("package", "show", id)).json).toEqual(done.json);
    expect(await refused("package", "show", "pkg_01h455vb4pex5vsknk084sn02q")).toEqual([
      1,
      "package.not_found",
    ]);
  });

  it("gives a package up, with a reason", async () => {
    const { id } = (await artifactstore("package", "create", "--kind", "run")).json;
    expect(await refused("package", "fail", id)).toEqual([1, "retention.reason_required"]);
    const failed = await artifactstore("package", "fail", id, "--reason", "aborted");
    expect(failed.json).toMatchObject({ id, status: "failed", fail_reason: "aborted" });
    expect(await refused("package", "manifest", id)).toEqual([1, "package.not_finalized"]);
  });

  it("gives out what it took in, and anybody can prove that offline", async () => {
    const id = await finalized();
    const offline = (...args: readonly string[]) =>
      startProgram("artifactstore", ["package", "verify", ...args, "--manifest", here("m.json"), "--json"]);
    const manifest = await artifactstore("package", "manifest", id);
    await writeFile(here("m.json"), JSON.stringify(manifest.json));
    const written = await artifactstore("package", "manifest", id, "--cbor", "--output", here("m.cbor"));
    const { manifest_sha256: sha256 } = (await artifactstore("package", "show", id)).json;
    expect(written.json).toMatchObject({ ok: true, manifest_sha256: sha256 });

    await artifactstore("package", "download", id, "--output", here("out"));
    for (const [name, text] of Object.entries(run))
      expect(await readFile(here(`out/${name}`), "utf8")).toBe(text);
    expect((await readdir(here("out"))).toSorted()).toEqual(Object.keys(run).toSorted());
    await artifactstore("package", "download", id, "--path", "report.json", "--output", here("one.json"));
    expect(await readFile(here("one.json"), "utf8")).toBe(run["report.json"]);
    await artifactstore("package", "download", id, "--format", "tar", "--output", here("p.tar"));
    await artifactstore("package", "download", id, "--format", "zip", "--output", here("p.zip"));

    for (const what of ["out", "run", "p.tar", "one.json"]) {
      const program = offline(here(what), "--manifest-sha256", sha256);
      expect(await program.code, program.stdout()).toBe(0);
      expect(JSON.parse(program.stdout())).toMatchObject({
        ok: true,
        package_id: id,
        manifest_sha256: sha256,
      });
    }
    // Other programs read the archives the same way.
    for (const [unpack, into] of [
      [["tar", "-x", "-f", here("p.tar"), "-C"], "tar"],
      [["unzip", "-q", here("p.zip"), "-d"], "zip"],
    ] as const) {
      await mkdir(here(into));
      execFileSync(unpack[0], [...unpack.slice(1), here(into)], {
        env: { ...process.env, LC_ALL: "C.UTF-8" },
      });
      expect(await offline(here(into)).code).toBe(0);
    }
    await cp(here("out"), here("changed"), { recursive: true });
    await writeFile(here("changed/report.json"), '{"passed":9}');
    const changed = offline(here("changed"));
    expect(await changed.code).toBe(4);
    expect(JSON.parse(changed.stdout()).problems).toMatchObject([
      { code: "file.damaged", target: "report.json" },
    ]);
  });

  it("passes a tar on to a pipe", async () => {
    const id = await finalized();
    const program = startProgram("artifactstore", ["package", "download", id, "--format", "tar"], place.env);
    expect(await program.code).toBe(0);
    expect(program.stdout()).toContain('{"passed":3}');
  });

  it("tells a damaged file from a sound one, exit code 4", async () => {
    await writeFile(here("unique.txt"), `unique on ${place.store}`);
    const { id } = (await artifactstore("package", "create", "--kind", "run")).json;
    const [{ sha256 }] = (await artifactstore("package", "add", id, here("unique.txt"))).json;
    await artifactstore("package", "finalize", id);
    expect((await artifactstore("package", "verify", id)).json).toMatchObject({
      ok: true,
      checked: { files: 1 },
    });
    const object = join(place.store, "objects", sha256.slice(0, 2), sha256);
    await rm(object);
    await writeFile(object, `unique on ${place.store.toUpperCase()}`);
    const verified = await artifactstore("package", "verify", id);
    expect(verified).toMatchObject({ exit: 4, json: { ok: false, problems: [{ target: "unique.txt" }] } });
    const fetched = await artifactstore("package", "download", id, "--output", here("damaged"));
    expect(fetched).toMatchObject({ exit: 4, json: { error: { code: "cli.download_corrupt" } } });
    await expect(readFile(here("damaged/unique.txt"))).rejects.toThrow("ENOENT");
  });

  it("keeps a package as long as its class, extensions and holds say, and tells why", async () => {
    const id = await finalized("--retention-class", "release-evidence");
    const shown = (await artifactstore("retention", "show", id)).json;
    expect(shown).toMatchObject({ package_id: id, eligible_for_deletion: false, holds: [], marked_at: null });
    expect(shown.reasons).toMatchObject([{ rule: "class", until: shown.current_expires_at }]);

    const until = "2099-01-31T00:00:00.000Z";
    expect(await refused("retention", "extend", id, "--until", until)).toEqual([
      1,
      "retention.reason_required",
    ]);
    expect(
      await refused("retention", "extend", id, "--until", shown.current_expires_at, "--reason", "x"),
    ).toEqual([1, "retention.not_later"]);
    expect(await refused("retention", "extend", id, "--until", "soon", "--reason", "x")).toEqual([
      1,
      "request.invalid_time",
    ]);
    const extended = await artifactstore("retention", "extend", id, "--until", until, "--reason", "audit");
    expect(extended.json).toMatchObject({ package_id: id, current_expires_at: until });

    expect(await refused("retention", "hold", id)).toEqual([1, "retention.reason_required"]);
    const held = await artifactstore("retention", "hold", id, "--reason", "dispute", "--case", "7");
    expect(held.json).toMatchObject({ package_id: id, reason: "dispute", case: "7", released_at: null });
    expect((await artifactstore("retention", "show", id)).json.holds).toEqual([held.json]);
    expect(
      await refused("retention", "release", id, "hold_01h455vb4pex5vsknk084sn02q", "--reason", "x"),
    ).toEqual([1, "hold.not_found"]);
    expect(await refused("retention", "release", id, held.json.id)).toEqual([1, "retention.reason_required"]);
    const released = await artifactstore("retention", "release", id, held.json.id, "--reason", "over");
    expect(released.json).toMatchObject({ id: held.json.id, release_reason: "over" });
    expect(await refused("retention", "release", id, held.json.id, "--reason", "x")).toEqual([
      1,
      "hold.already_released",
    ]);

    const first = (await artifactstore("retention", "history", id, "--limit", "3")).json;
    const rest = (await artifactstore("retention", "history", id, "--after", first.next)).json;
    expect([...first.items, ...rest.items].map(({ type }: { type: string }) => type)).toEqual([
      "v1.retention.default_applied",
      "v1.retention.extended",
      "v1.retention.hold_applied",
      "v1.retention.hold_released",
    ]);
    const permanent = await finalized("--retention-class", "permanent-record");
    expect(await refused("retention", "extend", permanent, "--until", until, "--reason", "x")).toEqual([
      1,
      "retention.permanent",
    ]);
    const { items } = (await artifactstore("retention", "classes")).json;
    expect(items).toHaveLength(5);
    expect(items).toContainEqual({ name: "transient", default_duration: "1s", is_default: false });
    expect(items).toContainEqual({ name: "permanent-record", default_duration: null, is_default: false });
  });

  it("sweeps what may go, once, and cleanup deletes it: what proves it stays", async () => {
    const id = await finalized("--retention-class", "transient");
    const isEligible = async () =>
      (await artifactstore("retention", "show", id)).json.eligible_for_deletion as boolean;
    while (!(await isEligible())) await new Promise((resolve) => setTimeout(resolve, 200));
    expect(
      (await artifactstore("package", "list", "--eligible")).json.items.map(
        ({ id: one }: { id: string }) => one,
      ),
    ).toContain(id);
    const swept = await artifactstore("retention", "sweep");
    expect(swept).toMatchObject({ exit: 0, json: { ok: true } });
    expect(swept.json.marked).toContain(id);
    expect((await artifactstore("retention", "sweep")).json).toMatchObject({ marked: [], unmarked: [] });
    expect((await artifactstore("retention", "show", id)).json.marked_at).not.toBeNull();

    const before = await artifactstore("package", "manifest", id);
    const plan = await artifactstore("store", "cleanup");
    expect(plan.json.deleted).toContainEqual(expect.objectContaining({ id, kind: "package" }));
    expect((await artifactstore("package", "verify", id)).json.ok).toBe(true);
    await artifactstore("store", "cleanup", "--apply");
    expect((await artifactstore("package", "show", id)).json).toMatchObject({
      status: "deleted",
      file_count: 4,
    });
    expect(await refused("package", "download", id, "--output", here("gone"))).toEqual([
      1,
      "package.deleted",
    ]);
    expect(await refused("package", "verify", id)).toEqual([1, "package.deleted"]);
    expect(await refused("retention", "hold", id, "--reason", "late")).toEqual([1, "package.deleted"]);
    expect((await artifactstore("package", "manifest", id)).json).toEqual(before.json);
    expect((await artifactstore("package", "files", id)).json.items).toHaveLength(4);
  });
});

describe("artifactstore where there is no store", () => {
  it("store.load: makes one for package create and for nothing else", async () => {
    const store = join(await mkdtemp(join(tmpdir(), "dist-none-")), "store");
    const outcome = async (...args: readonly string[]) => {
      const program = startProgram("artifactstore", [...args, "--local-store", store, "--json"]);
      await program.code;
      return JSON.parse(program.stdout());
    };
    for (const args of [
      ["package", "list"],
      ["package", "show", "pkg_1"],
      ["package", "verify", "pkg_1"],
      ["retention", "sweep"],
      ["retention", "classes"],
    ]) {
      expect((await outcome(...args)).error.code).toBe("store.load");
    }
    expect((await outcome("package", "create", "--kind", "run")).status).toBe("created");
    await rm(dirname(store), { recursive: true });
  });
});
