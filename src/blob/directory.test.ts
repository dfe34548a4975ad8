import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import { pathToFileURL } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { absentLocation, chunks, collect, keys, put, uploadIds } from "./conformance/blob-bytes.ts";
import { blobConformance } from "./conformance/blob-conformance.ts";
import type { BlobLocation, BlobStore } from "./blob-store.ts";
import { openDirectoryBlobStore } from "./directory.ts";
import { readFileChunks } from "../base/files.ts";

blobConformance("directory", async () => {
  const directory = await temporaryDirectory();
  return {
    store: openDirectoryBlobStore({ directory }),
    cleanup: () => rm(directory, { recursive: true }),
  };
});

const MIB = 1024 * 1024;
const BYTES = Buffer.from("the object's bytes");

let directory: string;
let store: BlobStore;

beforeEach(async () => {
  directory = await temporaryDirectory();
  store = openDirectoryBlobStore({ directory });
});
afterEach(() => rm(directory, { recursive: true }));

describe("directory: beside a collector", () => {
  // Catches a commit that finds the object standing, and looks at it only when a collector has taken it away.
  it("commits what is staged, though the same object goes while it is looked at", async () => {
    for (let round = 0; round < 200; round += 1) {
      const location = await put(store, `upl_${round}a`, chunks(BYTES));
      const staged = await store.stage(`upl_${round}b`, chunks(BYTES));
      await Promise.all([store.commit(staged), store.remove(location)]);
      await store.discard(staged.uploadId);
    }
  });
});

describe("directory: layout", () => {
  it("keeps an object under its digest, readable by owner and group only", async () => {
    const location = await put(store, "upl_1", chunks(BYTES));
    const path = join(directory, "objects", location.sha256.slice(0, 2), location.sha256);
    expect(await readFile(path)).toEqual(BYTES);
    expect((await stat(path)).mode & 0o007).toBe(0);
    expect((await stat(dirname(path))).mode & 0o007).toBe(0);
    expect(store.url(location)).toBe(pathToFileURL(path).href);
  });

  it("touches the directory on the first write only", async () => {
    await Array.fromAsync(store.list());
    await Array.fromAsync(store.listStaging());
    await store.remove(absentLocation());
    await store.discard("upl_1");
    expect(await readdir(directory)).toEqual([]);
    await put(store, "upl_1", chunks(BYTES));
    expect((await readdir(directory)).sort()).toEqual(["objects", "staging"]);
  });

  it("works in a directory reached by a symbolic link", async () => {
    await mkdir(join(directory, "real"));
    await symlink("real", join(directory, "linked"));
    const linked = openDirectoryBlobStore({ directory: join(directory, "linked") });
    const location = await put(linked, "upl_1", chunks(BYTES));
    expect(await linked.size(location)).toBe(BYTES.byteLength);
  });

  // Catches a memory of directories made that outlives the directories.
  it("makes its folders again when someone took them away", async () => {
    await put(store, "upl_1", chunks(BYTES));
    await rm(join(directory, "objects"), { recursive: true });
    await rm(join(directory, "staging"), { recursive: true });
    const location = await put(store, "upl_2", chunks(BYTES));
    expect(await collect(await store.read(location))).toEqual(BYTES);
  });

  it("shares the directory with another process's store", async () => {
    const other = openDirectoryBlobStore({ directory });
    const staged = await store.stage("upl_1", chunks(BYTES));
    const location = await other.commit(staged);
    expect(await store.ensure(staged, location)).toBe(true);
  });
});

describe("directory: what stands in an object's place", () => {
  let location: BlobLocation;
  let path: string;
  beforeEach(async () => {
    location = await put(store, "upl_0", chunks(BYTES));
    path = join(directory, location.key);
  });

  it("refuses a wrong-sized file for commit and ensure, and does not replace it", async () => {
    await truncate(path, 3);
    const staged = await store.stage("upl_1", chunks(BYTES));
    const refusal = { code: "blob.damaged", details: { expectedBytes: BYTES.byteLength, presentBytes: 3 } };
    await expect(store.commit(staged)).rejects.toMatchObject(refusal);
    await expect(store.ensure(staged, location)).rejects.toMatchObject(refusal);
    expect(await store.size(location)).toBe(3);
    await store.discard("upl_1");
  });

  // Catches a followed link: whoever can make one would read any file the service can.
  it.each([
    ["a symbolic link", () => symlink("/etc/hostname", path)],
    [
      "a symbolic link to the very bytes",
      async () => {
        await writeFile(join(directory, "elsewhere"), BYTES);
        await symlink(join(directory, "elsewhere"), path);
      },
    ],
    ["a dangling symbolic link", () => symlink("nowhere", path)],
    ["a directory", () => mkdir(path)],
    // Catches an open() that waits for somebody to write into the pipe.
    ["a named pipe", async () => void execFileSync("mkfifo", [path])],
  ])("refuses %s", async (_what, make) => {
    await rm(path);
    await make();
    const refusal = { code: "blob.damaged" };
    await expect(store.size(location)).rejects.toMatchObject(refusal);
    await expect(store.read(location)).rejects.toMatchObject(refusal);
    await expect(store.openRandom(location)).rejects.toMatchObject(refusal);
    const staged = await store.stage("upl_1", chunks(BYTES));
    await expect(store.commit(staged)).rejects.toMatchObject(refusal);
    await expect(store.ensure(staged, location)).rejects.toMatchObject(refusal);
    expect(await Array.fromAsync(store.list())).toEqual([{ key: location.key, sha256: null, sizeBytes: 0 }]);
  });

  it("fails a stream whose file ends early, instead of ending it", async () => {
    const large = await put(store, "upl_1", chunks(Buffer.alloc(3 * MIB)));
    const stream = await store.read(large);
    const passing = await store.readChunks(large);
    const random = await store.openRandom(large);
    await truncate(join(directory, large.key), MIB);
    await expect(collect(stream)).rejects.toMatchObject({ code: "blob.damaged" });
    await expect(Array.fromAsync(passing)).rejects.toMatchObject({ code: "blob.damaged" });
    await expect(random.read(MIB - 1, 2)).rejects.toMatchObject({ code: "blob.damaged" });
    await random.close();
  });
});

describe("directory: listing", () => {
  it("reports strays among the objects, in key order", async () => {
    const { sha256, key } = await put(store, "upl_1", chunks(BYTES));
    const folder = sha256.slice(0, 2);
    const elsewhere = folder === "ff" ? "fe" : "ff";
    const objects = join(directory, "objects");
    await mkdir(join(objects, elsewhere));
    await mkdir(join(objects, "zz", "deep"), { recursive: true });
    await mkdir(join(objects, folder, "aa"));
    await writeFile(join(objects, elsewhere, sha256), "ab");
    await writeFile(join(objects, folder, "aa-x"), "abc");
    await writeFile(join(objects, `${folder}-`), "a");
    await writeFile(join(objects, ".DS_Store"), "abcd");
    // Not UTF-8: Node cannot look at it under the name it was told.
    await writeFile(Buffer.concat([Buffer.from(`${objects}/zz`), Buffer.from([0xff])]), "odd");
    const entries = await Array.fromAsync(store.list());
    expect(entries).toEqual(
      [
        { key, sha256, sizeBytes: BYTES.byteLength },
        { key: `objects/${elsewhere}/${sha256}`, sha256: null, sizeBytes: 2 },
        { key: `objects/${folder}/aa`, sha256: null, sizeBytes: 0 },
        { key: `objects/${folder}/aa-x`, sha256: null, sizeBytes: 3 },
        { key: `objects/${folder}-`, sha256: null, sizeBytes: 1 },
        { key: "objects/.DS_Store", sha256: null, sizeBytes: 4 },
        { key: "objects/zz", sha256: null, sizeBytes: 0 },
        { key: "objects/zz\uFFFD", sha256: null, sizeBytes: 0 },
      ].sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  });

  it("leaves out of staging what is no upload, and tells the time of the last byte", async () => {
    await store.stage("upl_1", chunks(BYTES));
    const staging = join(directory, "staging");
    await writeFile(join(staging, "notes.txt"), "an operator's");
    await mkdir(join(staging, "folder"));
    await symlink("/etc/hostname", join(staging, "link"));
    await utimes(join(staging, "upl_1"), 1_700_000_000, 1_700_000_000);
    expect(await Array.fromAsync(store.listStaging())).toEqual([
      { uploadId: "upl_1", sizeBytes: BYTES.byteLength, modifiedAtMs: 1_700_000_000_000 },
    ]);
  });
});

describe("directory: a disk that refuses", () => {
  it("says blob.write_failed when a file stands where a folder must be, before reading the source", async () => {
    await writeFile(join(directory, "objects"), "");
    let asked = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      asked = true;
      yield BYTES;
    }
    const refusal = { code: "blob.write_failed", details: { errno: "ENOTDIR" } };
    await expect(store.stage("upl_1", source())).rejects.toMatchObject(refusal);
    expect(asked).toBe(false);
    await expect(store.health()).rejects.toMatchObject(refusal);
    await expect(store.remove(absentLocation())).rejects.toMatchObject(refusal);
    const unreadable = { code: "blob.read_failed", details: { errno: "ENOTDIR" } };
    await expect(Array.fromAsync(store.list())).rejects.toMatchObject(unreadable);
    await expect(store.size(absentLocation())).rejects.toMatchObject(unreadable);
    await expect(store.read(absentLocation())).rejects.toMatchObject(unreadable);
  });

  it("says blob.write_failed when the store directory is missing, and does not make it", async () => {
    const missing = join(directory, "missing");
    const astray = openDirectoryBlobStore({ directory: missing });
    const refusal = { code: "blob.write_failed", details: { errno: "ENOENT" } };
    await expect(astray.stage("upl_1", chunks(BYTES))).rejects.toMatchObject(refusal);
    await expect(astray.health()).rejects.toMatchObject(refusal);
    expect(existsSync(missing)).toBe(false);
  });

  // The kernel lets nobody make directories in /sys, not even root.
  it.runIf(existsSync("/sys/kernel"))("says store.read_only where nothing may be written", async () => {
    const readOnly = openDirectoryBlobStore({ directory: "/sys" });
    const refusal = { code: "store.read_only", kind: "unavailable" };
    await expect(readOnly.stage("upl_1", chunks(BYTES))).rejects.toMatchObject(refusal);
    await expect(readOnly.health()).rejects.toMatchObject(refusal);
  });

  // Catches an object linked from a file whose bytes never reached the disk, and a failure that leaves its file behind.
  it.runIf(existsSync("/proc/self/fd"))("leaves nothing when writing fails midway", async () => {
    // Runs in a process of its own: a limit on file size stands in for a full disk.
    const program = `
      import { openDirectoryBlobStore } from ${JSON.stringify(import.meta.resolve("./directory.ts"))};
      process.on("SIGXFSZ", () => {});
      const store = openDirectoryBlobStore({ directory: ${JSON.stringify(directory)} });
      async function* source() { for (let i = 0; i < 64; i++) yield Buffer.alloc(1024 * 1024); }
      await store.stage("upl_1", source()).catch((error) => console.log(error.code, error.details.errno));
    `;
    const script = `ulimit -f 4096; exec "$0" --input-type=module -e "$1"`;
    const output = execFileSync("bash", ["-c", script, process.execPath, program], { encoding: "utf8" });
    expect(output).toBe("store.full EFBIG\n");
    expect(await readdir(join(directory, "staging"))).toEqual([]);
    expect(await keys(store)).toEqual([]);
  });
});

describe("directory: a file as the source", () => {
  it.each([0, 1, MIB, 3 * MIB + 1])(
    "reads %d bytes, whatever was read from the handle before",
    async (sizeBytes) => {
      const bytes = Buffer.alloc(sizeBytes, "0123456789abcde");
      await writeFile(join(directory, "input"), bytes);
      await using handle = await open(join(directory, "input"));
      await handle.read(Buffer.alloc(10), 0, 10, null);
      const location = await put(store, "upl_1", readFileChunks(handle));
      expect((await collect(await store.read(location))).equals(bytes)).toBe(true);
    },
  );

  it("raises what reading raised, unchanged", async () => {
    await using handle = await open(directory);
    await expect(store.stage("upl_1", readFileChunks(handle))).rejects.toMatchObject({ code: "EISDIR" });
    expect(await uploadIds(store)).toEqual([]);
  });
});

describe.runIf(existsSync("/proc/self/fd"))("directory: open files", () => {
  it("are as many after all outcomes as before", async () => {
    await exercise();
    const before = await openFiles();
    for (let round = 0; round < 5; round++) await exercise();
    expect(await openFiles()).toBe(before);
  });

  async function exercise(): Promise<void> {
    const location = await put(store, "upl_1", chunks(Buffer.alloc(2 * MIB)));
    const staged = await store.stage("upl_1", chunks(Buffer.alloc(2 * MIB)));
    await store.ensure(staged, location);
    await collect(await store.read(location));
    const unread = await store.read(location);
    unread.destroy();
    await finished(unread).catch(() => {});
    const halfRead = await store.read(location);
    for await (const _chunk of halfRead) break;
    await Array.fromAsync(await store.readChunks(location));
    (await store.readChunks(location)).destroy();
    const left = await store.readChunks(location);
    for await (const _chunk of left) break;
    left.destroy();
    await store.read(location, { start: 2 * MIB }).catch(() => {});
    await store.readChunks(location, { start: 2 * MIB }).catch(() => {});
    await (await store.openRandom(location)).close();
    await store.stage("upl_2", chunks(BYTES), { maxBytes: 1 }).catch(() => {});
    await store.stage("upl_1", chunks(BYTES)).catch(() => {});
    await rename(join(directory, location.key), join(directory, "aside"));
    await mkdir(join(directory, location.key));
    await store.commit(staged).catch(() => {});
    await store.read(location).catch(() => {});
    await rm(join(directory, location.key), { recursive: true });
    await store.ensure(staged, location);
    await store.health();
    await store.remove(location);
    await store.discard("upl_1");
  }
});

async function openFiles(): Promise<number> {
  return (await readdir("/proc/self/fd")).length;
}

function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "dist-blob-"));
}
