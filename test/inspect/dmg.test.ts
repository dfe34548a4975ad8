import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { readDmg, readDmgTrusting } from "../../src/inspect/dmg/read-dmg.ts";
import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess, placed } from "../../src/inspect/inspect-fixtures.ts";
import { buildHfs } from "../support/hfs-builder.ts";
import { buildApfs } from "../support/apfs-builder.ts";
import { type AppleKeys, bundle, makeAppleKeys, TEAM, under } from "../support/apple-app.ts";
import { signDmg } from "../support/dmg-signer.ts";
import { packageInfo } from "../support/made-pkg.ts";
import { needs } from "../support/required-tools.ts";
import { buildXar } from "../support/xar-builder.ts";
import { buildUdif, type UdifPacking } from "../support/udif-builder.ts";

const run = promisify(execFile);
const declared = { platform: "macos", filename: "acme.dmg" } as const;
const nowMs = Date.now();

const volume = buildHfs(
  [
    { path: "Read Me.txt", content: Buffer.from("Drag the app to Applications. ".repeat(1000)) },
    { path: "Applications", content: Buffer.from("/Applications"), isLink: true },
    { path: ".background/back.png", content: Buffer.alloc(200_000, "no picture ") },
    {
      path: "large.bin",
      content: Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * index) % 251)),
    },
  ],
  { volumeName: "Acme 1.4" },
);
const disk = (packing: UdifPacking = "zlib") => [
  { name: "Protective Master Boot Record (MBR : 0)", content: placed(512, [510, [0x55, 0xaa]]) },
  { name: "disk image (Apple_HFS : 4)", content: volume, packing },
];

const read = (file: Buffer, verify = true) => readDmg({ bytes: bufferAccess(file), declared, nowMs, verify });
const codesOf = async (file: Buffer, verify = true) =>
  (await read(file, verify)).findings.map(({ code }) => code);

/** Where the trailer begins, and a number in it. */
const trailerOf = (file: Buffer) => file.length - 512;

describe("a disk image", () => {
  it("tells its partitions and its volume", async () => {
    const { facts } = await read(await buildUdif(disk(), { license: true }));
    expect(facts).toMatchObject({
      image: { version: 4, variant: "device", size_bytes: 512 + volume.length, segments: 1 },
      license_agreement: true,
      partitions: [
        { name: "Protective Master Boot Record (MBR : 0)", type: "MBR", file_system: null, size_bytes: 512 },
        {
          type: "Apple_HFS",
          file_system: "hfs+",
          size_bytes: volume.length,
          packing: ["zlib"],
          checksum_verified: true,
        },
      ],
      checksums: { master: true, data_fork: true },
      file_system: "hfs+",
      volume: {
        name: "Acme 1.4",
        size_bytes: volume.length,
        case_sensitive: false,
        background: true,
        top_level: expect.arrayContaining(["Applications", "Read Me.txt", "large.bin"]),
      },
    });
  });

  it("of which only facts are wanted is hardly read", async () => {
    const file = await buildUdif(disk("raw"));
    let readBytes = 0;
    const bytes = bufferAccess(file);
    const counting = {
      ...bytes,
      read: (offset: number, length: number) => {
        readBytes += length;
        return bytes.read(offset, length);
      },
    };
    const { facts } = await readDmg({ bytes: counting, declared, nowMs, verify: false });
    expect(facts["volume"]).toMatchObject({ name: "Acme 1.4" });
    expect(facts["checksums"]).toEqual({ master: true, data_fork: null });
    expect(readBytes).toBeLessThan(file.length / 4);
  });

  it.each([
    ["the data fork", (file: Buffer) => (file[1000]! ^= 1), true],
    ["a partition's checksum", (file: Buffer) => flipTable(file, 72), false],
    ["the data fork's checksum", (file: Buffer) => (file[trailerOf(file) + 88]! ^= 1), true],
    ["the checksum of checksums", (file: Buffer) => (file[trailerOf(file) + 360]! ^= 1), false],
  ])("of which a bit of %s was flipped is refused", async (_, flip, takesReading) => {
    const file = await buildUdif(disk("raw"));
    flip(file);
    expect(await codesOf(file)).toContain("validation.dmg_checksum_mismatch");
    const quick = await codesOf(file, false);
    expect(quick.includes("validation.dmg_checksum_mismatch")).toBe(!takesReading);
  });

  it.each(["zlib", "adc", "bzip2", "lzma", "lzfse"] as const)(
    "of which a bit of a chunk packed with %s was flipped is refused",
    async (packing) => {
      const file = await buildUdif(disk(packing));
      file[2000]! ^= 4;
      expect(await codesOf(file)).toContain("validation.dmg_checksum_mismatch");
    },
  );

  it.each([
    ["FAT", placed(64 * 512, [54, "FAT16   "]), "fat"],
    ["FAT32", placed(64 * 512, [82, "FAT32   "]), "fat"],
    ["exFAT", placed(64 * 512, [3, "EXFAT   "]), "exfat"],
    ["HFS", placed(64 * 512, [1024, "BD"]), "hfs"],
    ["ISO 9660", placed(80 * 512, [32_769, "CD001"]), "iso9660"],
    ["UDF", placed(80 * 512, [32_769, "BEA01"]), "udf"],
  ])("in %s is named, and the app in it is said not to be read", async (_, content, name) => {
    const file = await buildUdif([{ name: "whole disk (unknown : 0)", content }]);
    const { facts, findings } = await read(file);
    expect(facts).toMatchObject({ file_system: name, volume: null });
    expect(findings.map(({ code }) => code)).toContain("validation.dmg_app_unread");
  });

  it("that is encrypted is told apart, whatever its end is", async () => {
    const head = Buffer.from(
      "656e637263647361" + "00000002" + "00000010" + "00000005" + "80000001" + "00000100",
      "hex",
    );
    const file = Buffer.concat([head, Buffer.alloc(4096, 7)]);
    const { format, facts, findings } = await inspectArtifact(bufferAccess(file), declared, {
      nowMs,
      verify: true,
    });
    expect(format).toBe("dmg");
    expect(facts).toEqual({ encryption: { algorithm: "AES-256" } });
    expect(findings.map(({ code }) => code)).toEqual(["validation.dmg_encrypted"]);
  });

  it("whose parts reach beyond its end was cut off", async () => {
    const file = await buildUdif(disk());
    for (const field of [32, 216, 224]) {
      const copy = Buffer.from(file);
      copy.writeUInt32BE(1, trailerOf(file) + field + 1);
      expect(await codesOf(copy)).toEqual(["validation.truncated"]);
    }
  });
});

describe("a disk image that was made to harm", () => {
  it.each([
    ["a chunk of 2^60 sectors", 16, "7fffffffffffffff", "validation.damaged"],
    ["a partition of 2^50 sectors", -188, "0004000000000000", "validation.damaged"],
    ["chunks without end", -4, "ffffffff", "validation.damaged"],
  ])("by %s is not read", async (_, at, hex, code) => {
    const file = await buildUdif(disk());
    const codes = await codesOf(changeTable(file, at, hex));
    expect(codes).toContain(code);
  });

  it("by chunks that unpack to far more than the file is not unpacked for long", async () => {
    // 400 chunks of 8 MiB, which zlib packs to 8 KiB and which all share.
    const plain = Buffer.alloc(8 * 1024 * 1024, 1);
    const one = await buildUdif([{ name: "a", content: plain }], { chunkBytes: plain.length });
    const many = await buildUdif([{ name: "a", content: plain }], { chunkBytes: plain.length, repeat: 400 });
    expect(many.length).toBeLessThan(one.length + 50_000);
    const codes = await codesOf(many);
    expect(codes).toContain("validation.limit");
  });

  it("by a petabyte of zeros is read at once", async () => {
    const file = await buildUdif([{ name: "a", content: Buffer.alloc(512) }]);
    // One chunk of zeros; its sectors and the partition's become 2^41.
    const large = changeTable(changeTable(file, 16, "0000020000000000"), -188, "0000020000000000");
    const { facts } = await read(large);
    expect(facts).toMatchObject({ partitions: [{ size_bytes: 2 ** 50, checksum_verified: false }] });
  });
});

needs("openssl", "plistutil")("a disk image with an app", () => {
  let keys: AppleKeys;
  let files: ReadonlyArray<{ path: string; content: Buffer; isLink?: boolean }>;
  beforeAll(async () => {
    keys = await makeAppleKeys();
    const app = bundle({
      info: {
        CFBundleIdentifier: "com.acme.app",
        CFBundleExecutable: "Acme",
        CFBundleName: "Acme",
        CFBundleShortVersionString: "1.4.0",
        CFBundleVersion: "142",
        LSMinimumSystemVersion: "12.0",
      },
      files: {
        "Resources/data.bin": Buffer.alloc(100_000, "sealed "),
        "Resources/latest": { link: "data.bin" },
      },
      signature: {
        identifier: "com.acme.app",
        team: TEAM,
        signer: keys.developerId,
        chain: [keys.authority],
        flags: 0x10000,
      },
      program: { platform: "macOS" },
      isMac: true,
    });
    files = [
      ...Object.entries(under("Acme.app", app)).map(([path, content]) => {
        return { path, content, isLink: path.endsWith("Resources/latest") };
      }),
      { path: "Applications", content: Buffer.from("/Applications"), isLink: true },
    ];
  });
  afterAll(() => keys.keys.remove());

  const tomorrow = () => Date.now() + 24 * 60 * 60 * 1000;
  const trusting = (file: Buffer, verify = true) =>
    readDmgTrusting(keys.roots, { bytes: bufferAccess(file), declared, nowMs: tomorrow(), verify });
  const signer = () => ({ signer: keys.developerId, chain: [keys.authority], team: TEAM });

  it.each([
    ["HFS+", buildHfs, "hfs+"],
    ["APFS", buildApfs, "apfs"],
  ] as const)("in %s tells about the app as about one that comes alone", async (_, build, fileSystem) => {
    const file = await buildUdif([{ name: "disk image (Apple : 1)", content: build(files) }]);
    const { facts, identity, findings, runsOn } = await trusting(file);
    expect(findings.map(({ code }) => code)).toEqual(["validation.not_notarized"]);
    expect(facts).toMatchObject({
      file_system: fileSystem,
      app: "Acme.app",
      min_os: "macOS 12.0",
      signing: "developer_id",
      hardened_runtime: true,
      notarization_ticket: "not_stapled",
      image_signature: null,
    });
    expect(identity).toMatchObject({
      id: "com.acme.app",
      version: "1.4.0",
      build: "142",
      signers: [{ kind: "apple_team", id: TEAM, verified: true }],
    });
    expect(runsOn).toEqual(["arm64"]);
  });

  it.each([
    ["HFS+", buildHfs],
    ["APFS", buildApfs],
  ] as const)("in %s in which a byte of a sealed file was changed is refused", async (_, build) => {
    const content = build(files);
    content.write("SEALED", content.indexOf("sealed sealed"));
    const { identity, findings } = await trusting(await buildUdif([{ name: "a", content }]));
    expect(findings.some(({ severity }) => severity === "error")).toBe(true);
    expect(identity.signers).toMatchObject([{ id: TEAM, verified: false }]);
  });

  it("that is signed itself and has a ticket needs no more", async () => {
    const content = buildHfs(files);
    const file = await buildUdif([{ name: "a", content }], {
      sign: signDmg({ ...signer(), ticket: Buffer.from("s8ch ticket") }),
    });
    const { facts, identity, findings } = await trusting(file);
    expect(findings).toEqual([]);
    expect(facts).toMatchObject({
      notarization_ticket: "stapled",
      image_signature: { scheme: "code", verified: true, identifier: "acme", team: TEAM, digest: "sha256" },
    });
    expect(facts["image_certificates"]).toHaveLength(2);
    expect(identity.signers).toMatchObject([{ id: TEAM, verified: true }]);
    const quick = await trusting(file, false);
    expect(quick.identity.signers).toMatchObject([{ id: TEAM, verified: false }]);
  });

  it("of whose signed bytes one was flipped anywhere is not verified", async () => {
    const sound = await buildUdif([{ name: "a", content: buildHfs(files), packing: "raw" }], {
      sign: signDmg(signer()),
    });
    const trailer = trailerOf(sound);
    const signature = Number(sound.readBigUInt64BE(trailer + 296));
    // Disk, property list, digests in the CodeDirectory; in the trailer: flags, a segment's id, the checksum's unused bits, the image's variant.
    const places = [
      5000,
      signature - 30,
      signature + 116,
      trailer + 15,
      trailer + 70,
      trailer + 200,
      trailer + 491,
    ];
    for (const at of places) {
      const file = Buffer.from(sound);
      file[at]! ^= 2;
      const { facts, findings, identity } = await trusting(file);
      expect(facts["image_signature"], `byte ${at}`).toMatchObject({ verified: false });
      expect(findings.map(({ code }) => code)).toContain("validation.code_signature_invalid");
      expect(
        identity.signers.some(({ verified }) => verified),
        `byte ${at}`,
      ).toBe(false);
    }
  });

  it("that is signed but has no app tells who signed it, and what it lacks", async () => {
    const file = await buildUdif(disk(), { sign: signDmg(signer()) });
    const { identity, findings } = await trusting(file);
    expect(findings.map(({ code }) => code)).toEqual(["validation.not_notarized", "validation.app_missing"]);
    expect(identity.signers).toMatchObject([{ id: TEAM, verified: true }]);
    const others = await readDmg({ bytes: bufferAccess(file), declared, nowMs: tomorrow(), verify: true });
    expect(others.findings.map(({ code }) => code)).toContain("validation.signer_not_apple");
    expect(others.identity.signers).toMatchObject([{ id: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
  });

  it("of several apps tells so", async () => {
    const second = files.map((file) => ({ ...file, path: file.path.replace("Acme.app", "Zeta.app") }));
    const content = buildHfs([...files, ...second.filter(({ path }) => path !== "Applications")]);
    const { facts, findings } = await trusting(await buildUdif([{ name: "a", content }]));
    expect(facts["app"]).toBe("Acme.app");
    expect(findings.map(({ code }) => code)).toContain("validation.app_several");
  });
});

describe("a disk image without an app", () => {
  it("but with an installer package tells about that", async () => {
    const pkg = await buildXar([{ path: "PackageInfo", content: Buffer.from(packageInfo) }]);
    const content = buildHfs([{ path: "Install Acme.pkg", content: pkg }]);
    const { facts, identity, findings } = await read(await buildUdif([{ name: "a", content }]));
    expect(facts).toMatchObject({ package: "Install Acme.pkg", kind: "component" });
    expect(identity).toMatchObject({ id: "com.acme.app", version: "1.4.0" });
    expect(findings).toMatchObject([{ code: "validation.unsigned", where: "Install Acme.pkg" }]);
  });

  it("whose files claim far more bytes than the image has is not looked into", async () => {
    const content = buildHfs([{ path: "large", content: Buffer.alloc(4096, 1) }]);
    // The fork's size becomes 2 TiB, and so many blocks its only extent.
    const fork = content.indexOf(Buffer.from("0000000000001000" + "00001000" + "00000001", "hex"), 8192);
    content.writeUInt32BE(0x200, fork);
    content.writeUInt32BE(0x20000000, fork + 12);
    content.writeUInt32BE(0x20000000, fork + 20);
    const { facts, findings } = await read(await buildUdif([{ name: "a", content }]));
    expect(findings.map(({ code }) => code)).toContain("validation.limit");
    expect(facts["volume"]).toBeNull();
  });
});

needs(
  "7z",
  "qemu-img",
  "dmg2img",
  "bzip2",
  "xz",
)("a disk image as others see it", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "dist-dmg-"));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.each(["raw", "zlib", "adc", "bzip2", "lzma", "lzfse"] as const)(
    "packed with %s is sound to 7z too, which sees the same partitions",
    async (packing) => {
      const path = join(directory, `${packing}.dmg`);
      await writeFile(path, await buildUdif(disk(packing)));
      const { facts, findings } = await read(await readFile(path));
      expect(findings.map(({ code }) => code)).not.toContain("validation.dmg_checksum_mismatch");
      expect(facts["partitions"]).toMatchObject([
        { packing: ["zlib"] },
        { packing: [packing], checksum_verified: true },
      ]);
      await run("7z", ["t", path]);
      await run("7z", ["x", "-tdmg", "-y", `-o${directory}/${packing}`, path]);
      expect((await readFile(join(directory, packing, "1.hfs"))).equals(volume)).toBe(true);
    },
  );

  it("is the same disk to qemu-img, and the same partitions to dmg2img", async () => {
    const path = join(directory, "zlib.dmg");
    await writeFile(path, await buildUdif(disk()));
    await run("qemu-img", ["convert", "-f", "dmg", "-O", "raw", path, join(directory, "raw.img")]);
    const raw = await readFile(join(directory, "raw.img"));
    expect(raw.subarray(512, 512 + volume.length).equals(volume)).toBe(true);
    const { stdout } = await run("dmg2img", ["-l", path]);
    expect(stdout).toContain("partition 1: disk image (Apple_HFS : 4)");
  });
});

/** Flips a bit of the last partition's table, at an offset into it. */
function flipTable(file: Buffer, at: number): void {
  const changed = changeTable(file, at - 204, "ffffffff");
  changed.copy(file);
}

/** The image with bytes of its last partition's table replaced, counted from its first chunk. */
function changeTable(file: Buffer, at: number, hex: string): Buffer {
  const start = file.lastIndexOf("<data>") + "<data>".length;
  const stop = file.indexOf("</data>", start);
  const table = Buffer.from(file.toString("latin1", start, stop), "base64");
  table.write(hex, 204 + at, "hex");
  return Buffer.concat([file.subarray(0, start), Buffer.from(table.toString("base64")), file.subarray(stop)]);
}
