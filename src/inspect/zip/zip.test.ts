import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";

import { strToU8, zipSync } from "fflate";
import { describe, expect, it } from "vitest";

import { bufferAccess } from "../inspect-fixtures.ts";
import { readZip } from "./read-zip.ts";
import { readZipDirectory } from "./zip-directory.ts";
import { zipTree } from "./zip-tree.ts";

const archive = (files: Record<string, Uint8Array>) => Buffer.from(zipSync(files));

const inspect = (file: Buffer) => {
  const declared = { platform: "linux", filename: "a.zip" } as const;
  return readZip({ bytes: bufferAccess(file), declared, nowMs: 0, verify: true });
};
const codesOf = async (file: Buffer) => (await inspect(file)).findings.map(({ code }) => code);

const treeOf = async (file: Buffer) => {
  const bytes = bufferAccess(file);
  return zipTree(bytes, await readZipDirectory(bytes));
};

const text = strToU8("some text ".repeat(100));

/** Where the central directory begins, by the end record. */
const directoryOf = (file: Buffer) => file.readUInt32LE(file.length - 22 + 16);

describe("a zip archive", () => {
  it("is read whole and as a stream", async () => {
    const tree = await treeOf(
      archive({ "a/b.txt": text, "stored.bin": [strToU8("x"), { level: 0 }] as never }),
    );
    expect([...tree.keys()]).toEqual(["a/b.txt", "stored.bin"]);
    const file = tree.get("a/b.txt")!;
    expect(await file.read(10_000)).toEqual(Buffer.from(text));
    expect(Buffer.concat(await Array.fromAsync(file.chunks(), (chunk) => Buffer.from(chunk)))).toEqual(
      Buffer.from(text),
    );
    expect(await tree.get("stored.bin")!.read(1)).toEqual(Buffer.from("x"));
  });

  it("tells its facts and has nothing to complain of", async () => {
    const bytes = bufferAccess(archive({ "a/b.txt": text, c: text }));
    const declared = { platform: "linux", filename: "a.zip" } as const;
    expect(await readZip({ bytes, declared, nowMs: 0, verify: true })).toMatchObject({
      facts: { entries: 2, unpacked_bytes: 2000, top_level: ["a", "c"] },
      findings: [],
    });
  });

  it("has the contents that its checksums say: validation.corrupt_data", async () => {
    const noise = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * index) >> 5);
    const file = archive({ small: text, large: noise, stored: [text, { level: 0 }] as never });
    expect(await inspect(file)).toMatchObject({ facts: { contents_verified: true }, findings: [] });
    for (const [name, at] of [
      ["small", 40],
      ["large", Math.floor(directoryOf(file) / 2)],
      ["stored", directoryOf(file) - 10],
    ] as const) {
      const flipped = Buffer.from(file);
      flipped[at]! ^= 1;
      expect(await inspect(flipped), name).toMatchObject({
        facts: { contents_verified: false },
        findings: [{ code: "validation.corrupt_data", where: name, details: { count: 1 } }],
      });
    }
  });

  // A listener for each chunk that has to wait would be warned of on a command's standard error, and keep memory.
  it("of a large entry is unpacked without a warning of node's", async () => {
    const warnings: Error[] = [];
    const keep = (warning: Error) => void warnings.push(warning);
    process.on("warning", keep);
    // Deflate cannot pack it, so that a dozen chunks are fed.
    const large = archive({ large: randomBytes(14 * 1024 * 1024) });
    expect(await inspect(large)).toMatchObject({ facts: { contents_verified: true } });
    await setImmediate();
    process.off("warning", keep);
    expect(warnings).toEqual([]);
  });

  it("with encrypted entries is taken, and its contents are not said to be verified", async () => {
    const file = archive({ a: text });
    file[directoryOf(file) + 8]! |= 1;
    expect(await inspect(file)).toMatchObject({ facts: { contents_verified: false }, findings: [] });
  });

  it("of which a bit flipped in an entry is found out", async () => {
    const file = archive({ a: text });
    file[40]! ^= 1;
    const tree = await treeOf(file);
    await expect(tree.get("a")!.read(10_000)).rejects.toMatchObject({ reason: "corrupt" });
    await expect(Array.fromAsync(tree.get("a")!.chunks())).rejects.toMatchObject({ reason: "corrupt" });
  });

  it("that claims more than it holds stops at what it claims", async () => {
    const bomb = archive({ a: new Uint8Array(8 * 1024 * 1024) });
    bomb.writeUInt32LE(10, directoryOf(bomb) + 24);
    const tree = await treeOf(bomb);
    await expect(tree.get("a")!.read(100)).rejects.toMatchObject({ reason: "corrupt" });
    await expect(Array.fromAsync(tree.get("a")!.chunks())).rejects.toMatchObject({ reason: "corrupt" });
  });

  it("is not read beyond the limit asked for", async () => {
    const tree = await treeOf(archive({ a: text }));
    await expect(tree.get("a")!.read(999)).rejects.toMatchObject({ reason: "limit", where: "a" });
  });
});

describe("what is unusual about a zip archive", () => {
  it.each(["../up", "/etc/passwd", "a/../../b", "..\\up", "C:\\x", "a\0b"])(
    "is the name %j",
    async (name) => {
      expect(await codesOf(archive({ [name]: text }))).toEqual(["validation.zip_unsafe_name"]);
    },
  );

  it("is a name that stands twice", async () => {
    const file = archive({ aa: text, ab: text });
    // Both headers of the second entry get the first one's name.
    for (let at = file.indexOf("ab"); at !== -1; at = file.indexOf("ab")) file.write("aa", at, "latin1");
    expect(await codesOf(file)).toEqual(["validation.zip_duplicate_name"]);
  });

  it("is a name in an entry's own header that the directory does not have", async () => {
    const file = archive({ aa: text });
    file.write("ab", 30, "latin1");
    expect(await codesOf(file)).toEqual(["validation.zip_header_mismatch"]);
  });

  it("are entries that share their bytes", async () => {
    const file = archive({ aa: text, ab: text });
    const directory = directoryOf(file);
    // The second entry's offset becomes the first one's.
    file.writeUInt32LE(0, directory + 46 + 2 + 42);
    expect(await codesOf(file)).toContain("validation.zip_overlap");
  });

  it("is that it unpacks to far more than its size", async () => {
    const file = archive({ a: text });
    file.writeUInt32LE(0xfffffff0, directoryOf(file) + 24);
    expect(await codesOf(file)).toEqual(["validation.zip_bomb"]);
  });
});

describe("a zip archive's directory", () => {
  it("of an archive that was cut off is missing", async () => {
    const file = archive({ a: text });
    for (let length = 0; length < file.length; length += 1) {
      const reading = readZipDirectory(bufferAccess(file.subarray(0, length)));
      await expect(reading).rejects.toMatchObject({ reason: length < 30 ? "damaged" : "truncated" });
    }
  });

  it("that claims ten million entries is not read", async () => {
    const file = archive({ a: text });
    const zip64 = Buffer.alloc(56 + 20);
    zip64.writeUInt32LE(0x06064b50, 0);
    zip64.writeBigUInt64LE(10_000_000n, 32);
    zip64.writeUInt32LE(0x07064b50, 56);
    const endOffset = file.length - 22;
    zip64.writeBigUInt64LE(BigInt(endOffset), 56 + 8);
    const end = file.subarray(endOffset);
    end.writeUInt16LE(0xffff, 10);
    const claimed = Buffer.concat([file.subarray(0, endOffset), zip64, end]);
    await expect(readZipDirectory(bufferAccess(claimed))).rejects.toMatchObject({ reason: "limit" });
  });
});
