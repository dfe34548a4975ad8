import type { FileHandle } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { createDualHasher, sha256Hex } from "../base/digest.ts";
import { StagingWriter } from "./staging-writer.ts";

const MIB = 1024 * 1024;

/** What a file handle does for the writer, on a disk whose every answer the test gives. */
interface Disk {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  sync(): Promise<void>;
}

const goodDisk: Disk = {
  write: async (_bytes, _offset, length) => ({ bytesWritten: length }),
  datasync: async () => {},
  sync: async () => {},
};

describe("StagingWriter", () => {
  // Catches a writer that queues without end: a fast client and a stuck disk would fill the memory.
  it("stops taking bytes while the disk is stuck, and goes on afterwards", async () => {
    const stuck: (() => void)[] = [];
    const writer = await writerOn({
      write: (_bytes, _offset, length) =>
        new Promise((resolve) => stuck.push(() => resolve({ bytesWritten: length }))),
    });
    let takenBytes = 0;
    const work = (async () => {
      for (; takenBytes < 64 * MIB; takenBytes += MIB) await writer.write(Buffer.alloc(MIB));
      await writer.finish();
    })();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    expect(takenBytes).toBeLessThan(8 * MIB);
    const done = work.then(() => true);
    while (!(await Promise.race([done, setImmediate(false)]))) stuck.shift()?.();
    expect(takenBytes).toBe(64 * MIB);
  });

  it("gathers small chunks, cuts large ones, and finishes writes the disk took only in part", async () => {
    const bytes = Buffer.alloc(3 * MIB + 77, "0123456789abc");
    const file = Buffer.alloc(bytes.byteLength);
    let writes = 0;
    const hasher = await createDualHasher();
    const writer = new StagingWriter(
      onDisk({
        write: async (chunk, offset, length, position) => {
          writes++;
          const bytesWritten = Math.ceil(length / 2);
          file.set(chunk.subarray(offset, offset + bytesWritten), position);
          return { bytesWritten };
        },
      }),
      hasher,
    );
    for (let offset = 0; offset < MIB; offset += 64) await writer.write(bytes.subarray(offset, offset + 64));
    await writer.write(bytes.subarray(MIB));
    await writer.finish();
    expect(file.equals(bytes)).toBe(true);
    expect(hasher.digest()).toMatchObject({ sha256: sha256Hex(bytes), sizeBytes: bytes.byteLength });
    expect(writes).toBeLessThan(300);
  });

  // The kernel reports a failed write-back once: the next fsync of the same file says all is well.
  it("fails when an early write-back failed, though the last fsync succeeds", async () => {
    const lost = new Error("EIO");
    const writer = await writerOn({ datasync: () => Promise.reject(lost) });
    await expect(
      (async () => {
        for (let count = 0; count < 32; count++) await writer.write(Buffer.alloc(MIB));
        await writer.finish();
      })(),
    ).rejects.toBe(lost);
  });

  it("fails when the last fsync fails, and when any write does", async () => {
    const lost = new Error("EIO");
    const unsynced = await writerOn({ sync: () => Promise.reject(lost) });
    await unsynced.write(Buffer.alloc(1));
    await expect(unsynced.finish()).rejects.toBe(lost);

    const unwritten = await writerOn({ write: () => Promise.reject(lost) });
    await unwritten.write(Buffer.alloc(1));
    await expect(unwritten.finish()).rejects.toBe(lost);
    await unwritten.settle();
  });
});

async function writerOn(disk: Partial<Disk>): Promise<StagingWriter> {
  return new StagingWriter(onDisk(disk), await createDualHasher());
}

function onDisk(disk: Partial<Disk>): FileHandle {
  return { ...goodDisk, ...disk } as unknown as FileHandle;
}
