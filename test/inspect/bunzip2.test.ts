import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";

import { needs } from "../support/required-tools.ts";
import { UnreadableError } from "../../src/inspect/unreadable.ts";
import { bunzip2, bunzip2Chunks } from "../../src/inspect/bzip2/bunzip2.ts";

const bzip2 = (content: Uint8Array, ...options: readonly string[]): Buffer =>
  spawnSync("bzip2", ["-c", ...options], { input: content, maxBuffer: 1e9 }).stdout;

const MiB = 1024 * 1024;

needs("bzip2")("bzip2 data", () => {
  const text = Buffer.from("some text, and some more of the same text; ".repeat(40_000));
  const contents: ReadonlyArray<readonly [string, Buffer]> = [
    ["nothing", Buffer.alloc(0)],
    ["one byte", Buffer.from("x")],
    ["text of two blocks", text],
    ["runs of every length", Buffer.concat(Array.from({ length: 600 }, (_, n) => Buffer.alloc(n, n)))],
    ["noise", randomBytes(MiB)],
    ["32 MiB of zeros", Buffer.alloc(32 * MiB)],
  ];

  it.each(contents)("of %s are unpacked", async (_, content) => {
    for (const level of ["-1", "-9"]) {
      expect((await bunzip2(bzip2(content, level), 64 * MiB)).equals(content)).toBe(true);
    }
  });

  it("may be several streams, with something else behind them, in chunks of any size", async () => {
    const packed = Buffer.concat([bzip2(text), bzip2(Buffer.alloc(0)), bzip2(text), Buffer.from("BZhello")]);
    for (const size of [1, 1000, packed.length]) {
      const chunks = Array.from({ length: Math.ceil(packed.length / size) }, (_, index) =>
        packed.subarray(index * size, (index + 1) * size),
      );
      const unpacked = Buffer.concat(await Array.fromAsync(bunzip2Chunks(chunks)));
      expect(unpacked.equals(Buffer.concat([text, text]))).toBe(true);
    }
  });

  it("are not unpacked beyond the limit", async () => {
    await expect(bunzip2(bzip2(Buffer.alloc(1000)), 999)).rejects.toMatchObject({ reason: "limit" });
  });

  it("that are cut off are found out wherever they are", async () => {
    const packed = bzip2(Buffer.from("some text"));
    for (let length = 0; length < packed.length; length += 1) {
      await expect(bunzip2(packed.subarray(0, length), MiB)).rejects.toMatchObject({ reason: "truncated" });
    }
  });

  // Where bzip2 itself refuses the changed data, so must we, and the other way round.
  it("in which a bit is flipped are refused exactly when bzip2 refuses them", async () => {
    const packed = bzip2(Buffer.from("some text, and some more of the same text; ".repeat(20)));
    for (let bit = 32; bit < packed.length * 8; bit += 7) {
      const changed = Buffer.from(packed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const second = spawnSync("bzip2", ["-dc"], { input: changed });
      const first = await bunzip2(changed, MiB).catch((error: unknown) => {
        expect(error).toBeInstanceOf(UnreadableError);
        return null;
      });
      expect(first === null, `bit ${bit}`).toBe(second.status !== 0);
    }
  });

  it("of any bytes whatever end in content or an UnreadableError", async () => {
    const packed = bzip2(text.subarray(0, 5000), "-1");
    const change = fc.tuple(fc.nat(packed.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const changed = Buffer.from(packed);
        for (const [place, value] of changes) changed[place] = value;
        await bunzip2(changed, MiB).catch((error: unknown) => expect(error).toBeInstanceOf(UnreadableError));
      }),
      { numRuns: process.env["DIST_TEST_LONG"] ? 100_000 : 500 },
    );
  });
});
