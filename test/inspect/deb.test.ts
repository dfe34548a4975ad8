import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { readDeb } from "../../src/inspect/deb/read-deb.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { makeGpgKey } from "../support/gpg-key.ts";
import { needs } from "../support/required-tools.ts";

const read = (file: Buffer) =>
  readDeb({
    bytes: bufferAccess(file),
    declared: { platform: "linux", filename: "a.deb" },
    nowMs: 0,
    verify: true,
  });

/** What a command prints; throws when it fails. */
function run(command: string, args: readonly string[], cwd?: string): string {
  const done = spawnSync(command, args, { cwd, maxBuffer: 1e9 });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr.toString()}`);
  return done.stdout.toString();
}

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "dist-deb-"))));
afterAll(() => rmSync(directory, { recursive: true }));

const CACHE = "/var/cache/apt/archives";
/** With scripts, conffiles, setuid programs, links, and without. */
const WANTED = ["base-files", "sudo", "hostname", "adduser", "libc-bin", "tzdata"];
const ENOUGH = 12;

/** Packages that apt has kept, or that it fetches. */
function realPackages(): string[] {
  const kept = readdirSync(CACHE)
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(CACHE, name))
    .filter((path) => statSync(path).size < 300_000);
  const step = Math.ceil(kept.length / ENOUGH);
  if (kept.length >= WANTED.length) return kept.filter((_, index) => index % step === 0);
  run("apt-get", ["download", "-o", "APT::Sandbox::User=root", ...WANTED], directory);
  return readdirSync(directory)
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(directory, name));
}

needs("apt-get", "dpkg-deb")("Debian's own packages", () => {
  it("are read as dpkg-deb reads them", { timeout: 120_000 }, async () => {
    const packages = realPackages();
    expect(packages.length).toBeGreaterThanOrEqual(WANTED.length);
    for (const path of packages) {
      const { facts, identity, findings, arch } = await read(readFileSync(path));
      const field = (name: string) => run("dpkg-deb", ["-f", path, name]).trim() || null;
      expect(facts, path).toMatchObject({
        package: field("Package"),
        version: field("Version"),
        maintainer: field("Maintainer"),
        section: field("Section"),
        priority: field("Priority"),
        homepage: field("Homepage"),
        installed_bytes: Number(field("Installed-Size")) * 1024,
        depends: (field("Depends") ?? "")
          .split(",")
          .map((one) => one.trim())
          .filter(Boolean),
      });
      expect(facts["description"]).toBe(field("Description")!.split("\n")[0]);
      expect(identity).toMatchObject({ id: field("Package"), version: field("Version") });
      expect(arch).toMatchObject({ native: field("Architecture") });
      const control = run("dpkg-deb", ["--ctrl-tarfile", path]) && run("dpkg-deb", ["-I", path]);
      expect(facts["scripts"]).toEqual(
        ["config", "postinst", "postrm", "preinst", "prerm"].filter((name) =>
          new RegExp(` lines +\\*? +${name} `).test(control),
        ),
      );
      const listed = run("dpkg-deb", ["-c", path]).trim().split("\n");
      expect(facts["data"]).toMatchObject({ entries: listed.length, complete: true });
      expect(findings.filter(({ severity }) => severity !== "info")).toEqual([]);
      expect([true, null]).toContain(facts["md5_verified"]);
    }
  });
});

needs("dpkg-deb", "md5sum")("a package that dpkg-deb builds", () => {
  function build(...options: readonly string[]): Buffer {
    const root = join(directory, "root");
    rmSync(root, { recursive: true, force: true });
    mkdirSync(join(root, "DEBIAN"), { recursive: true });
    mkdirSync(join(root, "usr/bin"), { recursive: true });
    writeFileSync(join(root, "usr/bin/anvil"), "an anvil".repeat(50));
    chmodSync(join(root, "usr/bin/anvil"), 0o755);
    symlinkSync("anvil", join(root, "usr/bin/other"));
    writeFileSync(join(root, "usr/bin/hammer"), "a hammer".repeat(50));
    const control =
      "Package: acme\nVersion: 1.4.0\nArchitecture: all\nMaintainer: Acme\nDescription: Anvils\n";
    writeFileSync(join(root, "DEBIAN/control"), control);
    const sums = run("md5sum", ["usr/bin/anvil", "usr/bin/hammer"], root);
    writeFileSync(join(root, "DEBIAN/md5sums"), sums);
    const file = join(directory, "built.deb");
    run("dpkg-deb", ["--root-owner-group", ...options, "--build", root, file]);
    return readFileSync(file);
  }

  it.each(["none", "gzip", "xz", "zstd"])("is read when it is packed with %s", async (compression) => {
    const { facts, findings } = await read(build(`-Z${compression}`));
    expect(findings).toEqual([]);
    expect(facts).toMatchObject({
      package: "acme",
      md5_verified: true,
      data: { compression, entries: 6, links: 1, complete: true },
    });
  });

  // A package is refused exactly when dpkg-deb cannot unpack it, or md5sum finds other files than are listed.
  it.each(["none", "gzip", "xz"])(
    "and that is changed in its data is refused: %s",
    { timeout: 300_000 },
    async (compression) => {
      const file = build(`-Z${compression}`, "--uniform-compression");
      const start = file.indexOf("data.tar") + 60;
      const changed = join(directory, "changed.deb");
      const out = join(directory, "out");
      for (let at = start; at < file.length - 1; at += Math.ceil((file.length - start) / 60)) {
        const bytes = Buffer.from(file);
        bytes[at]! ^= 0x10;
        writeFileSync(changed, bytes);
        rmSync(out, { recursive: true, force: true });
        const unpacked = spawnSync("dpkg-deb", ["-R", changed, out]).status === 0;
        const isSound =
          unpacked && spawnSync("md5sum", ["-c", "--status", "DEBIAN/md5sums"], { cwd: out }).status === 0;
        const { findings } = await read(bytes);
        const isRefused = findings.some(({ severity }) => severity === "error");
        expect(isRefused, `byte ${at - start} of data.tar: ${JSON.stringify(findings)}`).toBe(!isSound);
      }
    },
  );
});

needs(
  "dpkg-deb",
  "gpg",
  "ar",
)("a package that was signed", () => {
  it.each(["ed25519", "rsa2048"])("names its key, which proves nothing yet: %s", async (algorithm) => {
    const key = makeGpgKey(algorithm);
    try {
      const root = join(directory, `signed-${algorithm}`);
      mkdirSync(join(root, "DEBIAN"), { recursive: true });
      writeFileSync(
        join(root, "DEBIAN/control"),
        "Package: acme\nVersion: 1\nArchitecture: all\nMaintainer: Acme\nDescription: Anvils\n",
      );
      const file = join(directory, `signed-${algorithm}.deb`);
      run("dpkg-deb", ["--build", root, file]);
      const parts = join(directory, `parts-${algorithm}`);
      mkdirSync(parts);
      run("ar", ["x", file], parts);
      const members = readdirSync(parts).map((name) => readFileSync(join(parts, name)));
      // As debsigs does; dpkg-sig writes a text with an armoured signature.
      writeFileSync(join(parts, "_gpgorigin"), key.gpg(["-b"], Buffer.concat(members)));
      writeFileSync(
        join(parts, "_gpgbuilder"),
        key.gpg(["--clearsign"], Buffer.from("Version: 4\nFiles: \n")),
      );
      run("ar", ["q", file, "_gpgorigin", "_gpgbuilder"], parts);
      const { facts, identity, findings } = await read(readFileSync(file));
      expect(findings).toEqual([]);
      const keyId = key.fingerprint.slice(-16);
      const signature = { scheme: "debsig", verified: false, key_id: keyId, fingerprint: key.fingerprint };
      expect(facts["signatures"]).toMatchObject([
        { ...signature, role: "origin" },
        { ...signature, role: "builder" },
      ]);
      expect(identity.signers).toEqual([
        {
          kind: "package_key",
          id: key.fingerprint,
          name: `OpenPGP key ${keyId.toUpperCase()}`,
          lineage: [],
          verified: false,
          expires_at: null,
        },
      ]);
    } finally {
      key.remove();
    }
  });
});
