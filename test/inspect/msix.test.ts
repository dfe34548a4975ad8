import { readFile, writeFile } from "node:fs/promises";

import { unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { findingCodes } from "../../src/inspect/findings.ts";
import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { appBundle, appPackage, type PackageOptions } from "../support/app-package.ts";
import { mutate, MUTATIONS, seeded } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";
import { type SigningKey, SigningKeys } from "../support/signing-keys.ts";
import { makeCodeSigner, osslsigncodeVerify, pngPixel, signWindowsFile } from "../support/windows-files.ts";

const inspect = (file: Buffer, verify = true) =>
  inspectArtifact(
    bufferAccess(file),
    { platform: "windows", filename: "notes.msix" },
    { nowMs: Date.now() + 60_000, verify },
  );

const codesOf = ({ findings }: Awaited<ReturnType<typeof inspect>>) => findings.map(({ code }) => code);

describe("an app package", () => {
  it("tells its manifest, and that nobody signed it", async () => {
    const inspection = await inspect(appPackage());
    expect(codesOf(inspection)).toEqual(["validation.unsigned"]);
    expect(inspection).toMatchObject({
      format: "msix",
      arch: "x86_64",
      identity: { id: "Acme.Notes", version: "1.4.2.0", build: null, label: "Acme Notes", signers: [] },
      icon: { contentType: "image/png", bytes: pngPixel },
      facts: {
        name: "Acme.Notes",
        publisher: "CN=Acme Ltd, O=Acme Ltd, C=GB",
        version: "1.4.2.0",
        architecture: "x64",
        publisher_name: "Acme Ltd",
        min_os: "Windows 10 (10.0.17763)",
        device_families: [
          { name: "Windows.Desktop", min_version: "10.0.17763.0", max_version_tested: "10.0.19041.0" },
        ],
        permissions: ["runFullTrust", "microphone"],
        applications: [{ id: "App", executable: "notes.exe" }],
        block_map: "sha256",
      },
    });
  });

  it.each([
    ["x86", "x86"],
    ["arm64", "arm64"],
    ["neutral", "universal"],
  ])("for %s is one for %s", async (architecture, arch) => {
    expect(await inspect(appPackage({ architecture }))).toMatchObject({ arch });
  });

  it("may be a bundle, for all the processors of its packages", async () => {
    const bundle = appBundle(["x64", "arm64"]);
    const declared = (arch: "x86_64" | "x86") =>
      inspectArtifact(
        bufferAccess(bundle),
        { platform: "windows", filename: "notes.msixbundle", arch },
        { nowMs: 0, verify: true },
      );
    const { facts, findings } = await declared("x86_64");
    expect(facts).toMatchObject({ packages: [{ architecture: "x64" }, { architecture: "arm64" }] });
    expect(findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
    expect((await declared("x86")).findings.map(({ code }) => code)).toContain("validation.arch_mismatch");
  });

  it.each<[string, PackageOptions]>([
    ["another digest", { mapped: (map) => map.replace(/Hash="./, 'Hash="!') }],
    ["another size", { mapped: (map) => map.replace('Size="150000"', 'Size="150001"') }],
    ["a block fewer", { mapped: (map) => map.replace(/<Block [^>]*\/><\/File>/, "</File>") }],
    ["a file that is not there", { mapped: (map) => map.replace("notes.exe", "other.exe") }],
  ])("whose block map lists %s is refused", async (_what, options) => {
    expect(codesOf(await inspect(appPackage(options)))).toContain("validation.block_map_mismatch");
    expect(codesOf(await inspect(appPackage(options), false))).not.toContain("validation.block_map_mismatch");
  });

  it.each(["sha256", "sha384", "sha512"] as const)("has blocks digested by %s", async (algorithm) => {
    const files = { "Assets/a%20name.txt": Buffer.from("text"), "empty.txt": new Uint8Array() };
    expect(codesOf(await inspect(appPackage({ algorithm, files })))).toEqual(["validation.unsigned"]);
  });

  it("without manifest and block map is told so", async () => {
    const file = Buffer.from(zipSync({ "a.txt": Buffer.from("a") }));
    expect(codesOf(await inspect(file))).toEqual([
      "validation.manifest_missing",
      "validation.manifest_missing",
      "validation.unsigned",
    ]);
  });
});

needs("openssl", "osslsigncode")("an app package signed by osslsigncode", () => {
  let keys: SigningKeys;
  let root: SigningKey;
  let signer: SigningKey;
  let signed: Buffer;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    ({ root, signer } = await makeCodeSigner(keys));
    signed = await sign(appPackage());
  });
  afterAll(() => keys.remove());

  async function sign(file: Buffer, ...options: readonly string[]): Promise<Buffer> {
    await writeFile(keys.path("notes.msix"), file);
    return await readFile(
      await signWindowsFile(keys, keys.path("notes.msix"), signer, "-ac", root.certificate, ...options),
    );
  }

  async function holdsForOsslsigncode(file: Buffer): Promise<boolean> {
    await writeFile(keys.path("looked-at.msix"), file);
    return (await osslsigncodeVerify(keys.path("looked-at.msix"), root)).holds;
  }

  it.each(["sha256", "sha384", "sha512"] as const)(
    "is verified with %s, as osslsigncode does",
    async (name) => {
      const file = await sign(appPackage({ algorithm: name }));
      expect(await holdsForOsslsigncode(file)).toBe(true);
      const { identity, facts, findings, status } = await inspect(file);
      expect(findings.map(({ code }) => code)).toEqual(["validation.timestamp_missing"]);
      expect(status).toBe("passed");
      expect(identity.signers).toMatchObject([{ kind: "authenticode", name: "Acme Ltd", verified: true }]);
      expect(facts).toMatchObject({ signatures: [{ verified: true, digest_algorithm: name }] });
      expect((await inspect(file, false)).identity.signers).toMatchObject([{ verified: false }]);
    },
  );

  it("of another publisher than the certificate's subject is warned of", async () => {
    const file = await sign(appPackage({ publisher: "CN=Somebody Else" }));
    expect(codesOf(await inspect(file))).toContain("validation.publisher_mismatch");
  });

  it("is refused when a file was changed, added or taken away", async () => {
    const entries = unzipSync(signed);
    const { "notes.exe": _, ...fewer } = entries;
    for (const changed of [
      { ...entries, "notes.exe": Buffer.from("other") },
      { ...entries, "more.txt": Buffer.from("more") },
      fewer,
    ]) {
      const file = Buffer.from(zipSync(changed, { level: 6, mtime: "2026-01-01" }));
      expect(await holdsForOsslsigncode(file)).toBe(false);
      const inspection = await inspect(file);
      expect(inspection.status).toBe("failed");
      expect(inspection.identity.signers.some(({ verified }) => verified)).toBe(false);
    }
  });

  it("is refused wherever osslsigncode refuses a changed bit", async () => {
    const random = seeded(5);
    const directory = signed.indexOf(Buffer.from("PK\x01\x02"));
    const places = [
      [0, directory],
      [directory, signed.length],
    ] as const;
    for (let count = 0; count < 80; count += 1) {
      const [start, stop] = places[count % 2]!;
      const changed = Buffer.from(signed);
      const at = start + random(stop - start);
      changed[at]! ^= 1 << random(8);
      const { identity, status } = await inspect(changed);
      const holds = status === "passed" && identity.signers.some(({ verified }) => verified);
      if (!(await holdsForOsslsigncode(changed))) expect(holds, `byte ${at}`).toBe(false);
    }
  });

  it("gets an answer of known codes whatever was done to it", async () => {
    const directory = signed.indexOf(Buffer.from("PK\x01\x02"));
    const places = [
      [0, 200],
      [directory, signed.length],
      [0, signed.length],
    ] as const;
    for (let seed = 1; seed <= MUTATIONS; seed += 1) {
      for (const code of codesOf(await inspect(mutate(signed, seed, places)))) {
        expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
      }
    }
  });
});
