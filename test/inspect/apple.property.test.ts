import { afterAll, beforeAll, expect, it } from "vitest";

import { inspectAppZip } from "../../src/inspect/app-zip/read-app-zip.ts";
import { appleRoots, type TrustedRoots } from "../../src/inspect/apple/apple-roots.ts";
import { inspectCode } from "../../src/inspect/apple/inspect-code.ts";
import { readProfile } from "../../src/inspect/apple/profile.ts";
import { findingCodes } from "../../src/inspect/findings.ts";
import type { Finding } from "../../src/inspect/inspection.ts";
import { inspectIpa } from "../../src/inspect/ipa/read-ipa.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { unreadableFinding } from "../../src/inspect/unreadable.ts";
import {
  type AppleKeys,
  archive,
  bundle,
  makeAppleKeys,
  profile,
  profileContent,
  TEAM,
  text,
  under,
} from "../support/apple-app.ts";
import { program, universal } from "../support/apple-code.ts";
import { MUTATIONS, mutate } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";

/** What a hostile file may have held at once, beyond what the tests hold. */
const MAX_HEAP_BYTES = 256 * 1024 * 1024;

/** The codes that came, all of them known. Anything thrown but `UnreadableError` fails the test. */
class Answers {
  readonly codes = new Set<string>();
  sound = 0;

  async take(inspect: () => Promise<readonly Finding[]>): Promise<void> {
    let findings: readonly Finding[];
    try {
      findings = await inspect();
    } catch (error) {
      findings = [unreadableFinding(error)];
    }
    for (const { code } of findings) {
      expect(Object.keys(findingCodes)).toContain(code);
      this.codes.add(code);
    }
    if (findings.length === 0) this.sound += 1;
  }
}

needs("openssl", "plistutil")("what is damaged or hostile of Apple's formats", () => {
  let keys: AppleKeys;
  let roots: TrustedRoots;
  const nowMs = Date.now() + 24 * 60 * 60 * 1000;
  beforeAll(async () => {
    keys = await makeAppleKeys();
    ({ roots } = keys);
  });
  afterAll(async () => {
    await keys.keys.remove();
  });

  const signed = (identifier: string) => ({
    identifier,
    team: TEAM,
    signer: keys.distribution,
    chain: [keys.authority],
    hashes: ["sha1", "sha256"] as const,
    entitlements: { "application-identifier": `${TEAM}.com.acme.app`, list: ["a", { b: 1 }] },
  });

  /** A small app with all that is read: program, seal, profile, framework. */
  async function ipa(level: 0 | 6): Promise<Buffer> {
    const small = { codeBytes: 5000 };
    const kit = bundle({
      info: { CFBundleIdentifier: "com.acme.kit", CFBundleExecutable: "Kit" },
      program: small,
      signature: signed("com.acme.kit"),
    });
    const allowed = profileContent(keys.distribution, { ProvisionedDevices: ["a"] }, { list: [] });
    const embedded = await profile(keys, allowed);
    const app = bundle({
      info: { CFBundleIdentifier: "com.acme.app", CFBundleExecutable: "Acme", UIDeviceFamily: [1] },
      program: small,
      files: {
        ...under("Frameworks/Kit.framework", kit),
        "embedded.mobileprovision": embedded,
        "a.txt": text("a"),
      },
      signature: signed("com.acme.app"),
    });
    return archive(under("Payload/Acme.app", app), [], level);
  }

  it("in a program", { timeout: 3_600_000 }, async () => {
    const one = program({ codeBytes: 3000, signature: signed("a") });
    const files = [one, universal(one, program({ codeBytes: 3000, cpu: "x86_64", signature: signed("a") }))];
    const answers = new Answers();
    const inspect = (file: Buffer) =>
      answers.take(async () => {
        const options = { where: "program", verify: true, nowMs, roots };
        return (await inspectCode(bufferAccess(file), options)).findings;
      });
    for (const [index, file] of files.entries()) {
      const start = index === 0 ? 0 : 0x1000;
      const limit = start + file.readUInt32LE(start + 32 + 152 + 24 + 8);
      // The header and its commands, and all of the signature but the room behind it.
      const within = [
        [start, start + 0x100],
        [0, 64],
        [limit, limit + 5000],
      ] as const;
      for (let seed = 1; seed <= MUTATIONS / 2; seed += 1) await inspect(mutate(file, seed, within));
      for (let length = 0; length < file.length; length += 97) await inspect(file.subarray(0, length));
    }
    expect([...answers.codes]).toEqual(
      expect.arrayContaining(["validation.damaged", "validation.code_signature_invalid"]),
    );
    expect(process.memoryUsage().heapUsed).toBeLessThan(MAX_HEAP_BYTES);
  });

  it("in a profile", { timeout: 3_600_000 }, async () => {
    const file = await profile(keys, profileContent(keys.distribution));
    const answers = new Answers();
    const inspect = (bytes: Buffer) =>
      answers.take(async () => {
        await readProfile(bytes, roots, "profile");
        return [];
      });
    for (let seed = 1; seed <= MUTATIONS; seed += 1) await inspect(mutate(file, seed));
    for (let length = 0; length < file.length; length += 7) await inspect(file.subarray(0, length));
    expect(answers.sound).toBeGreaterThan(10);
    expect([...answers.codes]).toContain("validation.damaged");
  });

  it.each([
    [0, true],
    [6, false],
  ] as const)("in an IPA (packed %i, verified: %s)", { timeout: 3_600_000 }, async (level, verify) => {
    const file = await ipa(level);
    const answers = new Answers();
    const inspect = (bytes: Buffer) =>
      answers.take(async () => {
        const declared = { platform: "ios", filename: "a.ipa" } as const;
        return (await inspectIpa({ bytes: bufferAccess(bytes), declared, nowMs, verify }, roots)).findings;
      });
    await inspect(file);
    expect(answers.sound).toBe(1);
    const directory = file.readUInt32LE(file.length - 22 + 16);
    const within = [
      [0, directory],
      [directory, file.length],
    ] as const;
    for (let seed = 1; seed <= MUTATIONS / 2; seed += 1) await inspect(mutate(file, seed, within));
    for (let length = 0; length < file.length; length += 499) await inspect(file.subarray(0, length));
    expect([...answers.codes]).toEqual(
      expect.arrayContaining(["validation.truncated", "validation.damaged"]),
    );
    expect(process.memoryUsage().heapUsed).toBeLessThan(MAX_HEAP_BYTES);
  });

  it("in the text of its seal and its lists, with the archive sound", { timeout: 3_600_000 }, async () => {
    const seal = `<plist><dict><key>files2</key><dict><key>a</key><dict><key>hash2</key><data>AAAA</data></dict>
      <key>b</key><dict><key>cdhash</key><data>AAAA</data><key>requirement</key><string>identifier a</string></dict>
      <key>c</key><dict><key>symlink</key><string>d</string></dict></dict>
      <key>rules2</key><dict><key>^(a|b)*[^/]+\\.x?$</key><dict><key>omit</key><true/><key>weight</key><real>20</real>
      </dict></dict></dict></plist>`;
    const info = `<plist><dict><key>CFBundleExecutable</key><string>../A</string><key>CFBundleIdentifier</key>
      <string>a</string><key>CFBundleIcons</key><dict><key>CFBundlePrimaryIcon</key><array/></dict></dict></plist>`;
    const main = program({ platform: "macOS", codeBytes: 100, signature: { identifier: "a" } });
    const answers = new Answers();
    const inspect = (infoPlist: Buffer, codeResources: Buffer) =>
      answers.take(async () => {
        const contents = {
          "Info.plist": infoPlist,
          A: main,
          "MacOS/A": main,
          "_CodeSignature/CodeResources": codeResources,
          a: text("a"),
          "b/c.x": text("a"),
        };
        const bytes = bufferAccess(archive(under("A.app/Contents", contents), [], 0));
        const declared = { platform: "macos", filename: "a.zip" } as const;
        return (await inspectAppZip({ bytes, declared, nowMs, verify: true }, appleRoots())).findings;
      });
    const plain = Buffer.from(info.replace("../A", "A"));
    for (let seed = 1; seed <= MUTATIONS / 2; seed += 1) {
      await inspect(mutate(Buffer.from(info), seed), Buffer.from(seal));
      await inspect(plain, mutate(Buffer.from(seal), seed));
    }
    expect([...answers.codes]).toEqual(
      expect.arrayContaining([
        "validation.damaged",
        "validation.code_signature_invalid",
        "validation.unsigned",
      ]),
    );
  });
});
