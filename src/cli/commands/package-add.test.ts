import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import type { UploadSource } from "../../registry/records/objects.ts";
import type { PackageFileRequest, PackageStatus } from "../../registry/records/packages.ts";
import { fileRecord, packageRecord } from "../testing/records.ts";
import { runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-add-"));
  await mkdir(join(directory, "a"));
  await mkdir(join(directory, "b"));
  await writeFile(join(directory, "a", "report.xml"), "<a/>");
  await writeFile(join(directory, "b", "report.xml"), "<b/>");
  await writeFile(join(directory, "log.txt"), "log");
});
afterEach(() => rm(directory, { recursive: true }));

/** A registry that keeps the bytes it is sent, and what was added. */
class Packages {
  status: PackageStatus = "created";
  readonly uploads: string[] = [];
  readonly added: { files: readonly PackageFileRequest[]; options: unknown }[] = [];
  /** How many times it says that all bytes are gone. */
  collections = 0;
  atOnce = 0;
  mostAtOnce = 0;

  readonly getPackage = async (id: string) => ({ ...packageRecord, id, status: this.status });

  readonly uploadObject = async (source: UploadSource) => {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    const bytes = Buffer.concat((await Array.fromAsync(source.open())).map((chunk) => Buffer.from(chunk)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.atOnce--;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    this.uploads.push(bytes.toString());
    return { sha256, blake3: "", size_bytes: bytes.length, existed: false, lease_expires_at: "" };
  };

  readonly addPackageFiles = async (_id: string, files: readonly PackageFileRequest[], options: unknown) => {
    if (this.collections-- > 0) {
      const missing = files.slice(0, 1).map(({ sha256 }) => sha256);
      throw new DistError("object.missing", "conflict", "Gone.", { details: { missing } });
    }
    this.added.push({ files, options });
    return files.map(({ path, sha256, media_type }) => ({
      ...fileRecord,
      path,
      sha256,
      media_type: media_type ?? "text/plain",
    }));
  };
}

const sha256Of = (text: string) => createHash("sha256").update(text).digest("hex");
const add = (packages: Packages, ...argv: string[]) =>
  runCli(["package", "add", "pkg_1", ...argv, "--json"], { directory, registry: packages });

describe("package add", () => {
  it("uploads the files and adds them under their names, in the order given", async () => {
    const packages = new Packages();
    const run = await add(packages, "log.txt", "a/report.xml", "--media-type", "text/x");
    expect(run.code).toBe(0);
    const files = [
      { path: "log.txt", sha256: sha256Of("log"), media_type: "text/x" },
      { path: "report.xml", sha256: sha256Of("<a/>"), media_type: "text/x" },
    ];
    expect(packages.added).toEqual([{ files, options: { replace: false } }]);
    expect(run.json.map(({ path }: { path: string }) => path)).toEqual(["log.txt", "report.xml"]);
  });

  it("puts one file where --path says, in form C, and replaces only when told to", async () => {
    const packages = new Packages();
    packages.status = "uploading";
    await add(packages, join(directory, "log.txt"), "--path", "u\u0308ber/log.txt", "--replace");
    expect(packages.added).toEqual([
      { files: [{ path: "\u00fcber/log.txt", sha256: sha256Of("log") }], options: { replace: true } },
    ]);
  });

  it("prints the entries as a table for people", async () => {
    const run = await runCli(["package", "add", "pkg_1", "log.txt"], { directory, registry: new Packages() });
    expect(run.stdout).toMatch(/^PATH +SIZE +TYPE +SHA-256\nlog\.txt /);
  });

  it("sends several files at once, but never more than four", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `many-${index}.txt`);
    for (const name of names) await writeFile(join(directory, name), name);
    const packages = new Packages();
    await add(packages, ...names);
    expect(packages.mostAtOnce).toBe(4);
    expect(packages.added[0]?.files.map(({ path }) => path)).toEqual(names);
    expect(packages.added[0]?.files.map(({ sha256 }) => sha256)).toEqual(names.map(sha256Of));
  });

  // One request is one transaction, and takes no more.
  it("adds a thousand files a request", async () => {
    const names = Array.from({ length: 1001 }, (_, index) => `${index}`);
    for (const name of names) await writeFile(join(directory, name), name);
    const packages = new Packages();
    const run = await add(packages, ...names);
    expect(packages.added.map(({ files }) => files.length)).toEqual([1000, 1]);
    expect(run.json).toHaveLength(1001);
  });

  it("sends again what was collected meanwhile, and only that", async () => {
    const packages = new Packages();
    packages.collections = 2;
    const run = await add(packages, "log.txt", "a/report.xml");
    expect(run.code).toBe(0);
    expect(packages.uploads.toSorted()).toEqual(["<a/>", "log", "log", "log"]);
    packages.collections = 3;
    expect(await add(packages, "log.txt")).toMatchObject({
      code: 1,
      json: { error: { code: "object.missing" } },
    });
  });

  it.each<[code: string, exit: number, argv: string[], status?: PackageStatus]>([
    ["usage.missing_argument", 2, []],
    ["usage.conflicting_options", 2, ["log.txt", "a/report.xml", "--path", "x"]],
    ["package.duplicate_path", 1, ["a/report.xml", "b/report.xml"]],
    ["package.invalid_path", 1, ["log.txt", "--path", "../log.txt"]],
    ["package.invalid_path", 1, ["log.txt", "--path", "/log.txt"]],
    ["validation.file_not_found", 1, ["none.txt"]],
    ["validation.file_unreadable", 1, ["a"]],
    ["package.not_open", 1, ["log.txt"], "finalized"],
    ["package.not_open", 1, ["log.txt"], "failed"],
    ["package.not_open", 1, ["log.txt"], "deleted"],
  ])("%s, before a byte is sent: %j", async (code, exit, argv, status = "created") => {
    const packages = new Packages();
    packages.status = status;
    expect(await add(packages, ...argv)).toMatchObject({ code: exit, json: { error: { code } } });
    expect(packages.uploads).toEqual([]);
  });
});
