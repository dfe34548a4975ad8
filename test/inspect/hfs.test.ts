import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { readHfsFiles } from "../../src/inspect/hfs/hfs-tree.ts";
import { readHfsVolume } from "../../src/inspect/hfs/hfs-volume.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { buildHfs, type HfsInput } from "../support/hfs-builder.ts";
import { needs } from "../support/required-tools.ts";

const run = promisify(execFile);

const files: readonly HfsInput[] = [
  { path: "Acme.app/Contents/Info.plist", content: Buffer.from("<plist/>") },
  { path: "Acme.app/Contents/MacOS/Acme", content: Buffer.alloc(300_000, "some program ") },
  { path: "Applications", content: Buffer.from("/Applications"), isLink: true },
  { path: "Latest", content: Buffer.from("many/file 1"), isLink: true },
  { path: "frag", content: Buffer.alloc(4096 * 30 + 5, "in thirty pieces "), isFragmented: true },
  { path: "hard", content: Buffer.from("one file of two names") },
  { path: "other", hardLinkTo: "hard" },
  { path: "empty/" },
  { path: "Überschuß", content: Buffer.from("a name beyond ASCII") },
  ...Array.from({ length: 300 }, (_, index) => ({
    path: `many/file ${index}`,
    content: Buffer.from(`file ${index}`),
  })),
];

const treeOf = async (volume: Buffer) => readHfsFiles(await readHfsVolume(bufferAccess(volume)));

/** Where the catalog's nodes stand, by its first extent in the volume header. */
const catalogOf = (volume: Buffer) => volume.readUInt32BE(1024 + 272 + 16) * 4096;

describe("an HFS+ volume", () => {
  it.each([512, 4096, 8192])("with nodes of %i bytes gives its files", async (nodeBytes) => {
    const { tree, volumeName } = await treeOf(buildHfs(files, { volumeName: "Acme 1.4", nodeBytes }));
    expect(volumeName).toBe("Acme 1.4");
    const expected = files.filter(({ path }) => !path.endsWith("/"));
    expect([...tree.keys()].sort()).toEqual(expected.map(({ path }) => path).sort());
    for (const { path, content, hardLinkTo, isLink } of expected) {
      const wanted = Buffer.from(content ?? files.find((one) => one.path === hardLinkTo)!.content!);
      const file = tree.get(path)!;
      expect(file.sizeBytes).toBe(wanted.length);
      expect((await file.read(1_000_000)).equals(wanted), path).toBe(true);
      const streamed = Buffer.concat(await Array.fromAsync(file.chunks(), (chunk) => Buffer.from(chunk)));
      expect(streamed.equals(wanted), path).toBe(true);
      expect(file.linkTarget).toBe(isLink ? wanted.toString() : null);
    }
  });

  it("gives parts of a file from anywhere in its pieces", async () => {
    const { tree } = await treeOf(buildHfs(files));
    const content = Buffer.from(files.find(({ path }) => path === "frag")!.content!);
    const access = await tree.get("frag")!.access!();
    for (const [offset, length] of [
      [0, 1],
      [4095, 2],
      [40_000, 50_000],
      [content.length - 3, 100],
    ] as const) {
      expect(Buffer.from(await access.read(offset, length))).toEqual(
        content.subarray(offset, offset + length),
      );
    }
  });

  it("is not read beyond the limit asked for, nor where the file system compresses", async () => {
    const { tree } = await treeOf(
      buildHfs([...files, { path: "packed", content: new Uint8Array(), isCompressed: true }]),
    );
    await expect(tree.get("frag")!.read(1000)).rejects.toMatchObject({ reason: "limit", where: "frag" });
    await expect(tree.get("packed")!.read(1000)).rejects.toMatchObject({ reason: "unsupported" });
  });

  it("whose leaves lead back to themselves is damaged", async () => {
    const volume = buildHfs(files, { nodeBytes: 512 });
    const catalog = catalogOf(volume);
    // The third leaf's next one is the first.
    volume.writeUInt32BE(1, catalog + 3 * 512);
    await expect(treeOf(volume)).rejects.toMatchObject({ reason: "damaged", where: "catalog file" });
  });

  it("whose folders contain each other has no paths there", async () => {
    const volume = buildHfs([{ path: "a/b/c", content: Buffer.from("c") }]);
    const { tree } = await treeOf(volume);
    expect([...tree.keys()]).toEqual(["a/b/c"]);
    // The key of folder a gets folder b, 17, as its parent.
    const key = Buffer.from("0008" + "00000002" + "0001" + "0061", "hex");
    const at = volume.indexOf(key, catalogOf(volume));
    volume.writeUInt32BE(17, at + 2);
    expect([...(await treeOf(volume)).tree.keys()]).toEqual([]);
  });

  it.each([
    ["blocks of 3 bytes", (volume: Buffer) => volume.writeUInt32BE(3, 1024 + 40)],
    ["blocks of none", (volume: Buffer) => volume.writeUInt32BE(0, 1024 + 40)],
    ["nodes of 1 byte", (volume: Buffer) => volume.writeUInt16BE(1, catalogOf(volume) + 32)],
    ["no nodes", (volume: Buffer) => volume.writeUInt16BE(0, catalogOf(volume) + 32)],
    ["a first leaf far away", (volume: Buffer) => volume.writeUInt32BE(0xffffffff, catalogOf(volume) + 24)],
    [
      "a leaf of 65,535 records",
      (volume: Buffer) => volume.writeUInt16BE(0xffff, catalogOf(volume) + 4096 + 10),
    ],
    ["a catalog beyond its end", (volume: Buffer) => volume.writeUInt32BE(0xffffff00, 1024 + 272 + 16)],
    ["a catalog of 2^63 bytes", (volume: Buffer) => volume.writeUInt32BE(0x7fffffff, 1024 + 272)],
  ])("with %s is damaged", async (_, damage) => {
    const volume = buildHfs(files);
    damage(volume);
    await expect(treeOf(volume)).rejects.toMatchObject({ reason: "damaged" });
  });
});

needs("7z", "fshfsinfo")("an HFS+ volume as others see it", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "dist-hfs-"));
    await writeFile(join(directory, "volume.hfs"), buildHfs(files, { volumeName: "Acme" }));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it("unpacks with 7z to the same content", async () => {
    await run("7z", ["x", "-snld20", "-y", `-o${directory}/out`, join(directory, "volume.hfs")]);
    const { tree } = await treeOf(await readFile(join(directory, "volume.hfs")));
    const digest = (content: Buffer) => createHash("sha256").update(content).digest("hex");
    const root = join(directory, "out", "Acme");
    // 7z leaves hard links empty, and lets links lead nowhere but into its folder.
    const elsewhere = new Set(["hard", "other", "Applications"]);
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(root.length + 1);
      if (entry.isDirectory() || path.startsWith("[") || elsewhere.has(path)) continue;
      const file = tree.get(path);
      expect(file, path).toBeDefined();
      const own = await file!.read(1_000_000);
      const theirs = entry.isSymbolicLink()
        ? Buffer.from(await readlink(join(root, path)))
        : await readFile(join(root, path));
      expect(digest(own), path).toBe(digest(theirs));
    }
  });

  it("lists with fshfsinfo the same names", async () => {
    const { stdout } = await run("fshfsinfo", ["-H", join(directory, "volume.hfs")]);
    for (const path of ["Acme.app/Contents/MacOS/Acme", "Applications", "frag", "other", "many/file 299"]) {
      expect(stdout.split("\n")).toContain(`/${path}`);
    }
  });
});
