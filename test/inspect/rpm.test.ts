import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { readRpm } from "../../src/inspect/rpm/read-rpm.ts";
import { type GpgKey, makeGpgKey } from "../support/gpg-key.ts";
import { needs } from "../support/required-tools.ts";

const read = (file: Buffer) =>
  readRpm({
    bytes: bufferAccess(file),
    declared: { platform: "linux", filename: "a.rpm" },
    nowMs: 0,
    verify: true,
  });

const spec = `Name: acme
Epoch: 2
Version: 1.4.0
Release: 3
Summary: Anvils and more
License: Apache-2.0
Vendor: Acme Inc.
URL: https://acme.example
Group: Applications
BuildArch: noarch
Requires: bash >= 4.0, coreutils
Requires(pre): libacme.so.1(GLIBC_2.34)(64bit)
Provides: anvil = 7
%description
A long text about anvils.
%install
mkdir -p %{buildroot}/usr/share/acme
seq 1 2000 > %{buildroot}/usr/share/acme/anvil
%files
/usr/share/acme/anvil
%pre
true
%post -p /sbin/ldconfig
%postun
true
`;

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "dist-rpm-"))));
afterAll(() => rmSync(directory, { recursive: true }));

/** What a command prints; throws when it fails. */
function run(command: string, ...args: readonly string[]): string {
  const done = spawnSync(command, args, { env: { ...process.env, HOME: directory } });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr.toString()}`);
  return done.stdout.toString();
}

const define = (name: string, value: string) => ["--define", `${name} ${value}`];

/** Builds the package with its payload packed so; answers its path. */
function build(payload: string): string {
  const top = join(directory, payload);
  mkdirSync(top);
  writeFileSync(join(top, "acme.spec"), spec);
  const options = [...define("_topdir", top), ...define("_binary_payload", payload)];
  run("rpmbuild", "-bb", "--quiet", ...options, join(top, "acme.spec"));
  const built = join(top, "RPMS/noarch");
  return join(built, readdirSync(built)[0]!);
}

/** Whether rpm finds the digests right, or with a key's database the signatures too. */
const isSound = (path: string, database?: string) =>
  spawnSync("rpmkeys", [
    "-K",
    ...(database === undefined
      ? ["--nosignature"]
      : ["--dbpath", database, ...define("_pkgverify_level", "all")]),
    path,
  ]).status === 0;

needs(
  "rpmbuild",
  "rpm",
  "rpmkeys",
)("an rpm package", () => {
  it.each([
    ["w9.gzdio", "gzip"],
    ["w7.xzdio", "xz"],
    ["w3.zstdio", "zstd"],
    ["w9.bzdio", "bzip2"],
  ])("with a payload %s is read as rpm reads it", async (payload, compression) => {
    const path = build(payload);
    const { facts, identity, findings, arch } = await read(readFileSync(path));
    const query = (format: string) => run("rpm", "-qp", "--nosignature", "--qf", format, path);
    const field = (tag: string) => query(`%{${tag}}`);
    expect(facts).toMatchObject({
      name: field("NAME"),
      epoch: Number(field("EPOCH")),
      version: field("VERSION"),
      release: field("RELEASE"),
      summary: field("SUMMARY"),
      license: field("LICENSE"),
      vendor: field("VENDOR"),
      url: field("URL"),
      group: field("GROUP"),
      os: field("OS"),
      source_rpm: field("SOURCERPM"),
      is_source: false,
      installed_bytes: Number(field("SIZE")),
      payload_compression: compression,
      packager: null,
      built_at: new Date(Number(field("BUILDTIME")) * 1000).toISOString(),
      min_os: "glibc 2.34",
      scripts: ["pre", "post", "postun"],
      digests: [
        { covers: "header", algorithm: "sha1", stated: field("SHA1HEADER"), verified: true },
        { covers: "header", algorithm: "sha256", stated: field("SHA256HEADER"), verified: true },
        { covers: "header and payload", algorithm: "md5", stated: field("SIGMD5"), verified: true },
        { covers: "payload", algorithm: "sha256", stated: field("PAYLOADDIGEST"), verified: true },
      ],
      signatures: [],
    });
    const listed = (what: string) =>
      run("rpm", "-qp", "--nosignature", what, path)
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("rpmlib("));
    expect((facts["requires"] as string[]).toSorted()).toEqual([...new Set(listed("--requires"))].toSorted());
    expect((facts["provides"] as string[]).toSorted()).toEqual(listed("--provides").toSorted());
    expect(identity).toMatchObject({ id: "acme", version: "1.4.0", build: "3", signers: [] });
    expect(arch).toEqual({ kind: "read", native: "noarch", arch: "universal" });
    expect(findings.map(({ code }) => code)).toEqual(["validation.unsigned"]);
  });

  // What rpm itself lets through is not covered by any digest: padding.
  it("that was changed is told of exactly when rpm refuses it", { timeout: 300_000 }, async () => {
    const file = readFileSync(build("w6.gzdio"));
    const path = join(directory, "changed.rpm");
    const step = Math.ceil(file.length / 250);
    for (let at = LEAD_BYTES; at < file.length; at += step) {
      const changed = Buffer.from(file);
      changed[at]! ^= 1;
      writeFileSync(path, changed);
      const { findings } = await read(changed);
      const isTold = findings.some(({ severity }) => severity === "error");
      const isAccepted = isSound(path);
      if (isInSignatureHeader(file, at)) expect(isTold && isAccepted, `byte ${at}`).toBe(false);
      else expect(isTold, `byte ${at} of ${file.length}: ${JSON.stringify(findings)}`).toBe(!isAccepted);
    }
  });

  it("that is cut off is refused: validation.truncated", async () => {
    const file = readFileSync(build("w5.gzdio"));
    for (const length of [100, 300, 2000, file.length - 1]) {
      const { findings } = await read(file.subarray(0, length));
      expect(findings.map(({ code }) => code)).toContain("validation.truncated");
    }
  });
});

const LEAD_BYTES = 96;

/** The signature header is covered by nothing: rpm refuses some changes of its form which are read over here. */
function isInSignatureHeader(file: Buffer, at: number): boolean {
  const stop = LEAD_BYTES + 16 + file.readUInt32BE(104) * 16 + file.readUInt32BE(108);
  return at < stop;
}

needs(
  "rpmbuild",
  "rpmsign",
  "rpmkeys",
  "gpg",
)("an rpm package that was signed", () => {
  let key: GpgKey;
  afterAll(() => key?.remove());

  it.each(["ed25519", "rsa2048"])("names its key, which proves nothing yet: %s", async (algorithm) => {
    key = makeGpgKey(algorithm);
    const path = build(`w${algorithm === "rsa2048" ? 1 : 2}.gzdio`);
    const signing = {
      __gpg: run("sh", "-c", "command -v gpg").trim(),
      _gpg_name: key.fingerprint.toUpperCase(),
      _gpg_path: key.home,
    };
    run("rpmsign", ...Object.entries(signing).flatMap((entry) => define(...entry)), "--addsign", path);
    const database = join(directory, `keys-${algorithm}`);
    const exported = join(directory, `${algorithm}.asc`);
    writeFileSync(exported, key.gpg(["--armor", "--export"]));
    run("rpmkeys", "--dbpath", database, "--import", exported);
    expect(isSound(path, database)).toBe(true);

    const { facts, identity, findings } = await read(readFileSync(path));
    expect(findings).toEqual([]);
    const keyId = key.fingerprint.slice(-16);
    expect(facts["signatures"]).not.toEqual([]);
    for (const signature of facts["signatures"] as unknown[]) {
      expect(signature).toMatchObject({ verified: false, key_id: keyId, fingerprint: key.fingerprint });
    }
    expect(
      run("rpm", "-qp", "--nosignature", "--qf", "%{RSAHEADER:pgpsig} %{DSAHEADER:pgpsig}", path),
    ).toContain(keyId);
    expect(identity.signers).toMatchObject([{ kind: "package_key", id: key.fingerprint, verified: false }]);
    key.remove();
  });
});
