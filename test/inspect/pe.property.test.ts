import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { findingCodes } from "../../src/inspect/findings.ts";
import { bufferAccess, peFile } from "../../src/inspect/inspect-fixtures.ts";
import { readPe } from "../../src/inspect/pe/read-pe.ts";
import { UnreadableError } from "../../src/inspect/unreadable.ts";
import { MUTATIONS, mutate } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";
import { SigningKeys } from "../support/signing-keys.ts";
import { buildProgram, programTools, signWindowsFile } from "../support/windows-files.ts";

/** The codes it answers with; `UnreadableError` is one more answer, anything else that is thrown fails the test. */
const codesOf = async (file: Buffer) => {
  const declared = { platform: "windows", filename: "a.exe" } as const;
  try {
    const { findings, identity } = await readPe({
      bytes: bufferAccess(file),
      declared,
      nowMs: 0,
      verify: true,
    });
    return {
      codes: findings.map(({ code }) => code),
      verified: identity.signers.some((one) => one.verified),
    };
  } catch (error) {
    if (error instanceof UnreadableError) return { codes: [], verified: false };
    throw error;
  }
};

needs(
  "openssl",
  "osslsigncode",
  ...programTools,
)("a Windows program that was tampered with", () => {
  let keys: SigningKeys;
  let program: Buffer;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    const algorithm = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const signer = await keys.make({ subject: "/CN=Acme", algorithm });
    program = await readFile(await signWindowsFile(keys, await buildProgram(keys), signer));
  });
  afterAll(() => keys.remove());

  it("gets an answer of known codes, and is called verified only with every signed byte in place", async () => {
    const entry = program.readUInt32LE(0x3c) + 24 + 112 + 8 * 4;
    const start = program.readUInt32LE(entry);
    const checksum = program.readUInt32LE(0x3c) + 24 + 64;
    const signed = (file: Buffer) => {
      const copy = Buffer.from(file.subarray(0, start));
      return copy.fill(0, checksum, checksum + 4).fill(0, entry, entry + 8);
    };
    // Headers, resources and signature are small parts of the file; most of what goes wrong goes wrong there.
    const within = [
      [0, 0x400],
      [start, program.length],
      [0, program.length],
    ] as const;
    for (let seed = 1; seed <= MUTATIONS; seed += 1) {
      const file = mutate(program, seed, within);
      const { codes, verified } = await codesOf(file);
      for (const code of codes) expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
      if (verified) expect(signed(file).equals(signed(program)), `seed ${seed}`).toBe(true);
    }
  });
});

it("of headers alone gets an answer for every number in them", async () => {
  const file = peFile(0x8664);
  for (let at = 0x80; at + 4 <= file.length; at += 2) {
    for (const number of [0x7fffffff, 0x80000000, 0xffffffff, 1]) {
      const changed = Buffer.from(file);
      changed.writeUInt32LE(number, at);
      for (const code of (await codesOf(changed)).codes) expect(findingCodes).toHaveProperty([code]);
    }
  }
});
