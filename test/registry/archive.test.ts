import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";

import { unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { packageErrors } from "../../src/registry/errors.ts";
import { type ArchiveSource, openPackageArchive } from "../../src/registry/packages/archive.ts";
import { tarFraming } from "../../src/registry/packages/tar-framing.ts";
import { zipFraming } from "../../src/registry/packages/zip-framing.ts";
import { type ArchiveFormat, archiveFormats } from "../../src/registry/records/packages.ts";
import { needs } from "../support/required-tools.ts";
import { outcomeOf } from "../support/test-store.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-archive-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const id = "pkg_1";
const finalizedAt = "2026-11-20T15:00:01.500Z";
const isLong = process.env["DIST_TEST_LONG"] !== undefined;

/** Names that each need something else of a format: plain, long, not ASCII, long and not ASCII. */
const files: Readonly<Record<string, Uint8Array>> = {
  "a.txt": Buffer.from("first"),
  "a:b/-rf *": Buffer.from("odd"),
  "empty/none": Buffer.alloc(0),
  [`long/${"x".repeat(250)}/${"y".repeat(250)}.log`]: randomBytes(512),
  [`reports/${"ü/".repeat(200)}🎉.xml`]: randomBytes(200_000),
  "reports/Überblick.html": randomBytes(513),
};

/** A package of these files; `opened` counts the streams that are open. */
function packageOf(
  of: Readonly<Record<string, Uint8Array>>,
  changes: Partial<ArchiveSource> = {},
): ArchiveSource & { readonly opened: Set<Readable> } {
  const opened = new Set<Readable>();
  const records = Object.entries(of).map(([path, bytes]) => ({
    path,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    blake3: "",
    size_bytes: bytes.length,
    media_type: "text/plain",
  }));
  const source = {
    getPackage: async () => ({ deleted_at: null, finalized_at: finalizedAt, created_at: finalizedAt }),
    // Two pages, so that the second one is asked for.
    listPackageFiles: async (_: string, { after }: { after?: string }) =>
      after === undefined
        ? { items: records.slice(0, 2), next: "2" }
        : { items: records.slice(Number(after)), next: null },
    openPackageFile: async (_: string, path: string) => ({
      read: async () => {
        const bytes = of[path]!;
        async function* chunks() {
          for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
        }
        const stream = Readable.from(chunks(), { objectMode: false });
        opened.add(stream);
        stream.once("close", () => opened.delete(stream));
        return stream;
      },
    }),
    ...changes,
  };
  return { ...(source as unknown as ArchiveSource), opened };
}

async function archived(source: ArchiveSource, format: ArchiveFormat): Promise<Buffer> {
  const { stream } = await openPackageArchive(source, id, format);
  return Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Uint8Array>));
}

/** The archive in a file of its own, unpacked beside it by the machine's own program. */
async function unpacked(source: ArchiveSource, format: ArchiveFormat): Promise<string> {
  const target = await mkdtemp(join(directory, "out-"));
  const archive = `${target}.${format}`;
  await pipeline((await openPackageArchive(source, id, format)).stream, createWriteStream(archive));
  const env = { ...process.env, LC_ALL: "C.UTF-8" };
  if (format === "tar") execFileSync("tar", ["-xf", archive, "-C", target], { env });
  else execFileSync("unzip", ["-q", archive, "-d", target], { env });
  return target;
}

needs("tar", "unzip")("an archive, unpacked by the machine's own programs", () => {
  it.each(archiveFormats)("%s: holds every file with its bytes and the package's time", async (format) => {
    const target = await unpacked(packageOf(files), format);
    const found = await readdir(target, { recursive: true, withFileTypes: true });
    const names = found
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(target.length + 1));
    expect(names.toSorted()).toEqual(Object.keys(files).toSorted());
    for (const [path, bytes] of Object.entries(files)) {
      expect((await readFile(join(target, path))).equals(bytes), path).toBe(true);
      const { mtimeMs, mode } = await stat(join(target, path));
      expect([mtimeMs, mode & 0o777]).toEqual([Date.parse("2026-11-20T15:00:01.000Z"), 0o644]);
    }
  });

  // Catches counts of two bytes, which end at 65,535: the limit of a package lies above.
  it("zip: counts more files than the old format can", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 70_000 }, (_, index) => [`f/${index}`, Buffer.from("x")]),
    );
    const archive = join(directory, "many.zip");
    await writeFile(archive, await archived(packageOf(many), "zip"));
    expect(execFileSync("unzip", ["-Z", "-h", archive], { encoding: "utf8" })).toContain("entries: 70000");
    execFileSync("unzip", ["-tqq", archive]);
  });

  // 4 GiB is where sizes and places outgrow their fields. Most of the file is a hole.
  it.runIf(isLong)(
    "zip: holds files of more than 4 GiB, and one behind them",
    { timeout: 300_000 },
    async () => {
      const size = 2 ** 32 + 5;
      const framing = zipFraming();
      const archive = join(directory, "large.zip");
      const file = await open(archive, "w");
      let at = 0;
      const write = async (bytes: Uint8Array) => {
        await file.write(bytes, 0, bytes.length, at);
        at += bytes.length;
      };
      await write(framing.open({ path: "large", sizeBytes: size, modifiedMs: 0 }));
      const zeros = Buffer.alloc(2 ** 24);
      for (let left = size; left > 0; left -= zeros.length) {
        framing.take(zeros.subarray(0, Math.min(left, zeros.length)));
      }
      at += size;
      await write(framing.close());
      await write(framing.open({ path: "behind", sizeBytes: 3, modifiedMs: 0 }));
      framing.take(Buffer.from("abc"));
      await write(Buffer.from("abc"));
      await write(framing.close());
      for (const bytes of framing.end()) await write(bytes);
      await file.close();
      expect(execFileSync("unzip", ["-t", archive], { encoding: "utf8" })).toContain("No errors");
      expect(execFileSync("unzip", ["-p", archive, "behind"], { encoding: "utf8" })).toBe("abc");
    },
  );

  it("tar: says the size of a file of more than 8 GiB", async () => {
    const sizeBytes = 8 ** 11 + 7;
    const archive = join(directory, "large.tar");
    const header = tarFraming().open({ path: "large", sizeBytes, modifiedMs: 0 });
    const file = await open(archive, "w");
    await file.write(header);
    await file.truncate(header.length + Math.ceil(sizeBytes / 512) * 512 + 1024);
    await file.close();
    expect(execFileSync("tar", ["-tvf", archive], { encoding: "utf8" })).toContain(` ${sizeBytes} `);
  });
});

describe("an archive", () => {
  it("says its name and type", async () => {
    for (const [format, content_type] of [
      ["tar", "application/x-tar"],
      ["zip", "application/zip"],
    ] as const) {
      const archive = await openPackageArchive(packageOf(files), id, format);
      expect(archive).toMatchObject({ filename: `pkg_1.${format}`, content_type });
      archive.stream.destroy();
    }
  });

  it("zip: is read by another library, with its checksums", async () => {
    const bytes = await archived(packageOf(files), "zip");
    const entries = unzipSync(bytes);
    expect(Object.keys(entries).toSorted()).toEqual(Object.keys(files).toSorted());
    for (const [path, content] of Object.entries(files)) {
      expect(Buffer.from(entries[path]!).equals(content)).toBe(true);
      const descriptor = Buffer.alloc(4);
      descriptor.writeUInt32LE(crc32(content));
      expect(bytes.includes(descriptor)).toBe(true);
    }
  });

  it("is the same bytes each time, and of no file too", async () => {
    for (const format of archiveFormats) {
      expect(await archived(packageOf(files), format)).toEqual(await archived(packageOf(files), format));
      expect((await archived(packageOf({}), format)).length).toBe(format === "tar" ? 1024 : 22);
    }
  });

  it("blob.damaged: breaks off where the bytes are others, fewer or more", async () => {
    const wrong = [Buffer.from("firsT"), Buffer.from("firs"), Buffer.from("first!")];
    for (const format of archiveFormats) {
      for (const bytes of wrong) {
        const source = packageOf(files, {
          openPackageFile: (async () => ({ read: async () => Readable.from([bytes]) })) as never,
        });
        expect(await outcomeOf(archived(source, format))).toBe("blob.damaged");
      }
    }
  });

  // In an object store each file is a round trip; and however small files are, not all of them may be held.
  it("reads small files ahead, a few at once, and large ones when their turn comes", async () => {
    const of = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`${index}`, randomBytes(index === 20 ? 1_000_000 : 100)]),
    );
    const plain = packageOf(of);
    let [asked, most, atLarge] = [0, 0, 0];
    const source = packageOf(of, {
      openPackageFile: async (_, path) => {
        asked += 1;
        most = Math.max(most, asked);
        await new Promise((resolve) => setTimeout(resolve, 5));
        asked -= 1;
        if (path === "20") atLarge = asked;
        return plain.openPackageFile(id, path);
      },
    });
    const whole = await archived(source, "tar");
    expect(whole.equals(await archived(plain, "tar"))).toBe(true);
    expect([most, atLarge <= 8]).toEqual([9, true]);
  });

  it("refuses at once what its first file refuses, and a package whose bytes are gone", async () => {
    const refusal = packageErrors.error("package.file_not_found", "No such file.");
    const refusing = packageOf(files, { openPackageFile: () => Promise.reject(refusal) });
    expect(await outcomeOf(openPackageArchive(refusing, id, "tar"))).toBe("package.file_not_found");
    const deleted = packageOf(files, {
      getPackage: (async () => ({ deleted_at: finalizedAt })) as never,
    });
    expect(await outcomeOf(openPackageArchive(deleted, id, "tar"))).toBe("package.deleted");
  });

  it("closes the file it is at when its reader goes away, also before it has read anything", async () => {
    const large = { "a.bin": randomBytes(10_000_000) };
    for (const begin of [async () => {}, (stream: Readable) => stream[Symbol.asyncIterator]().next()]) {
      const source = packageOf(large);
      const { stream } = await openPackageArchive(source, id, "tar");
      await begin(stream);
      expect(source.opened.size).toBe(1);
      stream.destroy();
      await expect.poll(() => source.opened.size).toBe(0);
    }
  });
});
