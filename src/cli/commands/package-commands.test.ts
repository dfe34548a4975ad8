import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { encodeManifest } from "../../registry/package-manifest.ts";
import type { PackageListRequest, PackageRequest } from "../../registry/records/packages.ts";
import type { Registry } from "../../registry/registry.ts";
import { fileRecord, holdRecord, packageRecord, retentionRecord } from "../testing/records.ts";
import { runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-package-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("package create", () => {
  let asked: PackageRequest | undefined;
  const createPackage: Registry["createPackage"] = async (request) => {
    asked = request;
    return { ...packageRecord, created: request.key !== "there" };
  };
  const create = (...flags: string[]) =>
    runCli(["package", "create", ...flags], { directory, registry: { createPackage } });

  it("passes on exactly what is given, metadata as text", async () => {
    expect((await create("--kind", "run", "--json")).json).toEqual({ ...packageRecord, created: true });
    expect(asked).toEqual({ kind: "run" });
    const flags = ["--producer", "p", "--subject", "s", "--retention-class", "transient", "--key", "k"];
    await create("--kind", "run", ...flags, "--metadata", "a=1", "--metadata", "b=x=y", "--metadata", "c=");
    expect(asked).toEqual({
      kind: "run",
      producer: "p",
      subject: "s",
      retention_class: "transient",
      key: "k",
      metadata: { a: "1", b: "x=y", c: "" },
    });
  });

  it("takes metadata of any shape from a file", async () => {
    await writeFile(join(directory, "m.json"), '{"n":1.5,"list":[null,{"deep":true}],"__proto__":"x"}');
    await create("--kind", "run", "--metadata-file", "m.json");
    expect(JSON.stringify(asked?.metadata)).toBe('{"n":1.5,"list":[null,{"deep":true}],"__proto__":"x"}');
  });

  it("says when the key stands for a package that is there", async () => {
    const run = await create("--kind", "run", "--key", "there");
    expect(run.stderr).toContain("with this key already");
    expect(run.stdout).toMatch(/^Package +pkg_1$/m);
  });

  it.each([
    ["usage.missing_option", 2, []],
    ["usage.conflicting_options", 2, ["--kind", "run", "--metadata", "a=1", "--metadata", "a=2"]],
    ["usage.conflicting_options", 2, ["--kind", "run", "--metadata", "a=1", "--metadata-file", "m.json"]],
    ["cli.file_unreadable", 1, ["--kind", "run", "--metadata-file", "none.json"]],
    ["cli.file_unreadable", 1, ["--kind", "run", "--metadata-file", "list.json"]],
    ["cli.file_unreadable", 1, ["--kind", "run", "--metadata-file", "broken.json"]],
  ])("%s, before anything is made: %j", async (code, exit, flags) => {
    await writeFile(join(directory, "m.json"), "{}");
    await writeFile(join(directory, "list.json"), "[]");
    await writeFile(join(directory, "broken.json"), "{");
    asked = undefined;
    const run = await create(...flags, "--json");
    expect(run).toMatchObject({ code: exit, json: { error: { code } } });
    expect(asked).toBeUndefined();
  });
});

describe("package list", () => {
  it("passes on exactly the filters that are given", async () => {
    const requests: PackageListRequest[] = [];
    const listed = {
      ...packageRecord,
      release: null,
      kept_by: { holds: 2, expires_at: "2027-05-19T15:00:00.000Z", channels: ["beta"] },
      due_at: null,
    };
    const listPackages: Registry["listPackages"] = async (request = {}) => {
      requests.push(request);
      return { items: [listed], next: "cursor" };
    };
    const list = (...flags: string[]) =>
      runCli(["package", "list", ...flags], { registry: { listPackages } });
    const people = await list();
    expect(people.stdout).toContain("pkg_1    run   finalized  cmis     raw-evidence  1      3 B");
    expect(people.stdout).toContain("2 holds, channel beta, until 2027-05-19");
    expect(people.stderr).toContain("--after cursor");
    expect((await list("--json")).json).toEqual({ items: [listed], next: "cursor" });
    const scalars = ["--status", "failed", "--kind", "k", "--producer", "p", "--subject", "s"];
    const times = ["--since", "2026-01-01T00:00:00Z", "--until", "2027-01-01T00:00:00Z"];
    const others = ["--retention-class", "c", "--metadata", "a=1", "--metadata", "b=2", "--eligible"];
    await list(...scalars, ...times, ...others, "--limit", "7", "--after", "x");
    expect(requests.slice(1)).toEqual([
      { limit: 50 },
      {
        status: "failed",
        kind: "k",
        producer: "p",
        subject: "s",
        since: "2026-01-01T00:00:00Z",
        until: "2027-01-01T00:00:00Z",
        retention_class: "c",
        metadata: { a: "1", b: "2" },
        eligible: true,
        limit: 7,
        after: "x",
      },
    ]);
    expect(await list("--metadata", "a=1", "--metadata", "a=2", "--json")).toMatchObject({
      code: 2,
      json: { error: { code: "usage.conflicting_options" } },
    });
    expect(await list("--status", "lost", "--json")).toMatchObject({ code: 2 });
  });

  it("says so when there is none", async () => {
    const listPackages = async () => ({ items: [], next: null });
    expect((await runCli(["package", "list"], { registry: { listPackages } })).stdout).toBe("No packages.\n");
  });
});

describe("package show", () => {
  const getPackage = async () => packageRecord;

  it("prints the package alone as JSON, and for people what keeps it besides", async () => {
    const json = await runCli(["package", "show", "pkg_1", "--json"], { registry: { getPackage } });
    expect(json.json).toEqual(packageRecord);
    const getRetention = async () => ({ ...retentionRecord, holds: [holdRecord] });
    const people = await runCli(["package", "show", "pkg_1"], { registry: { getPackage, getRetention } });
    expect(people.stdout).toMatch(/^Metadata +commit=abc, passed=3$/m);
    expect(people.stdout).toContain(
      "pkg_1 is kept until its hold is released, at least until 2027-05-19T15:00:00.000Z.",
    );
    expect(people.stdout).toMatch(/^hold_1 +- .*local:ann +dispute$/m);
  });

  it("asks nothing about the retention of a package that is gone", async () => {
    const gone = async () => ({
      ...packageRecord,
      status: "deleted" as const,
      deleted_at: "2027-06-01T00:00:00.000Z",
    });
    const run = await runCli(["package", "show", "pkg_1"], { registry: { getPackage: gone } });
    expect(run.stdout).toMatch(/^Deleted +2027-06-01T00:00:00\.000Z$/m);
  });

  it("escapes what others wrote", async () => {
    const forged = async () => ({
      ...packageRecord,
      subject: "\x1b]52;c;eA==\x07",
      metadata: { "a\nb": "\u202e" },
    });
    const getRetention = async () => ({
      ...retentionRecord,
      reasons: [{ rule: "hold", until: null, ref: null, text: "A hold keeps it: \x1b[2J" }],
    });
    const run = await runCli(["package", "show", "pkg_1"], {
      registry: { getPackage: forged, getRetention },
    });
    for (const raw of ["\x1b", "\x07", "\u202e"]) expect(run.stdout).not.toContain(raw);
    expect(run.stdout).toContain("a\\nb=\\u{202e}");
  });
});

describe("package files, remove, finalize, fail", () => {
  it("files: passes on the page", async () => {
    const asked: unknown[] = [];
    const listPackageFiles: Registry["listPackageFiles"] = async (...request) => {
      asked.push(request);
      return { items: [fileRecord], next: null };
    };
    const registry = { listPackageFiles };
    const argv = ["package", "files", "pkg_1", "--limit", "2", "--after", "c"];
    expect((await runCli([...argv, "--json"], { registry })).json).toEqual({
      items: [fileRecord],
      next: null,
    });
    expect(asked).toEqual([["pkg_1", { limit: 2, after: "c" }]]);
    expect((await runCli(argv, { registry })).stdout).toMatch(/^logs\/a\.txt +3 B +text\/plain +ba78/m);
  });

  it("remove: prints the entry that is gone", async () => {
    const asked: unknown[] = [];
    const removePackageFile: Registry["removePackageFile"] = async (...request) => {
      asked.push(request);
      return fileRecord;
    };
    const run = await runCli(["package", "remove", "pkg_1", "logs/a.txt", "--json"], {
      registry: { removePackageFile },
    });
    expect(run.json).toEqual([fileRecord]);
    expect(asked).toEqual([["pkg_1", "logs/a.txt"]]);
  });

  it("finalize: says what it amounts to", async () => {
    const finalizePackage = async () => packageRecord;
    const registry = { finalizePackage };
    expect((await runCli(["package", "finalize", "pkg_1", "--json"], { registry })).json).toEqual(
      packageRecord,
    );
    const people = await runCli(["package", "finalize", "pkg_1"], { registry });
    expect(people.stdout).toContain(
      `Finalized pkg_1: 1 file, 3 B.\nThe SHA-256 of its manifest is ${"b".repeat(64)}.`,
    );
  });

  // The registry says which rule refuses; a command line that stopped it before would say only that an option is missing.
  it("fail: leaves it to the registry that a reason is given", async () => {
    const asked: unknown[] = [];
    const failPackage: Registry["failPackage"] = async (...request) => {
      asked.push(request);
      return {
        ...packageRecord,
        status: "failed",
        failed_at: packageRecord.created_at,
        fail_reason: "aborted",
      };
    };
    await runCli(["package", "fail", "pkg_1"], { registry: { failPackage } });
    const run = await runCli(["package", "fail", "pkg_1", "--reason", "aborted"], {
      registry: { failPackage },
    });
    expect(asked).toEqual([
      ["pkg_1", { reason: "" }],
      ["pkg_1", { reason: "aborted" }],
    ]);
    expect(run.stdout).toMatch(/^Because +aborted$/m);
  });
});

describe("package manifest", () => {
  const bytes = encodeManifest({
    packageId: "pkg_01h455vb4pex5vsknk084sn02q",
    kind: "run",
    createdAt: "2026-11-20T15:00:00.000Z",
    finalizedAt: "2026-11-20T15:00:00.000Z",
    producer: null,
    subject: "Ünïcode",
    metadata: { b: 1.5, aa: [] },
    retentionClass: null,
    files: [
      { path: "a", size: 3, media_type: "text/plain", sha256: fileRecord.sha256, blake3: fileRecord.blake3 },
    ],
  });
  const packageManifest = async () => bytes;
  const manifest = (...flags: string[]) =>
    runCli(["package", "manifest", "pkg_1", ...flags], { directory, registry: { packageManifest } });
  const jcs =
    `{"created_at":"2026-11-20T15:00:00.000Z","files":[{"digests":{"blake3":"${fileRecord.blake3}","sha256":"${fileRecord.sha256}"},` +
    `"media_type":"text/plain","path":"a","size":3}],"finalized_at":"2026-11-20T15:00:00.000Z","kind":"run","metadata":{"aa":[],"b":1.5},` +
    `"package_id":"pkg_01h455vb4pex5vsknk084sn02q","producer":null,"retention_class":null,"schema":"dist.manifest.v1","subject":"Ünïcode"}\n`;

  it("prints canonical JSON, with --json too", async () => {
    expect((await manifest()).stdout).toBe(jcs);
    expect((await manifest("--json")).stdout).toBe(jcs);
  });

  it("writes the bytes, or the JSON, to a file and says what they are", async () => {
    const path = join(directory, "m.cbor");
    const run = await manifest("--cbor", "--output", "m.cbor", "--json");
    expect(run.json).toMatchObject({ ok: true, package_id: "pkg_1", path, bytes: bytes.length });
    expect(run.json.manifest_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect((await manifest("--output", "m.json")).stdout).toContain(run.json.manifest_sha256);
    expect(await readFile(join(directory, "m.json"), "utf8")).toBe(jcs);
    expect((await readdir(directory)).toSorted()).toEqual(["m.cbor", "m.json"]);
  });

  it("usage.conflicting_options: bytes do not go where one JSON value goes", async () => {
    expect(await manifest("--cbor", "--json")).toMatchObject({
      code: 2,
      json: { error: { code: "usage.conflicting_options" } },
    });
    expect((await manifest("--cbor")).code).toBe(0);
  });

  it("cli.output_unwritable: before it is fetched", async () => {
    const run = await runCli(["package", "manifest", "pkg_1", "--output", "none/m.json", "--json"], {
      directory,
    });
    expect(run).toMatchObject({ code: 1, json: { error: { code: "cli.output_unwritable" } } });
  });

  it("encoding.not_canonical: a damaged manifest is not printed as if it were one, exit code 4", async () => {
    const damaged = async () => bytes.subarray(1);
    const run = await runCli(["package", "manifest", "pkg_1", "--json"], {
      registry: { packageManifest: damaged },
    });
    expect(run).toMatchObject({ code: 4, json: { error: { code: "encoding.not_canonical" } } });
  });
});
