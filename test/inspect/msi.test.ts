import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { tableStreamName } from "../../src/inspect/msi/stream-names.ts";
import { seeded } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";
import { type SigningKey, SigningKeys } from "../support/signing-keys.ts";
import { buildInstaller, osslsigncodeVerify, signWindowsFile } from "../support/windows-files.ts";

const run = promisify(execFile);

const inspect = (file: Buffer, { verify = true } = {}) =>
  inspectArtifact(
    bufferAccess(file),
    { platform: "windows", filename: "acme.msi" },
    { nowMs: Date.now(), verify },
  );

const codesOf = async (file: Buffer) => (await inspect(file)).findings.map(({ code }) => code);

needs(
  "openssl",
  "osslsigncode",
  "wixl",
  "msiinfo",
)("a Windows installer", () => {
  let keys: SigningKeys;
  let root: SigningKey;
  let signer: SigningKey;
  let authority: SigningKey;
  let installer: string;
  beforeAll(async () => {
    keys = await SigningKeys.create();
    root = await keys.make({ subject: "/O=Acme Ltd/CN=Acme Root", isAuthority: true });
    signer = await keys.make({ subject: "/O=Acme Ltd/CN=Acme", issuer: root, purpose: "codeSigning" });
    authority = await keys.make({ subject: "/CN=Acme Time", issuer: root, purpose: "timeStamping" });
    installer = await buildInstaller(keys);
  });
  afterAll(() => keys.remove());

  const sign = (...options: readonly string[]) => {
    const stamp = ["-TSA-certs", authority.certificate, "-TSA-key", authority.key];
    return signWindowsFile(keys, installer, signer, "-ac", root.certificate, ...stamp, ...options);
  };

  it("tells the properties that msiinfo reads, and its summary", async () => {
    const inspection = await inspect(await readFile(installer));
    const { stdout: table } = await run("msiinfo", ["export", installer, "Property"], { encoding: "latin1" });
    const theirs = (name: string) => new RegExp(`^${name}\t(.*?)\r?$`, "m").exec(table)?.[1];
    const facts = inspection.facts as Record<string, string>;
    expect([
      facts["product_code"],
      facts["product_version"],
      facts["manufacturer"],
      facts["language"],
    ]).toEqual(["ProductCode", "ProductVersion", "Manufacturer", "ProductLanguage"].map(theirs));
    const { stdout: summary } = await run("msiinfo", ["suminfo", installer]);
    expect(summary).toContain(`Template: ${facts["template"]}`);
    expect(summary).toContain(`Application: ${facts["created_with"]}`);
    expect(inspection).toMatchObject({
      format: "msi",
      arch: "x86_64",
      facts: {
        product_name: "Acmé",
        upgrade_code: "{5E0A0F6E-6B0C-4D2A-9B54-0A4E2B4C0002}",
        per_machine: true,
        subject: "Acmé",
        comments: "Installs Acmé",
        min_installer: "5.0",
        native_arch: "x64",
        signatures: [],
      },
      identity: {
        id: "{5E0A0F6E-6B0C-4D2A-9B54-0A4E2B4C0002}",
        version: "1.4.2",
        label: "Acmé",
        signers: [],
      },
      status: "passed",
    });
    expect(inspection.findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
  });

  it.each([[[]], [["-add-msi-dse"]], [["-h", "sha384", "-add-msi-dse"]]])(
    "that was signed %j is verified, as osslsigncode does",
    async (options) => {
      const path = await sign(...options);
      expect(await osslsigncodeVerify(path, root)).toMatchObject({ holds: true });
      expect(await inspect(await readFile(path))).toMatchObject({
        findings: [],
        identity: { signers: [{ id: "CN=Acme, O=Acme Ltd | CN=Acme Root, O=Acme Ltd", verified: true }] },
        facts: { signatures: [{ verified: true, timestamps: [{ verified: true }] }] },
      });
      const quick = await inspect(await readFile(path), { verify: false });
      expect(quick).toMatchObject({ status: "passed", identity: { signers: [{ verified: false }] } });
    },
  );

  it("that was signed twice is verified twice", async () => {
    const path = await signWindowsFile(keys, await sign("-h", "sha1"), signer, "-nest", "-h", "sha256");
    expect(await osslsigncodeVerify(path, root)).toMatchObject({ holds: true });
    expect(await inspect(await readFile(path))).toMatchObject({
      identity: { signers: [{ verified: true }] },
      facts: { signatures: [{ digest_algorithm: "sha1" }, { digest_algorithm: "sha256", verified: true }] },
    });
  });

  it("of which a stream was renamed is refused where names are signed", async () => {
    const renamed = async (...options: readonly string[]) => {
      const file = await readFile(await sign(...options));
      // The last of the characters in which the name of acme.cab is packed, two in each.
      const name = Buffer.from(tableStreamName("acme.cab").slice(1), "utf16le");
      file[file.indexOf(name) + name.length - 2]! ^= 1;
      return file;
    };
    expect(await codesOf(await renamed("-add-msi-dse"))).toEqual(["validation.authenticode_invalid"]);
    expect(await codesOf(await renamed())).toEqual([]);
  });

  it("with bytes behind it is told of: a Java archive would be one that is signed", async () => {
    const file = Buffer.concat([await readFile(await sign()), Buffer.alloc(700, 1)]);
    expect(await codesOf(file)).toEqual(["validation.authenticode_unsigned_data"]);
  });

  it("with a program's signature is refused", async () => {
    const file = await readFile(await sign());
    // SPC_SIPINFO_OBJID becomes SPC_PE_IMAGE_DATAOBJ.
    const kind = file.indexOf(Buffer.from("060a2b06010401823702011e", "hex"));
    file[kind + 11] = 0x0f;
    const messages = (await inspect(file)).findings.map(({ message }) => message);
    expect(messages.join()).toContain("digest");
  });

  it("that was cut off is refused or told of wherever", async () => {
    const file = await readFile(await sign());
    for (let length = 16; length < file.length; length += 509) {
      const { findings, identity } = await inspect(file.subarray(0, length));
      expect([length, findings.length > 0, identity.signers.some(({ verified }) => verified)]).toEqual([
        length,
        true,
        false,
      ]);
    }
  });

  it("of which a bit was flipped is never verified where osslsigncode finds another digest", async () => {
    const file = await readFile(await sign("-add-msi-dse"));
    const random = seeded(8);
    let agreed = 0;
    for (let count = 0; count < 150; count += 1) {
      const flipped = Buffer.from(file);
      const at = random(file.length);
      flipped[at]! ^= 1 << random(8);
      const path = keys.path("flipped.msi");
      await writeFile(path, flipped);
      const theirs = await osslsigncodeVerify(path, root);
      const ours = await inspect(flipped);
      const verified = ours.identity.signers[0]?.verified === true && ours.status === "passed";
      // What it holds for good is good here, but for timestamps that do not hold, which it only warns of.
      const isStamp = ours.findings.some(({ code }) => code === "validation.timestamp_invalid");
      const told = `${at} ${theirs.words} ${JSON.stringify(ours.findings)}`;
      if (theirs.holds && !isStamp) expect(verified, told).toBe(true);
      if (/MISMATCH|failed/.test(theirs.words)) expect(verified, told).toBe(false);
      if (theirs.holds === verified) agreed += 1;
    }
    expect(agreed).toBeGreaterThan(100);
  });
});
