import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createDualHasher,
  DualHasher,
  isSha256Hex,
  loadBlake3,
  sha256,
  sha256Hex,
  type StartBlake3,
} from "./digest.ts";
import { type Blake3Vectors, readVectors } from "./vectors/read-vectors.ts";

const { vectors } = readVectors<Blake3Vectors>("blake3.json");

/** FIPS 180-4's example "abc", and the digest of nothing. */
const SHA256_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const SHA256_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The input of BLAKE3's official vectors: byte i is i mod 251. */
function vectorInput(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => index % 251);
}

const failing = async (): Promise<StartBlake3> => {
  throw new Error("No such platform.");
};
const native = await loadBlake3(undefined, failing);
const portable = await loadBlake3(failing);

describe("loadBlake3", () => {
  it("prefers the native implementation, and takes the portable one where that does not load", async () => {
    const first: StartBlake3 = native;
    const second: StartBlake3 = portable;
    expect(
      await loadBlake3(
        async () => first,
        async () => second,
      ),
    ).toBe(first);
    expect(await loadBlake3(failing, async () => second)).toBe(second);
  });

  it("fails where neither loads, with the reason of the last", async () => {
    await expect(loadBlake3(failing, failing)).rejects.toThrow("No such platform.");
  });
});

describe.each([
  ["native", native],
  ["portable", portable],
])("BLAKE3, %s", (_name, start) => {
  it.each(vectors)("gives the published digest of $sizeBytes bytes", async ({ sizeBytes, blake3 }) => {
    const hasher = new DualHasher(await start());
    const input = vectorInput(sizeBytes);
    hasher.update(input);
    expect(hasher.digest()).toEqual({ sha256: sha256Hex(input), blake3, sizeBytes });
  });

  it("keeps computations that run side by side apart", async () => {
    const [left, right] = [await start(), await start()];
    left.update(vectorInput(1023));
    right.update(vectorInput(1));
    left.update(vectorInput(1024).subarray(1023));
    expect([left.hex(), right.hex()]).toEqual([vectors[3]?.blake3, vectors[1]?.blake3]);
  });
});

describe("DualHasher", () => {
  it("gives the same digests however the bytes are cut, natively and portably", async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(chunks, async (parts) => {
        const whole = Buffer.concat(parts);
        const [once, cut] = [new DualHasher(await native()), new DualHasher(await portable())];
        once.update(whole);
        for (const part of parts) cut.update(part);
        expect(cut.digest()).toEqual(once.digest());
      }),
    );
  });

  // A view of a larger buffer, hashed from the buffer's start or past the view's end, would name other bytes.
  it("hashes a view, not the buffer behind it, and nothing that is written there later", async () => {
    for (const start of [native, portable]) {
      const buffer = new Uint8Array(4096).fill(0xee);
      buffer.set(vectorInput(1023), 100);
      const hasher = new DualHasher(await start());
      hasher.update(buffer.subarray(100, 1123));
      buffer.fill(0);
      expect(hasher.digest()).toEqual({
        sha256: sha256Hex(vectorInput(1023)),
        blake3: vectors[2]?.blake3,
        sizeBytes: 1023,
      });
    }
  });
});

describe("createDualHasher", () => {
  it("makes hashers that share nothing", async () => {
    const [left, right] = [await createDualHasher(), await createDualHasher()];
    left.update(new TextEncoder().encode("abc"));
    expect(left.digest().sha256).toBe(SHA256_ABC);
    expect(right.digest()).toEqual({ sha256: SHA256_EMPTY, blake3: vectors[0]?.blake3, sizeBytes: 0 });
  });

  // `dist --help` must not pay for, or fail on, a native module it does not use.
  it("loads a BLAKE3 implementation when first called, not when imported", async () => {
    const script = `
      const { createRequire } = await import("node:module");
      const { createDualHasher } = await import(process.argv[1]);
      const loaded = () => Object.keys(createRequire(process.argv[1]).cache).some((path) => /blake|hash-wasm/.test(path));
      const before = loaded();
      await createDualHasher();
      console.log(before, loaded());`;
    const module = fileURLToPath(new URL("digest.ts", import.meta.url));
    const args = ["--input-type=module", "--eval", script, module];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout.trim()).toBe("false true");
  });
});

describe("sha256", () => {
  it("gives the published digests, as text and as 32 plain bytes", () => {
    const abc = new TextEncoder().encode("abc");
    expect(sha256Hex(abc)).toBe(SHA256_ABC);
    expect(sha256(abc)).toStrictEqual(Uint8Array.fromHex(SHA256_ABC));
    expect(sha256Hex(new Uint8Array())).toBe(SHA256_EMPTY);
  });
});

describe("isSha256Hex", () => {
  it("is true for 64 lower-case hexadecimal digits alone", () => {
    expect(isSha256Hex(SHA256_ABC)).toBe(true);
    for (const text of [
      "",
      SHA256_ABC.toUpperCase(),
      SHA256_ABC.slice(1),
      `${SHA256_ABC}0`,
      `${SHA256_ABC}\n`,
      `\n${SHA256_ABC}`,
      `../${SHA256_ABC.slice(3)}`,
      "g".repeat(64),
    ]) {
      expect(isSha256Hex(text), JSON.stringify(text)).toBe(false);
    }
  });
});
