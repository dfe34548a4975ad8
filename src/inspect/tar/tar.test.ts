import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";

import { bufferAccess, placed, tarEntry, tarFile } from "../inspect-fixtures.ts";
import { readTar } from "./read-tar.ts";

const read = (file: Buffer, verify = true) =>
  readTar({
    bytes: bufferAccess(file),
    declared: { platform: "linux", filename: "a.tar" },
    nowMs: 0,
    verify,
  });

const codesOf = async (file: Buffer) => (await read(file)).findings.map(({ code }) => code);

/** A program's first bytes: the magic number, class and byte order, type, machine. */
const program = (machine: number, type = 3) =>
  placed(200, [0, [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]], [16, [type, 0, machine]]).toString("latin1");

describe("a tar archive", () => {
  it("tells what is in it", async () => {
    const file = tarFile(
      tarEntry("acme/", "", "5"),
      tarEntry("acme/bin/acme", program(62)),
      tarEntry("acme/lib/libacme.so", program(62)),
      tarEntry("acme/lib/acme.o", program(183, 1)),
      tarEntry("acme/latest", "", "2", { link: "bin/acme" }),
      tarEntry("README", "read me"),
    );
    for (const packed of [file, gzipSync(file), zstdCompressSync(file)]) {
      expect(await read(packed)).toMatchObject({
        facts: {
          entries: 6,
          unpacked_bytes: 607,
          top_level: ["acme", "README"],
          links: 1,
          architectures: ["x86_64"],
          complete: true,
        },
        findings: [],
        runsOn: ["x86_64"],
      });
    }
  });

  it("with programs for several processors runs on none in particular", async () => {
    const file = tarFile(tarEntry("a", program(62)), tarEntry("b", program(183)), tarEntry("c", program(21)));
    const { facts, runsOn } = await read(file);
    expect(facts).toMatchObject({ architectures: ["x86_64", "arm64", "64-bit 21"] });
    expect(runsOn).toEqual([]);
  });

  it("with programs for Apple's systems names their processors", async () => {
    // A universal program: cafebabe, two entries of 20 bytes; a program: cffaedfe, type and subtype, 2 (program).
    const universal = placed(
      300,
      [0, [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]],
      [8, [1, 0, 0, 7, 0, 0, 0, 3]],
      [28, [1, 0, 0, 12, 0, 0, 0, 0]],
    ).toString("latin1");
    const thin = placed(300, [0, [0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1]], [12, [2]]).toString("latin1");
    expect(await read(tarFile(tarEntry("a", universal)))).toMatchObject({
      facts: { architectures: ["x86_64", "arm64"] },
      runsOn: [],
    });
    expect((await read(tarFile(tarEntry("a", thin)))).runsOn).toEqual(["arm64"]);
  });

  it("is read from its beginning only where nothing is to be verified", async () => {
    const file = gzipSync(tarFile(tarEntry("a", "x".repeat(8 * 1024 * 1024)), tarEntry("b", "")));
    const facts = async (verify: boolean) => (await read(file, verify)).facts;
    expect(await facts(false)).toMatchObject({ entries: 1, complete: false });
    expect(await facts(true)).toMatchObject({ entries: 2, complete: true });
  });

  it("may have nothing in it: validation.tar_empty", async () => {
    expect(await codesOf(tarFile())).toEqual(["validation.tar_empty"]);
    expect(await codesOf(gzipSync(tarFile()))).toEqual(["validation.tar_empty"]);
  });

  it("has its end: validation.tar_no_end", async () => {
    const entries = Buffer.concat([tarEntry("a", "b"), tarEntry("b", "c")]);
    expect(await codesOf(entries)).toEqual(["validation.tar_no_end"]);
    expect(await codesOf(gzipSync(entries))).toEqual(["validation.tar_no_end"]);
  });

  it("ends where it announces: validation.truncated", async () => {
    const file = tarFile(tarEntry("a", "x".repeat(2000)));
    for (const length of [513, 2000, 2559]) {
      expect(await codesOf(file.subarray(0, length)), `${length}`).toEqual(["validation.truncated"]);
      expect(await codesOf(gzipSync(file.subarray(0, length)))).toEqual(["validation.truncated"]);
    }
    const packed = gzipSync(file);
    for (let length = 20; length < packed.length; length += 1) {
      expect(await codesOf(packed.subarray(0, length)), `${length}`).toEqual(["validation.truncated"]);
    }
  });

  it("begins with a header, or is none: validation.damaged", async () => {
    const file = Buffer.alloc(5000, "x");
    expect(await codesOf(file)).toEqual(["validation.damaged"]);
    expect(await codesOf(gzipSync(file))).toEqual(["validation.damaged"]);
  });

  it("has headers that hold", async () => {
    const file = tarFile(tarEntry("a", "b"), tarEntry("b", "c"));
    file[1024 + 3]! ^= 1;
    const { facts, findings } = await read(file);
    expect(findings.map(({ code }) => code)).toEqual(["validation.corrupt_data"]);
    expect(await codesOf(tarFile(tarEntry("a", "no record", "x"), tarEntry("b", "")))).toEqual([
      "validation.damaged",
    ]);
    expect(facts).toMatchObject({ entries: 1, complete: false });
  });

  it("has the checksum that its packing says: validation.corrupt_data", async () => {
    const packed = gzipSync(tarFile(tarEntry("a", "b")));
    packed[packed.length - 8]! ^= 1;
    expect(await codesOf(packed)).toEqual(["validation.corrupt_data"]);
  });
});

describe("what is unusual about a tar archive", () => {
  it.each([
    ["../up", "0", ""],
    ["/etc/passwd", "0", ""],
    ["a/../b", "0", ""],
    ["a", "2", "/etc"],
    ["a/b", "2", "../../c"],
    ["a", "2", "b/../../c"],
    ["a", "1", "../c"],
    ["a", "1", "/etc/passwd"],
  ])("is the name %s of type %s to %j: validation.tar_unsafe_name", async (name, type, link) => {
    expect(await codesOf(tarFile(tarEntry(name, "", type, { link })))).toEqual([
      "validation.tar_unsafe_name",
    ]);
  });

  it.each([
    ["./a/b", "0", ""],
    ["a..b/..c", "0", ""],
    ["a/b/c", "2", "../../d"],
    ["./a/b", "2", "../c"],
    ["a", "1", "./b"],
  ])("is not the name %s of type %s to %j", async (name, type, link) => {
    expect(await codesOf(tarFile(tarEntry(name, "", type, { link })))).toEqual([]);
  });

  it("is a name that stands twice: validation.tar_duplicate_name", async () => {
    expect(await codesOf(tarFile(tarEntry("a", "1"), tarEntry("./a", "2")))).toEqual([
      "validation.tar_duplicate_name",
    ]);
    expect(await codesOf(tarFile(tarEntry("a/", "", "5"), tarEntry("a", "", "5")))).toEqual([]);
  });

  it("is a device, or a program with its owner's rights: validation.tar_device, validation.setuid", async () => {
    const file = tarFile(tarEntry("null", "", "3"), tarEntry("su", "", "0", { mode: "0004755" }));
    expect(await codesOf(file)).toEqual(["validation.tar_device", "validation.setuid"]);
    expect((await read(file)).facts).toMatchObject({ devices: 1, setuid: ["su"] });
  });

  it("is that it unpacks to far more than its size: validation.unpack_bomb", async () => {
    const zeros = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
    const file = Buffer.concat([
      zstdCompressSync(tarEntry("a", "")),
      ...Array.from({ length: 17 }, () => zeros),
    ]);
    expect(await codesOf(file)).toEqual(["validation.unpack_bomb"]);
  });

  it("are headers that claim too much: validation.limit", async () => {
    const huge = tarEntry("././@LongLink", "x", "L");
    huge.write("77777777777", 124, "latin1");
    expect(await codesOf(tarFile(withChecksum(huge)))).toEqual(["validation.limit"]);
    const names = Array.from({ length: 20 }, () => tarEntry("././@LongLink", "x", "L"));
    expect(await codesOf(tarFile(...names, tarEntry("a", "")))).toEqual(["validation.limit"]);
  });
});

/** A header whose checksum is set right again after a change. */
function withChecksum(entry: Buffer): Buffer {
  entry.write(" ".repeat(8), 148, "latin1");
  const sum = entry.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  entry.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return entry;
}
