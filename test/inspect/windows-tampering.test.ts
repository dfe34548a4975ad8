import { readFile, writeFile } from "node:fs/promises";

import { afterAll, beforeAll, expect, it } from "vitest";

import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { appPackage } from "../support/app-package.ts";
import { seeded } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";
import { type SigningKey, SigningKeys } from "../support/signing-keys.ts";
import {
  buildInstaller,
  buildProgram,
  makeCodeSigner,
  osslsigncodeVerify,
  programTools,
  signWindowsFile,
} from "../support/windows-files.ts";

const FLIPS = process.env["DIST_TEST_LONG"] === "1" ? 2000 : 150;

/** What may be said of a file that osslsigncode refuses: that nobody knows any more that it was signed, or that too much would have to be read. */
const tolerated: ReadonlySet<string> = new Set(["validation.unsigned", "validation.limit"]);

needs(
  "osslsigncode",
  "openssl",
  "wixl",
  ...programTools,
)("one flipped bit in a signed Windows file", () => {
  let keys: SigningKeys;
  let root: SigningKey;
  let signer: SigningKey;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    ({ root, signer } = await makeCodeSigner(keys));
  });
  afterAll(() => keys.remove());

  const sign = async (path: string) =>
    readFile(await signWindowsFile(keys, path, signer, "-ac", root.certificate));

  const makers = {
    exe: async () => sign(await buildProgram(keys)),
    msi: async () => sign(await buildInstaller(keys, 9_000)),
    msix: async () => {
      await writeFile(keys.path("notes.msix"), appPackage());
      return sign(keys.path("notes.msix"));
    },
  };

  /** Where the signature itself stands, in which there is much that nothing signs. */
  const signatureOf: Readonly<Record<keyof typeof makers, (file: Buffer) => number>> = {
    exe: (file) => file.readUInt32LE(file.readUInt32LE(0x3c) + 4 + 20 + 144),
    // Behind the streams; the directory, which names them, is told apart from it by nothing at all.
    msi: () => 9_000,
    msix: (file) => file.length,
  };

  /** [MS-CFB] 2.2: numbers of sectors whose chains say as much. */
  const isCount = (at: number) => (at >= 64 && at < 68) || (at >= 72 && at < 76);

  it.each(Object.keys(makers) as (keyof typeof makers)[])(
    "is refused here where osslsigncode refuses it: %s",
    async (kind) => {
      const file = await makers[kind]();
      const stop = signatureOf[kind](file);
      const random = seeded(file.length);
      const differing: string[] = [];
      let refused = 0;
      // The headers are where a bit changes what is read at all.
      const places = [
        ...Array.from({ length: FLIPS }, () => random(stop)),
        ...Array.from({ length: FLIPS }, () => random(Math.min(stop, 512))),
      ].filter((at) => !(kind === "msi" && isCount(at)));
      for (const at of places) {
        const flipped = Buffer.from(file);
        flipped[at]! ^= 1 << random(8);
        const { status, findings } = await inspectArtifact(
          bufferAccess(flipped),
          { platform: "windows", filename: `a.${kind}` },
          { nowMs: Date.now() + 60_000, verify: true },
        );
        if (status === "failed") {
          refused += 1;
          continue;
        }
        const path = keys.path(`flipped.${kind}`);
        await writeFile(path, flipped);
        const isTolerated = findings.some(({ code }) => tolerated.has(code));
        if (!isTolerated && !(await osslsigncodeVerify(path, root)).holds) {
          differing.push(`${at}: ${findings.map(({ code }) => code).join()}`);
        }
      }
      expect(differing).toEqual([]);
      expect(refused).toBeGreaterThan(FLIPS / 2);
    },
  );
});
