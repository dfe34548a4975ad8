import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { scanDirectory } from "./scan-directory.ts";

let directory: string;
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), "dist-scan-"))));
afterEach(() => rm(directory, { recursive: true }));

async function write(...paths: readonly (string | Buffer)[]): Promise<void> {
  for (const path of paths) {
    const parts = path.toString("latin1").split("/").slice(0, -1);
    await mkdir(join(directory, ...parts), { recursive: true });
    const root = Buffer.from(`${directory}/`);
    await writeFile(Buffer.concat([root, Buffer.from(path)]), "x");
  }
}

const refusal = async () => {
  try {
    await scanDirectory(directory);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("scanning a directory", () => {
  // The order of JavaScript's comparison is another: U+FF5E before U+1F600.
  it("lists regular files under their relative paths, in bytewise order", async () => {
    await write("b.txt", "a/z", "a.txt", "a/b/c", "\u{1F600}", "\uFF5E", "Z");
    const { files, skipped } = await scanDirectory(directory);
    const paths = ["Z", "a.txt", "a/b/c", "a/z", "b.txt", "\uFF5E", "\u{1F600}"];
    expect(files).toEqual(paths.map((path) => ({ path, name: path })));
    expect(skipped).toEqual([]);
  });

  it("puts names into NFC, and remembers how the disk writes them", async () => {
    await write("re\u0301sume\u0301.txt");
    const { files } = await scanDirectory(directory);
    expect(files).toEqual([{ path: "r\u00e9sum\u00e9.txt", name: "re\u0301sume\u0301.txt" }]);
  });

  it("reads below a directory whose own name is not ASCII, or is given through a link", async () => {
    const odd = join(directory, "Läufe 日本");
    await mkdir(join(odd, "ü"), { recursive: true });
    await writeFile(join(odd, "ü", "ö"), "x");
    await symlink(odd, join(directory, "link"));
    for (const root of [odd, join(directory, "link"), `${odd}/`]) {
      expect((await scanDirectory(root)).files).toEqual([{ path: "ü/ö", name: "ü/ö" }]);
    }
  });

  it("names links, pipes and sockets, and does not follow them", async () => {
    await write("dir/file");
    await symlink("/etc", join(directory, "etc"));
    await symlink("dir/file", join(directory, "file-link"));
    await symlink("nowhere", join(directory, "dir/dangling"));
    execFileSync("mkfifo", [join(directory, "pipe")]);
    const server = createServer().listen(join(directory, "socket"));
    try {
      const { files, skipped } = await scanDirectory(directory);
      expect(files.map(({ path }) => path)).toEqual(["dir/file"]);
      expect(skipped).toEqual([
        { path: "dir/dangling", kind: "symlink" },
        { path: "etc", kind: "symlink" },
        { path: "file-link", kind: "symlink" },
        { path: "pipe", kind: "fifo" },
        { path: "socket", kind: "socket" },
      ]);
    } finally {
      server.close();
    }
  });

  it("stops when it is told to", async () => {
    await write("a");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(scanDirectory(directory, { signal })).rejects.toThrow("enough");
  });

  it("ingest.not_a_directory: a file, or nothing", async () => {
    await write("a");
    for (const path of [join(directory, "a"), join(directory, "none"), join(directory, "a/b")]) {
      await expect(scanDirectory(path)).rejects.toMatchObject({
        code: "ingest.not_a_directory",
        details: { path },
      });
    }
  });

  it("ingest.no_files: nothing but directories and links", async () => {
    await mkdir(join(directory, "empty/deep"), { recursive: true });
    await symlink("empty", join(directory, "link"));
    expect(await refusal()).toMatchObject({ code: "ingest.no_files", details: { skipped: 1 } });
  });

  it.each([
    ["capitals", ["Log.txt", "log.txt"]],
    ["capitals of a directory", ["Raw/a", "raw/A"]],
    ["an accent's two spellings", ["\u00e9", "e\u0301"]],
    ["a file and a directory", ["RAW", "raw/a"]],
  ])("package.duplicate_path: names that differ in %s only", async (_, names) => {
    await write(...names);
    const error = await refusal();
    expect(error).toMatchObject({ code: "package.duplicate_path" });
    const { path, collides_with: other } = (error as { details: Record<string, string> }).details;
    expect([path, other].toSorted()).toEqual(names.toSorted());
  });

  it.each([
    ["a backslash", "a\\b"],
    ["a line feed", "a\nb"],
    ["a control character", "a\u0085b"],
  ])("package.invalid_path: %s", async (_, name) => {
    await write(name);
    expect(await refusal()).toMatchObject({ code: "package.invalid_path", details: { path: name } });
  });

  it("package.invalid_path: a name that is not UTF-8", async () => {
    await write(Buffer.from([0x61, 0xff]));
    expect(await refusal()).toMatchObject({ code: "package.invalid_path", details: { path: "a\ufffd" } });
  });

  it("package.invalid_path: a path of more than 1,024 bytes", async () => {
    await write(["a", "b", "c", "d", "e"].map((letter) => letter.repeat(250)).join("/"));
    expect(await refusal()).toMatchObject({ code: "package.invalid_path" });
  });
});
