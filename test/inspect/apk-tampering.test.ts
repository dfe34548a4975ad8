import { afterAll, beforeAll, expect, it } from "vitest";

import { findingCodes } from "../../src/inspect/findings.ts";
import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import type { Finding } from "../../src/inspect/inspection.ts";
import { demosApk } from "../support/acme-apk.ts";
import { ApkSigning, apksignerVerifies, type Schemes, unsignedApk } from "../support/apk-signing.ts";
import { seeded } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";

/** For each file and part of it. */
const FLIPS = process.env["DIST_TEST_LONG"] === "1" ? 200 : 20;

const inspect = (file: Buffer) =>
  inspectArtifact(
    bufferAccess(file),
    { platform: "android_apk", filename: "a.apk" },
    { nowMs: Date.now(), verify: true },
  );

/** Where the entries, the signing block, the central directory and the end record stand. */
function partsOf(file: Buffer): ReadonlyArray<readonly [part: string, start: number, stop: number]> {
  const end = file.lastIndexOf(Buffer.from("PK\x05\x06"));
  const directory = file.readUInt32LE(end + 16);
  const hasBlock = file.toString("latin1", directory - 16, directory) === "APK Sig Block 42";
  const block = hasBlock ? directory - 8 - file.readUInt32LE(directory - 24) : directory;
  const parts = [
    ["entries", 0, block],
    ["first headers", 0, 200],
    ["last entries", block - 3000, block],
    ["signing block", block, directory],
    ["central directory", directory, end],
    ["end record", end, file.length],
  ] as const;
  return parts.filter(([, start, stop]) => stop > start);
}

needs(
  "apksigner",
  "java",
  "javac",
  "openssl",
)("one flipped bit in a signed APK", () => {
  let signing: ApkSigning;
  beforeAll(async () => {
    signing = await ApkSigning.create();
  });
  afterAll(() => signing.remove());

  it.each<[min: number, Schemes]>([
    [21, ["v1"]],
    [24, ["v2"]],
    [28, ["v3"]],
    [21, ["v1", "v2", "v3"]],
    [28, ["v2", "v3"]],
  ])("is refused exactly where apksigner refuses it: API %i, %j", async (minSdk, schemes) => {
    const key = await signing.key({ subject: "/CN=Acme" });
    const file = await signing.sign(unsignedApk({ minSdk }), [key], schemes);
    const random = seeded(minSdk + schemes.length);
    const flips: { name: string; path: string; flipped: Buffer }[] = [];
    for (const [part, start, stop] of partsOf(file)) {
      for (let count = 0; count < FLIPS; count += 1) {
        const at = start + random(stop - start);
        const bit = random(8);
        const flipped = Buffer.from(file);
        flipped[at]! ^= 1 << bit;
        flips.push({ name: `${part}: bit ${bit} at ${at}`, path: await signing.write(flipped), flipped });
      }
    }
    const opinions = apksignerVerifies(flips.map(({ path }) => path));
    const differing: string[] = [];
    let refused = 0;
    for (const [index, { name, flipped }] of flips.entries()) {
      const { status, findings, identity } = await inspect(flipped);
      const errors = findings.filter(({ severity }) => severity === "error").map(({ code }) => code);
      if (status === "passed" && !opinions[index]) differing.push(`${name}: refused by apksigner alone`);
      if (status === "failed" && opinions[index] && !findings.some(isAboutArchive)) {
        differing.push(`${name}: refused here alone, ${errors.join()}`);
      }
      expect(
        errors.filter((code) => !expected.test(code) || !(code in findingCodes)),
        name,
      ).toEqual([]);
      if (status === "passed") continue;
      refused += 1;
      expect(
        identity.signers.filter(({ verified }) => verified),
        name,
      ).toEqual([]);
    }
    expect(differing).toEqual([]);
    expect(refused).toBeGreaterThan(flips.length / 2);
  });
});

it("one flipped bit in a real APK is refused, in its directory and end record too", async () => {
  const file = await demosApk();
  const random = seeded(5);
  // The signing block has room in it that nothing signs.
  for (const [part, start, stop] of partsOf(file).filter(([name]) => name !== "signing block")) {
    for (let count = 0; count < FLIPS; count += 1) {
      const at = start + random(stop - start);
      const flipped = Buffer.from(file);
      flipped[at]! ^= 1 << random(8);
      const { status, findings } = await inspect(flipped);
      expect(
        [status, findings.filter(({ code }) => expected.test(code)).length > 0],
        `${part}: ${at}`,
      ).toEqual(["failed", true]);
    }
  }
});

/**
 * Scheme v1 signs what entries hold, not how they are packed. There apksigner passes archives that others read in another way, or not
 * at all: with a wrong CRC-32, a method or name that the directory does not have, without a last block of compressed data.
 */
const isAboutArchive = ({ code, message }: Finding) =>
  code.startsWith("validation.zip_") || /CRC-32|unpack|encrypted|deflate|packed by/.test(message);

/** What may be said of such a file: its signature, or what makes an archive two archives to two readers. */
const expected =
  /^validation\.(apk_signature_(invalid|stripped)|zip_\w+|truncated|unreadable|corrupt_data|content_mismatch)$/;
