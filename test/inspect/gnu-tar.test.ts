import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { readTar } from "../../src/inspect/tar/read-tar.ts";
import { rangeSource } from "../../src/inspect/unpack/chunk-reader.ts";
import { unxzChunks } from "../../src/inspect/unpack/unxz.ts";

const read = (file: Buffer) =>
  readTar({
    bytes: bufferAccess(file),
    declared: { platform: "linux", filename: "a" },
    nowMs: 0,
    verify: true,
  });

const unxz = async (file: Buffer) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of unxzChunks(rangeSource(bufferAccess(file), 0, file.length)))
    chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
};

const isRefused = async (file: Buffer) =>
  (await read(file)).findings.some(({ severity }) => severity === "error");

needs(
  "tar",
  "gzip",
  "xz",
  "zstd",
  "bzip2",
)("what GNU tar makes", () => {
  const directory = mkdtempSync(join(tmpdir(), "dist-tar-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  const longName = `${"d".repeat(90)}/${"e".repeat(90)}/${"n".repeat(120)}`;
  mkdirSync(join(directory, "in", longName, ".."), { recursive: true });
  writeFileSync(join(directory, "in", longName), "long");
  writeFileSync(join(directory, "in/sparse"), "x");
  truncateSync(join(directory, "in/sparse"), 4 * 1024 * 1024);
  symlinkSync(longName, join(directory, "in/link"));
  writeFileSync(join(directory, "in/rights"), "x".repeat(100_000));
  chmodSync(join(directory, "in/rights"), 0o4755);

  const tar = (...options: readonly string[]): Buffer =>
    spawnSync("tar", ["-C", directory, "-cf", "-", ...options, "in"], { maxBuffer: 1e9 }).stdout;
  const listed = (file: Buffer) =>
    spawnSync("tar", ["-tf", "-"], { input: file }).stdout.toString().trim().split("\n");

  const packings = ["", "--gzip", "--xz", "--zstd", "--bzip2"];

  it.each(packings)("is read as tar lists it, with %s", async (packing) => {
    for (const format of ["--format=gnu", "--format=posix"]) {
      for (const sparse of [[], ["--sparse"]]) {
        const options = [format, ...sparse];
        const { facts, findings } = await read(tar(...options, ...(packing === "" ? [] : [packing])));
        expect(facts).toMatchObject({
          entries: listed(tar(...options)).length,
          top_level: ["in"],
          links: 1,
          sparse_files: sparse.length,
          setuid: ["in/rights"],
          complete: true,
        });
        expect(findings.map(({ code }) => code)).toEqual(["validation.setuid"]);
      }
    }
  });

  // Each bit of the packed data that the tool minds, we mind; but for the byte at the head of an LZMA chunk that stands for nothing, which
  // `xz` wants to be zero: what is read is what was packed all the same.
  it.each([
    ["gzip", "--gzip"],
    ["xz", "--xz"],
    ["bzip2", "--bzip2"],
    ["zstd", "--zstd"],
  ])("is refused exactly when %s finds its checksum wrong", async (tool, packing) => {
    const file = tar(packing);
    const content = tar();
    for (let at = 10; at < file.length; at += Math.ceil(file.length / 60)) {
      const changed = Buffer.from(file);
      changed[at]! ^= 4;
      const second = spawnSync(tool, ["-t"], { input: changed });
      const refused = await isRefused(changed);
      if (tool === "xz" && !refused && second.status !== 0)
        expect(await unxz(changed), `byte ${at} of ${file.length}`).toEqual(content);
      else expect(refused, `byte ${at} of ${file.length}`).toBe(second.status !== 0);
    }
  });

  it("reads past the byte that stands for nothing in xz data", async () => {
    const file = tar("--xz");
    // A stream header of 12 bytes, a block header of 12, and a chunk header of 6; then the first byte of the range coder.
    file[30]! ^= 4;
    expect(spawnSync("xz", ["-t"], { input: file }).status).toBe(1);
    expect(await unxz(file)).toEqual(tar());
  });
});
