import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import type { OpenedObject } from "../../registry/records/objects.ts";
import type { PackageFileRecord } from "../../registry/records/packages.ts";
import type { PageRequest } from "../../registry/records/pages.ts";
import { fileRecord, packageRecord } from "../testing/records.ts";
import { runCli } from "../testing/run-cli.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-fetch-"));
});
afterEach(() => rm(directory, { recursive: true }));

const contents = { "a.txt": "one", "logs/deep/b.txt": "two", "logs/c.txt": "three" };

function entryOf(path: string, text: string): PackageFileRecord {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { ...fileRecord, path, sha256, size_bytes: Buffer.byteLength(text) };
}

/** A registry with one package of these files; `sent` are the bytes that come in place of the right ones. */
function packageOf(files: Readonly<Record<string, string>>, sent: Readonly<Record<string, string>> = files) {
  const entries = Object.entries(files).map(([path, text]) => entryOf(path, text));
  const opened: string[] = [];
  return {
    opened,
    getPackage: async () => packageRecord,
    // Two a page: who reads only the first page misses the third.
    listPackageFiles: async (_id: string, page?: PageRequest) => {
      const start = Number(page?.after ?? 0);
      const next = start + 2 < entries.length ? String(start + 2) : null;
      return { items: entries.slice(start, start + 2), next };
    },
    openPackageFile: async (_id: string, path: string): Promise<OpenedObject> => {
      const entry = entries.find((one) => one.path === path);
      if (entry === undefined) throw new DistError("package.file_not_found", "not_found", "No.");
      opened.push(path);
      const read = async () => Readable.from([Buffer.from(sent[path] ?? "")]);
      return {
        ...entry,
        content_type: entry.media_type,
        filename: path,
        is_public: false,
        counted: null,
        physical_key: null,
        file_url: null,
        presign: async () => null,
        read,
        readChunks: read,
      };
    },
    openPackageArchive: async () => ({
      filename: "pkg_1.tar",
      content_type: "application/x-tar",
      stream: Readable.from([Buffer.from("arch"), Buffer.from([0xff, 0x00])]),
    }),
  };
}

const download = (registry: ReturnType<typeof packageOf>, ...flags: string[]) =>
  runCli(["package", "download", "pkg_1", ...flags, "--json"], { directory, registry });

/** All files below the directory, with their bytes. */
async function tree(): Promise<Record<string, string>> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    files.map(async (path) => [path.slice(directory.length + 1), await readFile(path, "utf8")] as const),
  );
  return Object.fromEntries(texts);
}

describe("package download", () => {
  it("writes every file under its path, into a directory named as the package", async () => {
    const run = await download(packageOf(contents));
    expect(run.code).toBe(0);
    expect(await tree()).toEqual({
      "pkg_1/a.txt": "one",
      "pkg_1/logs/deep/b.txt": "two",
      "pkg_1/logs/c.txt": "three",
    });
    const downloaded = ["a.txt", "logs/c.txt", "logs/deep/b.txt"].map((path) => ({
      path,
      file: join(directory, "pkg_1", path),
    }));
    expect(run.json).toEqual({ ...packageRecord, downloaded });
  });

  it("goes on where it was stopped: what is there is not fetched again", async () => {
    await mkdir(join(directory, "out", "logs"), { recursive: true });
    await writeFile(join(directory, "out", "logs", "c.txt"), "three");
    const registry = packageOf(contents);
    const run = await download(registry, "--output", "out");
    expect(run.json.downloaded).toHaveLength(3);
    expect(registry.opened.toSorted()).toEqual(["a.txt", "logs/deep/b.txt"]);
  });

  it("cli.file_exists: keeps another file, and replaces it only when forced", async () => {
    await mkdir(join(directory, "out"));
    await writeFile(join(directory, "out", "a.txt"), "mine");
    const refused = await download(packageOf(contents), "--output", "out");
    expect(refused).toMatchObject({ code: 1, json: { error: { code: "cli.file_exists" } } });
    expect((await tree())["out/a.txt"]).toBe("mine");
    expect((await download(packageOf(contents), "--output", "out", "--force")).code).toBe(0);
    expect((await tree())["out/a.txt"]).toBe("one");
  });

  it.each([
    ["other bytes", "eno"],
    ["too few", "on"],
    ["too many", "ones"],
  ])("cli.download_corrupt: %s, exit code 4, and nothing left of it", async (_what, text) => {
    const run = await download(packageOf({ "x/a.txt": "one" }, { "x/a.txt": text }), "--output", "out");
    expect(run).toMatchObject({ code: 4, json: { error: { code: "cli.download_corrupt" } } });
    expect(await tree()).toEqual({});
  });

  // The paths come from whatever answers as a server.
  it.each(["../evil", "/evil", "a/../../evil", "a//b", "./a", "a\\..\\evil", "a\0b", "", ".."])(
    "cli.unsafe_path: %j, and nothing is written outside",
    async (path) => {
      await mkdir(join(directory, "x"));
      const run = await download(packageOf({ [path]: "evil" }), "--output", "x/out");
      expect(run).toMatchObject({ code: 1, json: { error: { code: "cli.unsafe_path" } } });
      expect(await tree()).toEqual({});
    },
  );

  it("cli.unsafe_path: a link that stands where a directory should is not gone through", async () => {
    await mkdir(join(directory, "precious"));
    await mkdir(join(directory, "out"));
    await symlink(join(directory, "precious"), join(directory, "out", "logs"));
    const run = await download(packageOf({ "logs/c.txt": "evil" }), "--output", "out", "--force");
    expect(run.json.error).toMatchObject({ code: "cli.unsafe_path", details: { path: "logs/c.txt" } });
    expect(await readdir(join(directory, "precious"))).toEqual([]);
    await writeFile(join(directory, "out", "file"), "");
    const through = await download(packageOf({ "file/c.txt": "evil" }), "--output", "out");
    expect(through.json.error.code).toBe("cli.unsafe_path");
  });

  it("does not follow a link that stands under a file's name", async () => {
    await mkdir(join(directory, "out"));
    await writeFile(join(directory, "precious"), "mine");
    await symlink(join(directory, "precious"), join(directory, "out", "a.txt"));
    expect((await download(packageOf(contents), "--output", "out")).json.error.code).toBe("cli.file_exists");
    await download(packageOf(contents), "--output", "out", "--force");
    expect(await readFile(join(directory, "precious"), "utf8")).toBe("mine");
  });

  it("stops when it is interrupted, and leaves no half file", async () => {
    const stop = AbortSignal.abort("interrupted");
    const run = await runCli(["package", "download", "pkg_1", "--json"], {
      directory,
      registry: packageOf(contents),
      signal: stop,
    });
    expect(run).toMatchObject({ code: 130, json: { error: { code: "cli.interrupted" } } });
    expect(await tree()).toEqual({});
  });

  describe("with --path", () => {
    it("writes one file, under its name or the one that is given", async () => {
      const run = await download(packageOf(contents), "--path", "logs/c.txt");
      expect(run.json.downloaded).toEqual([{ path: "logs/c.txt", file: join(directory, "c.txt") }]);
      await download(packageOf(contents), "--path", "logs/c.txt", "--output", "named.log");
      await download(packageOf(contents), "--path", "logs/c.txt", "--output", "made/");
      expect(await tree()).toEqual({ "c.txt": "three", "named.log": "three", "made/c.txt": "three" });
    });

    it("package.file_not_found: passes on what the registry says", async () => {
      const run = await download(packageOf(contents), "--path", "none");
      expect(run).toMatchObject({ code: 1, json: { error: { code: "package.file_not_found" } } });
    });

    it("usage.conflicting_options: one file is no archive", async () => {
      const run = await download(packageOf(contents), "--path", "a.txt", "--format", "tar");
      expect(run).toMatchObject({ code: 2, json: { error: { code: "usage.conflicting_options" } } });
    });
  });

  describe("with --format", () => {
    const archive = Buffer.concat([Buffer.from("arch"), Buffer.from([0xff, 0x00])]);

    it("writes the archive to a file, and never over another one", async () => {
      const run = await download(packageOf(contents), "--format", "zip", "--output", "out.zip");
      const file = join(directory, "out.zip");
      expect(run.json).toEqual({ ...packageRecord, archive: { format: "zip", file, bytes: archive.length } });
      expect((await readFile(file)).equals(archive)).toBe(true);
      const again = await download(packageOf(contents), "--format", "zip", "--output", "out.zip");
      expect(again).toMatchObject({ code: 1, json: { error: { code: "cli.file_exists" } } });
      expect(
        (await download(packageOf(contents), "--format", "zip", "--output", "out.zip", "--force")).code,
      ).toBe(0);
    });

    it("passes the bytes on to a pipe as they are", async () => {
      const chunks: Buffer[] = [];
      const stdout = new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          chunks.push(chunk);
          done();
        },
      });
      const argv = ["package", "download", "pkg_1", "--format", "tar"];
      expect((await runCli(argv, { directory, registry: packageOf(contents), stdout })).code).toBe(0);
      expect(Buffer.concat(chunks).equals(archive)).toBe(true);
    });

    it("usage.conflicting_options: not to a screen, nor where one JSON value goes", async () => {
      expect(await download(packageOf(contents), "--format", "tar")).toMatchObject({
        code: 2,
        json: { error: { code: "usage.conflicting_options" } },
      });
      const screen = Object.assign(new Writable({ write: (_chunk, _encoding, done) => done() }), {
        isTTY: true,
      });
      const argv = ["package", "download", "pkg_1", "--format", "tar"];
      const run = await runCli(argv, { directory, registry: {}, stdout: screen });
      expect(run.code).toBe(2);
      expect(run.stderr).toContain("Add --output FILE.");
    });

    it("leaves nothing of an archive that breaks off", async () => {
      const registry = {
        ...packageOf(contents),
        openPackageArchive: async () => ({
          filename: "",
          content_type: "",
          stream: Readable.from(
            (async function* () {
              yield Buffer.from("half");
              throw new DistError("object.damaged", "corrupt", "Damaged.");
            })(),
          ),
        }),
      };
      const run = await download(registry, "--format", "tar", "--output", "out.tar");
      expect(run).toMatchObject({ code: 4, json: { error: { code: "object.damaged" } } });
      expect(await tree()).toEqual({});
    });
  });
});
