import { execFileSync } from "node:child_process";
import { appendFile, mkdtemp, rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { fileSource } from "./file-source.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "dist-source-"));
  path = join(directory, "acme.apk");
});
afterEach(() => rm(directory, { recursive: true }));

/** More than two chunks, so that a change can happen while the first is held. */
const large = Buffer.alloc(2.5 * 1024 * 1024, "x");

describe("a file as a source", () => {
  it.each([0, 1, 1024 * 1024, 1024 * 1024 + 1, large.length])(
    "gives %i bytes, in as many passes as asked",
    async (size) => {
      const bytes = Buffer.from(Array.from({ length: size }, (_, index) => index % 251));
      await writeFile(path, bytes);
      const source = await fileSource(path);
      expect(source.sizeBytes).toBe(size);
      for (let pass = 0; pass < 2; pass++) {
        const chunks: Uint8Array[] = [];
        // Kept until the end: a buffer that is used again would show here.
        for await (const chunk of source.open()) chunks.push(Uint8Array.from(chunk));
        expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
      }
    },
  );

  const changes: [what: string, change: () => Promise<void>][] = [
    ["grows", () => appendFile(path, "more")],
    ["shrinks", () => truncate(path, 10)],
    // The size stays; only the times tell.
    ["is rewritten in place", () => writeFile(path, Buffer.alloc(large.length, "y"))],
    [
      "is rewritten with its time set back",
      async () => {
        await writeFile(path, Buffer.alloc(large.length, "y"));
        await utimes(path, 1000, 1000);
      },
    ],
  ];
  it.each(changes)("validation.source_changed: it %s while it is read", async (_what, change) => {
    await writeFile(path, large);
    const source = await fileSource(path);
    const read = async () => {
      let isFirst = true;
      for await (const _ of source.open()) {
        if (isFirst) await change();
        isFirst = false;
      }
    };
    await expect(read()).rejects.toMatchObject({ code: "validation.source_changed", details: { path } });
  });

  // Two passes over different files would hash one and send the other.
  it("validation.source_changed: another file took its place between passes", async () => {
    await writeFile(path, "abc");
    const source = await fileSource(path);
    await writeFile(join(directory, "new"), "abc");
    await rename(join(directory, "new"), path);
    await expect(drain(source.open())).rejects.toMatchObject({ code: "validation.source_changed" });
  });

  it("may be left early", async () => {
    await writeFile(path, large);
    const source = await fileSource(path);
    for await (const chunk of source.open()) {
      expect(chunk.length).toBe(1024 * 1024);
      break;
    }
    await drain(source.open());
  });

  it("validation.file_not_found: nothing there", async () => {
    await expect(fileSource(path)).rejects.toMatchObject({
      code: "validation.file_not_found",
      kind: "not_found",
    });
    await writeFile(path, "abc");
    const source = await fileSource(path);
    await rm(path);
    await expect(drain(source.open())).rejects.toMatchObject({ code: "validation.file_not_found" });
  });

  it("validation.file_unreadable: a directory, or a pipe that nobody writes to", async () => {
    await expect(fileSource(directory)).rejects.toMatchObject({ code: "validation.file_unreadable" });
    execFileSync("mkfifo", [path]);
    await expect(fileSource(path)).rejects.toMatchObject({ code: "validation.file_unreadable" });
  });

  // Opening it for reading would wait for a writer, and the job would hang.
  it("does not wait for a pipe that took the file's place", async () => {
    await writeFile(path, "abc");
    const source = await fileSource(path);
    await rm(path);
    execFileSync("mkfifo", [path]);
    await expect(drain(source.open())).rejects.toMatchObject({ code: "validation.source_changed" });
  });
});

async function drain(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of source);
}
