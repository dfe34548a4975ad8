import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { findingCodes } from "../../src/inspect/findings.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { readMsi } from "../../src/inspect/msi/read-msi.ts";
import { UnreadableError } from "../../src/inspect/unreadable.ts";
import { MUTATIONS, mutate } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";
import { SigningKeys } from "../support/signing-keys.ts";
import { buildInstaller, signWindowsFile } from "../support/windows-files.ts";

/** The codes it answers with; `UnreadableError` is one more answer, anything else that is thrown fails the test. */
const codesOf = async (file: Buffer) => {
  const declared = { platform: "windows", filename: "a.msi" } as const;
  try {
    const { findings } = await readMsi({ bytes: bufferAccess(file), declared, nowMs: 0, verify: true });
    return findings.map(({ code }) => code);
  } catch (error) {
    if (error instanceof UnreadableError) return [];
    throw error;
  }
};

const expectKnown = async (file: Buffer, told: string) => {
  for (const code of await codesOf(file)) expect(findingCodes, told).toHaveProperty([code]);
};

needs(
  "openssl",
  "osslsigncode",
  "wixl",
)("a Windows installer that was tampered with", () => {
  let keys: SigningKeys;
  let installer: Buffer;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    const algorithm = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const signer = await keys.make({ subject: "/CN=Acme", algorithm });
    installer = await readFile(
      await signWindowsFile(keys, await buildInstaller(keys, 6000), signer, "-add-msi-dse"),
    );
  });
  afterAll(() => keys.remove());

  it("gets an answer of known codes", async () => {
    const directory = (installer.readUInt32LE(48) + 1) * 512;
    const fat = (installer.readUInt32LE(76) + 1) * 512;
    const within = [
      [24, 512],
      [directory, directory + 2048],
      [fat, fat + 512],
      [0, installer.length],
    ] as const;
    for (let seed = 1; seed <= MUTATIONS; seed += 1) {
      await expectKnown(mutate(installer, seed, within), `seed ${seed}`);
    }
  });

  it("of chains that lead back to themselves gets one too", async () => {
    const fat = (installer.readUInt32LE(76) + 1) * 512;
    for (let sector = 0; sector < installer.length / 512 - 1; sector += 1) {
      const looped = Buffer.from(installer);
      looped.writeUInt32LE(sector, fat + sector * 4);
      await expectKnown(looped, `sector ${sector}`);
    }
  });
});

describe("a compound file's header", () => {
  it("gets an answer for every number in it", async () => {
    const header = Buffer.alloc(512 * 4);
    header.write("d0cf11e0a1b11ae1", "hex");
    header.writeUInt16LE(3, 26);
    header.writeUInt16LE(9, 30);
    header.writeUInt32LE(4096, 56);
    for (let at = 24; at < 84; at += 2) {
      for (const number of [1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]) {
        const changed = Buffer.from(header);
        changed.writeUInt32LE(number, at);
        await expectKnown(changed, `${number} at ${at}`);
      }
    }
  });
});
