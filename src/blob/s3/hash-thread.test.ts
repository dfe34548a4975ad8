import { createHash, randomBytes } from "node:crypto";

import { describe, expect, it } from "vitest";

import { createDualHasher } from "../../base/digest.ts";
import { startHashing } from "./hash-thread.ts";

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

/** The same bytes in memory that threads share. */
function shared(bytes: Uint8Array): Buffer {
  const memory = Buffer.from(new SharedArrayBuffer(bytes.byteLength));
  memory.set(bytes);
  return memory;
}

describe("the thread that hashes", () => {
  it("hashes a whole and its parts, from shared memory and from any other", async () => {
    const bytes = randomBytes(3_000_000);
    const [first, second] = [bytes.subarray(0, 2_000_000), bytes.subarray(2_000_000)];
    const hasher = startHashing();
    void hasher.update(1, shared(first.subarray(0, 500_000)));
    expect(await hasher.md5(1, { ends: false })).toBe(md5(first.subarray(0, 500_000)));
    void hasher.update(1, shared(first.subarray(500_000)));
    const ofFirst = hasher.md5(1, { ends: true });
    const chunk = Buffer.from(second);
    const taken = hasher.update(2, chunk);
    chunk.fill(0);
    await taken;
    expect(await Promise.all([ofFirst, hasher.md5(2, { ends: true })])).toEqual([md5(first), md5(second)]);
    const local = await createDualHasher();
    local.update(bytes);
    expect(await hasher.digest()).toEqual(local.digest());
  });

  it("keeps uploads apart", async () => {
    const hashers = Array.from({ length: 5 }, () => startHashing());
    for (const [index, hasher] of hashers.entries()) void hasher.update(1, Buffer.from(`upload ${index}`));
    hashers[3]!.drop();
    // An upload that was given up while it was writing takes no other with it.
    await expect(hashers[3]!.update(1, Buffer.from("more"))).rejects.toMatchObject({
      code: "blob.write_failed",
    });
    const others = hashers.filter((_, index) => index !== 3);
    const found = await Promise.all(others.map((hasher) => hasher.md5(1, { ends: true })));
    expect(found).toEqual([0, 1, 2, 4].map((index) => md5(Buffer.from(`upload ${index}`))));
  });

  // Otherwise an upload would wait for its digest for ever, and every later one too.
  it("fails the uploads that it was hashing when it dies; the next one has a new thread", async () => {
    const hasher = startHashing();
    await hasher.update(1, Buffer.from("kept"));
    const failure = { code: "blob.write_failed", message: "The thread that hashes uploads has died." };
    const other = startHashing();
    // What only a defect of this program could ask for.
    const noBytes = { buffer: new SharedArrayBuffer(1) } as unknown as Uint8Array;
    await expect(hasher.update(1, noBytes)).rejects.toMatchObject(failure);
    await expect(hasher.digest()).rejects.toMatchObject(failure);
    await expect(other.md5(1, { ends: true })).rejects.toMatchObject(failure);
    const next = startHashing();
    void next.update(1, Buffer.from("next"));
    expect(await next.md5(1, { ends: true })).toBe(md5(Buffer.from("next")));
  });
});
