import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { TrustedRoots } from "../../src/inspect/apple/apple-roots.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { inspectArtifact } from "../../src/inspect/inspect-artifact.ts";
import { readPkg, readPkgTrusting } from "../../src/inspect/pkg/read-pkg.ts";
import { packageInfo, PkgSigners, productFiles } from "../support/made-pkg.ts";
import { needs } from "../support/required-tools.ts";
import { buildXar, stapled, xarHeader } from "../support/xar-builder.ts";

const run = promisify(execFile);
const declared = { platform: "macos", filename: "acme.pkg" } as const;
/** Certificates made below are good from now on. */
const nowMs = Date.now() + 60 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

const read = (file: Buffer, verify = true) => readPkg({ bytes: bufferAccess(file), declared, nowMs, verify });
const codesOf = async (file: Buffer) => (await read(file)).findings.map(({ code }) => code);

describe("an installer package", () => {
  it("that is a product tells what it installs", async () => {
    const { facts, identity, runsOn } = await read(await buildXar(productFiles));
    expect(facts).toMatchObject({
      kind: "product",
      title: "Acme & Co",
      min_os: "macOS 11.0",
      architectures: ["x86_64", "arm64"],
      runs_script: false,
      license_agreement: "license.rtf",
      created_at: "2026-11-20T10:00:00",
      toc_checksum: { algorithm: "sha1", verified: true },
      signatures: [],
      notarization_ticket: "not_stapled",
    });
    expect(facts["packages"]).toEqual([
      {
        path: "acme.pkg",
        identifier: "com.acme.app",
        version: "1.4.0",
        install_location: "/Applications",
        auth: "root",
        install_kilobytes: 5000,
        scripts: ["preinstall", "postinstall"],
        bundles: [{ id: "com.acme.App", version: "1.4.0", build: "1042", path: "./Acme.app" }],
      },
      expect.objectContaining({
        path: "helper.pkg",
        identifier: "com.acme.helper",
        scripts: [],
        bundles: [],
      }),
    ]);
    expect(identity).toEqual({
      id: "com.acme.product",
      version: "1.4.0",
      build: null,
      label: "Acme & Co",
      signers: [],
    });
    expect(runsOn).toEqual(["x86_64", "arm64"]);
  });

  it("that is a component is named by its PackageInfo", async () => {
    const file = await buildXar([{ path: "PackageInfo", content: Buffer.from(packageInfo) }], {
      algorithm: "sha256",
    });
    expect(await read(file)).toMatchObject({
      facts: { kind: "component", title: null, toc_checksum: { algorithm: "sha256", verified: true } },
      identity: { id: "com.acme.app", version: "1.4.0" },
    });
  });

  it("for one processor is not offered for another", async () => {
    const only = productFiles.map(({ path, content }) => ({
      path,
      content: Buffer.from(Buffer.from(content).toString().replace("x86_64,arm64", "arm64")),
    }));
    const inspection = await inspectArtifact(
      bufferAccess(await buildXar(only)),
      { ...declared, arch: "x86_64" },
      { nowMs, verify: true },
    );
    expect(inspection.findings.map(({ code }) => code)).toContain("validation.arch_mismatch");
  });

  it("that nobody signed is told", async () => {
    expect(await codesOf(await buildXar(productFiles))).toEqual(["validation.unsigned"]);
  });

  it("of which a byte of a file was flipped is refused, but only where all of it is read", async () => {
    const file = await buildXar(productFiles);
    const at = file.indexOf("packed already", file.length / 2);
    file[at]! ^= 1;
    expect(await codesOf(file)).toContain("validation.pkg_checksum_mismatch");
    const quick = await read(file, false);
    expect(quick.findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
  });

  it("of which the table of contents was changed is refused", async () => {
    const file = await buildXar(productFiles);
    // The checksum stands behind the table.
    const heap = 28 + Number(file.readBigUInt64BE(8));
    file[heap]! ^= 1;
    const { findings, facts } = await read(file, false);
    expect(findings.map(({ code }) => code)).toContain("validation.pkg_checksum_mismatch");
    expect(facts["toc_checksum"]).toEqual({ algorithm: "sha1", verified: false });
  });

  it("whose table names another algorithm than its header is refused", async () => {
    const file = await buildXar(productFiles, {
      changeToc: (xml) => xml.replace('<checksum style="sha1">', '<checksum style="sha256">'),
    });
    expect(await codesOf(file)).toContain("validation.pkg_checksum_mismatch");
  });

  it("with a file without a checksum is told: no signature would cover it", async () => {
    const [first, ...others] = productFiles;
    expect(await codesOf(await buildXar([{ ...first!, checksums: "" }, ...others]))).toContain(
      "validation.pkg_checksum_missing",
    );
    const unknown = '<archived-checksum style="rot13">00</archived-checksum>';
    expect(await codesOf(await buildXar([{ ...first!, checksums: unknown }, ...others]))).toContain(
      "validation.pkg_checksum_missing",
    );
  });

  it("that is no package is a xar archive without its parts", async () => {
    const file = await buildXar([{ path: "a", content: Buffer.from("b") }]);
    expect(await read(file)).toMatchObject({ facts: { kind: "archive" } });
    expect(await codesOf(file)).toContain("validation.damaged");
  });

  it("that was cut off is refused wherever it was cut", async () => {
    const file = await buildXar(productFiles);
    const heap = 28 + Number(file.readBigUInt64BE(8));
    for (const length of [8, 20, 27, 28, 100, heap - 1, heap, heap + 5, file.length - 1]) {
      expect(await codesOf(file.subarray(0, length)), `${length} bytes`).toContain("validation.truncated");
    }
  });
});

describe("an installer package that was made to harm", () => {
  it.each([
    ["a table of 4 GiB", () => xarHeader(0xffffffff, 0xffffffff, 1), "validation.limit"],
    [
      "a table that unpacks to more than it says",
      () => bomb(64 * 1024 * 1024, 1000),
      "validation.unreadable",
    ],
    ["a table of 64 MiB", () => bomb(64 * 1024 * 1024, 64 * 1024 * 1024), "validation.limit"],
    ["a table nested ten thousand deep", () => toc("<file>".repeat(10_000)), "validation.limit"],
    ["a table of a million elements", () => toc(`<toc>${"<file/>".repeat(1_000_000)}`), "validation.limit"],
    [
      "entities",
      () => toc('<!DOCTYPE a [<!ENTITY a "&b;">]><xar><toc>&a;</toc></xar>'),
      "validation.unreadable",
    ],
  ])("by %s is not read", async (_, make, code) => {
    const { findings } = await read(make());
    expect(findings.map((one) => one.code)).toEqual([code]);
  });

  it("by files that share the whole archive a thousand times is not read a thousand times", async () => {
    const file = await buildXar(productFiles, {
      changeToc: (xml) => {
        const payload = /<file id="\d+"><name>Payload.*?<\/file>/.exec(xml)![0];
        const copies = Array.from({ length: 1000 }, (_, index) =>
          payload.replace(/sha1">./, `sha1">${index % 10}`).replace(/<size>/, `<size>${index}`),
        );
        return xml.replace(payload, copies.join(""));
      },
    });
    let readBytes = 0;
    const bytes = bufferAccess(file);
    const counting = {
      ...bytes,
      read: (offset: number, length: number) => {
        readBytes += length;
        return bytes.read(offset, length);
      },
    };
    const { findings } = await readPkg({ bytes: counting, declared, nowMs, verify: true });
    expect(findings.map(({ code }) => code)).toContain("validation.limit");
    expect(readBytes).toBeLessThan(8 * file.length);
  });

  const toc = (xml: string) => {
    const packed = deflateSync(xml);
    return Buffer.concat([xarHeader(packed.length, Buffer.byteLength(xml), 1), packed]);
  };
  const bomb = (sizeBytes: number, claimed: number) => {
    const packed = deflateSync(Buffer.alloc(sizeBytes));
    return Buffer.concat([xarHeader(packed.length, claimed, 1), packed]);
  };
});

needs("openssl", "7z")("a signed installer package", () => {
  let signers: PkgSigners;
  let roots: TrustedRoots;
  let signed: Buffer;
  beforeAll(async () => {
    signers = await PkgSigners.create();
    roots = await signers.roots();
    signed = await signers.product();
  });
  afterAll(() => signers.keys.remove());

  const trusting = (file: Buffer, options = {}) =>
    readPkgTrusting(roots, { bytes: bufferAccess(file), declared, nowMs, verify: true, ...options });
  const codes = async (file: Buffer, options = {}) =>
    (await trusting(file, options)).findings.map(({ code }) => code);

  it("tells who signed it, and 7z finds nothing wrong with it either", async () => {
    const { facts, identity, findings } = await trusting(signed);
    expect(findings.map(({ code }) => code)).toEqual(["validation.not_notarized"]);
    expect(facts).toMatchObject({
      signatures: [
        { scheme: "xar_rsa", digest: "sha1", verified: true, signed_at: null, timestamp: null },
        { scheme: "xar_cms", digest: "sha1", verified: true, timestamp: null },
      ],
      signing: "developer_id",
      team_id: "ACME123456",
      notarization_ticket: "not_stapled",
    });
    expect(facts["certificates"]).toHaveLength(2);
    expect(identity.signers).toEqual([
      {
        kind: "apple_team",
        id: "ACME123456",
        name: "Developer ID Installer: Acme Ltd (ACME123456)",
        lineage: [],
        verified: true,
        expires_at: expect.stringMatching(/^20\d\d-/),
      },
    ]);
    await writeFile(signers.keys.path("acme.pkg"), signed);
    const { stdout } = await run("7z", ["l", "-slt", "-txar", signers.keys.path("acme.pkg")]);
    for (const { path, content } of productFiles) {
      expect(stdout).toContain(`\nPath = ${path}\nSize = ${content.length}\n`);
    }
    await run("7z", ["t", "-txar", signers.keys.path("acme.pkg")]);
  });

  it("is not verified where only facts are wanted", async () => {
    const { identity } = await trusting(signed, { verify: false });
    expect(identity.signers).toMatchObject([{ id: "ACME123456", verified: false }]);
  });

  it("by SHA-256 verifies as well", async () => {
    const { identity, facts } = await trusting(await signers.product({ algorithm: "sha256" }));
    expect(identity.signers).toMatchObject([{ verified: true }]);
    expect(facts["signatures"]).toMatchObject([{ digest: "sha256" }, { digest: "sha256" }]);
  });

  it("with a stapled ticket is notarized", async () => {
    const file = stapled(signed, Buffer.alloc(1500, "ticket"));
    expect(await codes(file)).toEqual([]);
    expect((await trusting(file)).facts).toMatchObject({ notarization_ticket: "stapled" });
  });

  it("whose certificate Apple did not issue names no team", async () => {
    const { identity, findings, facts } = await read(signed);
    expect(findings.map(({ code }) => code)).toEqual(["validation.signer_not_apple"]);
    expect(identity.signers).toMatchObject([{ id: expect.stringMatching(/^[0-9a-f]{64}$/), verified: true }]);
    expect(facts).toMatchObject({ signing: null, team_id: null });
  });

  it("whose certificate has expired, or is about to, is told", async () => {
    expect(await codes(signed, { nowMs: nowMs + 400 * DAY_MS })).toContain("validation.certificate_expired");
    expect(await codes(signed, { nowMs: nowMs + 350 * DAY_MS })).toContain("validation.certificate_expiring");
  });

  it("of which one byte was flipped anywhere is not verified", async () => {
    const heap = 28 + Number(signed.readBigUInt64BE(8));
    const message = heap + 20 + 256;
    // Its last bytes are the signature; zeros that pad it follow.
    const messageEnd = message + 4 + signed.readUInt16BE(message + 2);
    const files = message + 8192;
    const places = [8, 16, 27, 30, heap - 1, heap, heap + 19, heap + 20, heap + 100, messageEnd - 1, files];
    for (let at = files; at < signed.length; at += 7000) places.push(at);
    for (const at of [...places, signed.length - 1]) {
      const file = Buffer.from(signed);
      file[at]! ^= 0x10;
      const { identity, findings } = await trusting(file);
      expect(
        identity.signers.some(({ verified }) => verified),
        `byte ${at}`,
      ).toBe(false);
      expect(findings.length, `byte ${at}`).toBeGreaterThan(0);
    }
  });

  it("whose signature is another package's is refused", async () => {
    const other = await signers.product({ changeToc: (xml) => xml.replace("2026-11-20", "2026-11-21") });
    const heapOf = (file: Buffer) => 28 + Number(file.readBigUInt64BE(8));
    other.copy(signed, heapOf(signed) + 20, heapOf(other) + 20, heapOf(other) + 20 + 256 + 8192);
    const { findings, identity } = await trusting(signed);
    const invalid = findings.filter(({ code }) => code === "validation.pkg_signature_invalid");
    expect(invalid.map(({ details }) => details)).toEqual([{ scheme: "xar_rsa" }, { scheme: "xar_cms" }]);
    expect(identity.signers).toMatchObject([{ id: "ACME123456", verified: false }]);
  });
});
