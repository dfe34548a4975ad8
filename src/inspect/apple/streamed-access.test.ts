import { describe, expect, it } from "vitest";

import type { TreeFile } from "../file-tree.ts";
import { openTreeFile } from "./streamed-access.ts";

const content = Buffer.from(Array.from({ length: 700_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));

/** A packed file; `starts` counts how often it was unpacked, `ended` how often to the end or given up. */
function packed(chunkBytes = 1000) {
  const counts = { starts: 0, ended: 0 };
  const file: TreeFile = {
    path: "a",
    sizeBytes: content.length,
    linkTarget: null,
    read: async () => content,
    chunks: async function* () {
      counts.starts += 1;
      const buffer = Buffer.alloc(chunkBytes);
      try {
        for (let at = 0; at < content.length; at += chunkBytes) {
          // The same buffer again and again: a chunk is good only until the next one.
          const length = content.copy(buffer, 0, at, at + chunkBytes);
          yield buffer.subarray(0, length);
        }
      } finally {
        counts.ended += 1;
      }
    },
  };
  return { file, counts };
}

describe("a packed file that is read in places", () => {
  it("gives its bytes, going forward in one pass, with its beginning at hand", async () => {
    const { file, counts } = packed();
    const bytes = await openTreeFile(file);
    for (const [offset, length] of [
      [0, 8],
      [0, 32],
      [100, 5000],
      [40, 4],
      [600_000, 50_000],
      [649_500, 1000],
      [699_990, 100],
    ] as const) {
      const expected = content.subarray(offset, offset + length);
      expect(Buffer.from(await bytes.read(offset, length)).equals(expected)).toBe(true);
    }
    expect(counts.starts).toBe(1);
    await bytes.close();
    expect(counts.ended).toBe(1);
  });

  it("is unpacked anew for what is further back, but not without end", async () => {
    const { file, counts } = packed(4096);
    const bytes = await openTreeFile(file);
    const backAndForth = async () => {
      for (let count = 0; count < 20; count += 1) {
        await bytes.read(650_000, 10);
        expect(Buffer.from(await bytes.read(500_000, 10)).equals(content.subarray(500_000, 500_010))).toBe(
          true,
        );
      }
    };
    await expect(backAndForth()).rejects.toMatchObject({ reason: "limit", where: "a" });
    expect(counts.starts).toBe(6);
  });
});
