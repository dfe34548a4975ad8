import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { readApfsContainer } from "../../src/inspect/apfs/apfs-container.ts";
import { readApfsFiles } from "../../src/inspect/apfs/apfs-tree.ts";
import { readApfsVolume } from "../../src/inspect/apfs/apfs-volume.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { type ApfsInput, type ApfsOptions, buildApfs, sealApfsObject } from "../support/apfs-builder.ts";
import { needs } from "../support/required-tools.ts";

const run = promisify(execFile);
const BLOCK = 4096;

/** The third and fourth block are a hole. */
const inPieces = Buffer.concat([
  Buffer.alloc(2 * BLOCK, "a"),
  Buffer.alloc(2 * BLOCK),
  Buffer.alloc(77, "z"),
]);
const files: readonly ApfsInput[] = [
  { path: "Acme.app/Contents/Info.plist", content: Buffer.from("<plist/>") },
  { path: "Acme.app/Contents/MacOS/Acme", content: Buffer.alloc(300_000, "some program ") },
  { path: "Latest", content: Buffer.from("many/file 1"), isLink: true },
  { path: "pieces", content: inPieces, isFragmented: true },
  { path: "nothing", content: new Uint8Array() },
  ...Array.from({ length: 300 }, (_, index) => ({
    path: `many/file ${index}`,
    content: Buffer.from(`file ${index}`),
  })),
];

const open = async (bytes: Buffer) => {
  const container = await readApfsContainer(bufferAccess(bytes));
  const volume = await readApfsVolume(container);
  return { volume, tree: await readApfsFiles(container, volume) };
};

describe("an APFS container", () => {
  it.each([
    ["by names without case", {}],
    ["by names with case", { isCaseSensitive: true }],
    ["after its first superblock has become old", { isHeadOld: true }],
  ] satisfies ReadonlyArray<readonly [string, ApfsOptions]>)("gives its files %s", async (_, options) => {
    const { volume, tree } = await open(buildApfs(files, { ...options, volumeName: "Acme 1.4" }));
    expect(volume).toMatchObject({ name: "Acme 1.4", isCaseSensitive: "isCaseSensitive" in options });
    expect([...tree.keys()].sort()).toEqual(files.map(({ path }) => path).sort());
    for (const { path, content, isLink } of files) {
      const file = tree.get(path)!;
      expect((await file.read(1_000_000)).equals(Buffer.from(content!)), path).toBe(true);
      const streamed = await Array.fromAsync(file.chunks(), (chunk) => Buffer.from(chunk));
      expect(Buffer.concat(streamed).equals(Buffer.from(content!)), path).toBe(true);
      expect(file.linkTarget).toBe(isLink ? "many/file 1" : null);
    }
  });

  it("gives parts of a file, holes as zeros", async () => {
    const { tree } = await open(buildApfs(files));
    const access = await tree.get("pieces")!.access!();
    for (const [offset, length] of [
      [0, 1],
      [BLOCK - 1, 2 * BLOCK],
      [3 * BLOCK, BLOCK + 10],
      [4 * BLOCK, 500],
    ] as const) {
      expect(Buffer.from(await access.read(offset, length))).toEqual(
        inPieces.subarray(offset, offset + length),
      );
    }
  });

  it("that is encrypted, or a file compressed by it, is not read", async () => {
    await expect(open(buildApfs(files, { isEncrypted: true }))).rejects.toMatchObject({
      reason: "unsupported",
    });
    const { tree } = await open(
      buildApfs([{ path: "packed", content: Buffer.from("x"), isCompressed: true }]),
    );
    await expect(tree.get("packed")!.read(10)).rejects.toMatchObject({
      reason: "unsupported",
      where: "packed",
    });
  });

  it("of which a bit of any block that describes it was flipped is damaged, by the blocks' own checksums", async () => {
    const sound = buildApfs(files);
    const described = blocksOf(sound).filter(({ type }) => type !== 0);
    expect(described.length).toBeGreaterThan(10);
    for (const { index, type } of described) {
      // The map of checkpoints is not read, and a superblock that is damaged is passed over for the one in block 0.
      if (type === 0x4000000c || (type === 0x80000001 && index > 0)) continue;
      const bytes = Buffer.from(sound);
      bytes[index * BLOCK + 700]! ^= 1;
      await expect(open(bytes), `block ${index}`).rejects.toMatchObject({ reason: "damaged" });
    }
  });

  it.each([
    ["blocks of 3 bytes", 0, (block: Buffer) => block.writeUInt32LE(3, 36), "damaged"],
    ["a million blocks of checkpoints", 0, (block: Buffer) => block.writeUInt32LE(1_000_000, 104), "limit"],
    ["checkpoints beyond its end", 0, (block: Buffer) => block.writeBigUInt64LE(2n ** 50n, 112), null],
    ["a map beyond its end", 2, (block: Buffer) => block.writeBigUInt64LE(2n ** 40n, 160), "damaged"],
    ["no volume", 2, (block: Buffer) => block.fill(0, 184, 984), "damaged"],
  ])("with %s does no harm", async (_, index, damage, reason) => {
    const bytes = buildApfs(files);
    for (const at of index === 0 ? [0] : [0, index]) {
      const block = bytes.subarray(at * BLOCK, (at + 1) * BLOCK);
      damage(block);
      sealApfsObject(block);
    }
    const opening = open(bytes);
    await (reason === null ? opening : expect(opening).rejects.toMatchObject({ reason }));
  });

  it.each([
    [
      "leads back to itself",
      (node: Buffer) => node.writeBigUInt64LE(node.readBigUInt64LE(8), lastValue(node)),
    ],
    ["leads nowhere", (node: Buffer) => node.writeBigUInt64LE(123_456n, lastValue(node))],
    ["has 2^32 keys", (node: Buffer) => node.writeUInt32LE(0xffffffff, 36)],
    ["has a table beyond its end", (node: Buffer) => node.writeUInt16LE(0xffff, 42)],
    ["is at level 65,535", (node: Buffer) => node.writeUInt16LE(0xffff, 34)],
    ["calls itself a leaf", (node: Buffer) => node.writeUInt16LE(3, 32)],
  ])("whose tree of files %s is damaged", async (_, damage) => {
    const bytes = buildApfs(files);
    const root = blocksOf(bytes).find(
      ({ type, subtype, level }) => type === 2 && subtype === 14 && level > 0,
    )!;
    const node = bytes.subarray(root.index * BLOCK, (root.index + 1) * BLOCK);
    damage(node);
    sealApfsObject(node);
    await expect(open(bytes)).rejects.toMatchObject({ reason: "damaged" });
  });
});

needs("7z", "fsapfsinfo")("an APFS container as others see it", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "dist-apfs-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.each([false, true])(
    "unpacks with 7z to the same content, case-sensitive: %s",
    async (isCaseSensitive) => {
      const path = join(directory, `${isCaseSensitive}.apfs`);
      await writeFile(path, buildApfs(files, { isCaseSensitive }));
      await run("7z", ["x", "-snld20", "-y", `-o${path}.out`, path]);
      const { tree } = await open(await readFile(path));
      const root = `${path}.out`;
      let compared = 0;
      for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
        if (entry.isDirectory()) continue;
        const name = join(entry.parentPath, entry.name)
          .slice(root.length + 1)
          .replace(/^root\//, "");
        const own = await tree.get(name)!.read(1_000_000);
        const full = join(entry.parentPath, entry.name);
        const theirs = entry.isSymbolicLink() ? Buffer.from(await readlink(full)) : await readFile(full);
        // 7z takes a hole for block 0.
        if (name === "pieces") theirs.fill(0, 2 * BLOCK, 4 * BLOCK);
        expect(own.equals(theirs), name).toBe(true);
        compared += 1;
      }
      expect(compared).toBe(files.length);
    },
  );

  it("lists with fsapfsinfo the same names", async () => {
    const path = join(directory, "listed.apfs");
    await writeFile(path, buildApfs(files, { volumeName: "Acme" }));
    const { stdout } = await run("fsapfsinfo", ["-H", path]);
    for (const { path: name } of files) expect(stdout).toMatch(new RegExp(`^/[^/]*/${name}$`, "m"));
    const info = await run("fsapfsinfo", [path]);
    expect(info.stdout).toMatch(/^\tName\t+: Acme$/m);
  });
});

function blocksOf(bytes: Buffer) {
  return Array.from({ length: bytes.length / BLOCK }, (_, index) => {
    const at = index * BLOCK;
    const isObject = bytes.readBigUInt64LE(at + 16) <= 2n && bytes.readBigUInt64LE(at + 16) > 0n;
    return {
      index,
      type: isObject ? bytes.readUInt32LE(at + 24) : 0,
      subtype: bytes.readUInt32LE(at + 28),
      level: bytes.readUInt16LE(at + 34),
    };
  });
}

/** Where the value of a root's last record stands: the first of the values, which grow from the end. */
function lastValue(node: Buffer): number {
  const count = node.readUInt32LE(36);
  return BLOCK - 40 - node.readUInt16LE(56 + (count - 1) * 8 + 4);
}
