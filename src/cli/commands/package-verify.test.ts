import { execFileSync } from "node:child_process";
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { decodeCanonical } from "../../base/cbor.ts";
import { createDualHasher, sha256Hex } from "../../base/digest.ts";
import { canonicalJson } from "../../base/jcs.ts";
import { encodeManifest } from "../../registry/package-manifest.ts";
import type { PackageVerifyReport } from "../../registry/records/packages.ts";
import { runCli } from "../testing/run-cli.ts";

const id = "pkg_01h455vb4pex5vsknk084sn02q";
const contents = {
  "a.txt": "abc",
  empty: "",
  "logs/größe.log": "x".repeat(3000),
  "logs/same-size.log": "y".repeat(3000),
};

let directory: string;
let cbor: Uint8Array;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-verify-"));
  const files = [];
  for (const [path, text] of Object.entries(contents)) {
    const place = join(directory, "run", path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, text);
    const hasher = await createDualHasher();
    hasher.update(Buffer.from(text));
    const { sha256, blake3, sizeBytes: size } = hasher.digest();
    files.push({ path, sha256, blake3, size, media_type: "text/plain" });
  }
  const at = "2026-11-20T15:00:00.000Z";
  cbor = encodeManifest({
    packageId: id,
    kind: "run",
    createdAt: at,
    finalizedAt: at,
    producer: null,
    subject: null,
    metadata: {},
    retentionClass: null,
    files,
  });
  await writeFile(join(directory, "m.cbor"), cbor);
  await writeFile(join(directory, "m.json"), canonicalJson(decodeCanonical(cbor)));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Verifies with no store and no server in sight. */
const verify = (place: string, ...flags: string[]) =>
  runCli(["package", "verify", place, "--manifest", "m.cbor", ...flags, "--json"], { directory, env: {} });

const inRun = (name: string) => join(directory, "run", name);
const whole = { files: 4, bytes: 6003 };

/** What the report says is wrong, as `code target`. */
function wrong({ json }: { json: PackageVerifyReport }): string[] {
  expect(json.ok).toBe(json.problems.length === 0);
  return json.problems.map(({ code, target }) => `${code} ${target}`);
}

describe("package verify of a directory", () => {
  it.each(["m.cbor", "m.json"])("finds it as %s says", async (manifest) => {
    const run = await runCli(["package", "verify", "run", "--manifest", manifest, "--json"], {
      directory,
      env: {},
    });
    expect(run).toMatchObject({
      code: 0,
      json: { ok: true, problems: [], package_id: id, manifest_sha256: sha256Hex(cbor), checked: whole },
    });
  });

  it("tells people in sentences", async () => {
    const run = await runCli(["package", "verify", "run/", "--manifest", "m.cbor"], { directory, env: {} });
    expect(run.stdout).toContain("Everything is as the manifest says.");
    expect(run.stdout).toContain(`Checked 4 files of ${id}, 5.9 KiB.`);
    await rm(inRun("a.txt"));
    const damaged = await runCli(["package", "verify", "run", "--manifest", "m.cbor"], {
      directory,
      env: {},
    });
    expect(damaged.code).toBe(4);
    expect(damaged.stdout).toMatch(
      /^Something is not as the manifest says\.[^]*\nfile\.missing +a\.txt +It is not there\.$/m,
    );
  });

  const damages: [expected: string[], damage: () => Promise<unknown>][] = [
    [["file.missing a.txt"], () => rm(inRun("a.txt"))],
    [
      ["file.missing logs/größe.log", "file.missing logs/same-size.log"],
      () => rm(inRun("logs"), { recursive: true }),
    ],
    [["file.extra logs/b"], () => writeFile(inRun("logs/b"), "")],
    [["file.extra .hidden/x"], () => mkdir(inRun(".hidden")).then(() => writeFile(inRun(".hidden/x"), ""))],
    [["file.wrong_size a.txt"], () => truncate(inRun("a.txt"), 2)],
    [["file.wrong_size empty"], () => writeFile(inRun("empty"), "1")],
    [["file.damaged a.txt"], () => writeFile(inRun("a.txt"), "abd")],
    [["file.extra A.txt", "file.missing a.txt"], () => rename(inRun("a.txt"), inRun("A.txt"))],
    // The bytes are right, but whoever packs the directory packs a link.
    [
      ["file.not_regular a.txt"],
      () =>
        rename(inRun("a.txt"), join(directory, "moved")).then(() =>
          symlink(join(directory, "moved"), inRun("a.txt")),
        ),
    ],
    [["file.extra more"], () => symlink("logs", inRun("more"))],
    [
      ["file.not_regular empty"],
      () => rm(inRun("empty")).then(() => execFileSync("mkfifo", [inRun("empty")])),
    ],
    [["file.missing a.txt"], () => rm(inRun("a.txt")).then(() => mkdir(inRun("a.txt")))],
    // Both bear the same name to whoever reads them.
    [
      ["file.twice logs/größe.log"],
      () => link(inRun("logs/größe.log"), inRun("logs/größe.log".normalize("NFD"))),
    ],
  ];
  it.each(damages)("%j, exit code 4", async (expected, damage) => {
    await damage();
    const run = await verify("run");
    expect(wrong(run)).toEqual(expected);
    expect(run.code).toBe(4);
  });

  // Some file systems keep names in another form of Unicode than they were given.
  it("finds a file whose name is spelled with combining characters", async () => {
    await rename(inRun("logs/größe.log"), inRun("logs/größe.log".normalize("NFD")));
    expect(wrong(await verify("run"))).toEqual([]);
  });

  it("swapped files of one size are both damaged", async () => {
    const text = await readFile(inRun("logs/größe.log"));
    await rename(inRun("logs/same-size.log"), inRun("logs/größe.log"));
    await writeFile(inRun("logs/same-size.log"), text);
    expect(wrong(await verify("run"))).toEqual([
      "file.damaged logs/größe.log",
      "file.damaged logs/same-size.log",
    ]);
  });

  // Each digest counts: whoever can make a second file for one of them cannot for both.
  it.each(["sha256", "blake3"])(
    "file.damaged: only its %s is another, in a directory or alone",
    async (name) => {
      const json = await readFile(join(directory, "m.json"), "utf8");
      const other = json.replace(new RegExp(`("${name}":")[0-9a-f]{8}`), "$100000000");
      await writeFile(join(directory, "other.json"), other);
      const path = JSON.parse(json).files[0].path as string;
      const argv = ["package", "verify", "run", "--manifest", "other.json", "--json"];
      expect(wrong(await runCli(argv, { directory, env: {} }))).toEqual([`file.damaged ${path}`]);
      argv[2] = `run/${path}`;
      expect(wrong(await runCli(argv, { directory, env: {} }))).toEqual([`file.extra ${inRun(path)}`]);
    },
  );

  it.skipIf(process.getuid?.() === 0)("a file that cannot be read is none", async () => {
    await chmod(inRun("a.txt"), 0o000);
    expect(wrong(await verify("run"))).toEqual(["file.not_regular a.txt"]);
  });

  it("does not count the manifest's own file, unless it is in another one's place", async () => {
    await rename(join(directory, "m.cbor"), inRun("m.cbor"));
    const argv = ["package", "verify", "run", "--manifest", "run/m.cbor", "--json"];
    expect(wrong(await runCli(argv, { directory, env: {} }))).toEqual([]);
    await rename(inRun("m.cbor"), inRun("a.txt"));
    argv[4] = "run/a.txt";
    expect(wrong(await runCli(argv, { directory, env: {} }))).toEqual(["file.wrong_size a.txt"]);
  });

  it("stops when it is interrupted", async () => {
    const run = await runCli(["package", "verify", "run", "--manifest", "m.cbor", "--json"], {
      directory,
      env: {},
      signal: AbortSignal.abort("interrupted"),
    });
    expect(run).toMatchObject({ code: 130, json: { error: { code: "cli.interrupted" } } });
  });
});

describe("package verify of a file", () => {
  const tar = (...args: string[]) =>
    execFileSync("tar", [
      "-c",
      "--format=posix",
      "-f",
      join(directory, "run.tar"),
      "-C",
      join(directory, "run"),
      ...args,
    ]);

  it("finds a tar as the manifest says", async () => {
    tar("a.txt", "empty", "logs");
    expect((await verify("run.tar")).json).toMatchObject({ ok: true, checked: whole });
    tar(".");
    expect((await verify("run.tar")).json).toMatchObject({ ok: true, checked: whole });
  });

  it("finds what is missing, changed, too much, twice or a link in a tar", async () => {
    await writeFile(inRun("logs/same-size.log"), "z".repeat(3000));
    await writeFile(inRun("extra"), "");
    await rm(inRun("empty"));
    await symlink("a.txt", inRun("empty"));
    tar("a.txt", "logs/same-size.log", "extra", "empty", "a.txt");
    const run = await verify("run.tar");
    expect(run.code).toBe(4);
    expect(wrong(run)).toEqual([
      "file.twice a.txt",
      "file.not_regular empty",
      "file.extra extra",
      "file.missing logs/größe.log",
      "file.damaged logs/same-size.log",
    ]);
  });

  it("package.invalid_archive: a tar that was cut is a problem, besides what is not in it", async () => {
    tar("a.txt", "empty", "logs/größe.log", "logs/same-size.log");
    await truncate(join(directory, "run.tar"), 5000);
    const run = await verify("run.tar");
    expect(run.code).toBe(4);
    expect(run.json.problems[0]).toMatchObject({ code: "package.invalid_archive", target: "archive" });
    expect(wrong(run)).toContain("file.missing logs/same-size.log");
  });

  it("knows a single file by its bytes, whatever it is called, a tar too", async () => {
    await rename(inRun("logs/größe.log"), join(directory, "renamed"));
    expect((await verify("renamed")).json).toMatchObject({ ok: true, checked: { files: 1, bytes: 3000 } });
    expect((await verify("run/empty")).json).toMatchObject({ ok: true, checked: { files: 1, bytes: 0 } });
  });

  it("file.extra: a file that the manifest does not list, with or without the size of one", async () => {
    for (const text of ["abd", "abcd"]) {
      await writeFile(join(directory, "other"), text);
      const run = await verify("other");
      expect(run.code).toBe(4);
      expect(wrong(run)).toEqual([`file.extra ${join(directory, "other")}`]);
    }
  });

  it("cli.archive_unsupported: a zip is not called damaged", async () => {
    for (const start of ["PK\x03\x04", "PK\x05\x06", "\x1f\x8b\x08"]) {
      await writeFile(join(directory, "run.zip"), Buffer.from(`${start} and so on`, "latin1"));
      expect(await verify("run.zip")).toMatchObject({
        code: 1,
        json: { error: { code: "cli.archive_unsupported" } },
      });
    }
  });

  it.each([
    ["cli.file_unreadable", ["run/none", "--manifest", "m.cbor"]],
    ["cli.file_unreadable", ["run", "--manifest", "none.cbor"]],
    ["package.invalid_manifest", ["run", "--manifest", "run/a.txt"]],
    ["package.invalid_manifest", ["run", "--manifest", "run/empty"]],
  ])("%s: %j", async (code, argv) => {
    const run = await runCli(["package", "verify", ...argv, "--json"], { directory, env: {} });
    expect(run).toMatchObject({ code: 1, json: { error: { code } } });
  });
});

describe("--manifest-sha256", () => {
  // Whoever changes files can change the manifest beside them, too.
  it("manifest.other: a manifest that is not the one recorded elsewhere, exit code 4", async () => {
    expect((await verify("run", "--manifest-sha256", sha256Hex(cbor).toUpperCase())).code).toBe(0);
    const run = await verify("run", "--manifest-sha256", "0".repeat(64));
    expect(run.code).toBe(4);
    expect(wrong(run)).toEqual(["manifest.other manifest"]);
  });
});

describe("package verify of a stored package", () => {
  const report: PackageVerifyReport = {
    ok: true,
    problems: [],
    package_id: id,
    manifest_sha256: "b".repeat(64),
    checked: { files: 1, bytes: 3 },
  };

  it("prints the registry's report, and ends with 4 when it is not ok", async () => {
    const good = async () => report;
    const problem = { code: "object.damaged", message: "Damaged.", target: "a.txt" };
    const bad = async () => ({ ...report, ok: false, problems: [problem] });
    const argv = ["package", "verify", id, "--json"];
    expect(await runCli(argv, { registry: { verifyPackage: good } })).toMatchObject({
      code: 0,
      json: report,
    });
    const run = await runCli(argv, { registry: { verifyPackage: bad } });
    expect(run.code).toBe(4);
    expect(wrong(run)).toEqual(["object.damaged a.txt"]);
    const other = await runCli([...argv, "--manifest-sha256", "0".repeat(64)], {
      registry: { verifyPackage: good },
    });
    expect(wrong(other)).toEqual(["manifest.other manifest"]);
  });

  it("usage.store_required: needs a store, unlike files on this machine", async () => {
    const run = await runCli(["package", "verify", id, "--json"], { env: {} });
    expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.store_required" } } });
  });

  it("usage.missing_option: a directory needs a manifest", async () => {
    const run = await runCli(["package", "verify", "run", "--json"]);
    expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.missing_option" } } });
    expect(run.json.error.hint).toContain("--manifest FILE");
  });
});
