import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";

import { readAppImage } from "../../src/inspect/appimage/read-appimage.ts";
import { findingCodes } from "../../src/inspect/findings.ts";
import { bufferAccess } from "../../src/inspect/inspect-fixtures.ts";
import { SquashFs } from "../../src/inspect/squashfs/squashfs.ts";
import { makeGpgKey } from "../support/gpg-key.ts";
import { mutate, MUTATIONS } from "../support/mutations.ts";
import { needs } from "../support/required-tools.ts";

const read = (file: Buffer, verify = true) =>
  readAppImage({
    bytes: bufferAccess(file),
    declared: { platform: "linux", filename: "a" },
    nowMs: 0,
    verify,
  });

/** The sections of a runtime, as AppImage's has them, and how long each is. */
const sectionBytes = { ".upd_info": 1024, ".sha256_sig": 1024, ".sig_key": 8192 } as const;

/**
 * A runtime: the ELF header with AppImage's mark, the three sections, their names, and the table of sections:
 *
 *     00  7f 45 4c 46 02 01 01 00 41 49 02   ELF, 64 bits, little-endian; "AI", type 2
 *     10  02 00 3e 00                        program, x86-64
 *     28  e_shoff      3a  40 00 (e_shentsize), 05 00 (e_shnum), 04 00 (e_shstrndx)
 */
function runtime(content: Partial<Record<keyof typeof sectionBytes, Uint8Array>> = {}): Buffer {
  const names = `\0${Object.keys(sectionBytes).join("\0")}\0.shstrtab\0`;
  const parts: Buffer[] = [];
  const table: Buffer[] = [Buffer.alloc(64)];
  let offset = 64;
  const add = (name: string, bytes: Buffer) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(names.indexOf(`\0${name}\0`) + 1, 0);
    entry.writeUInt32LE(1, 4);
    entry.writeBigUInt64LE(BigInt(offset), 24);
    entry.writeBigUInt64LE(BigInt(bytes.length), 32);
    table.push(entry);
    parts.push(bytes);
    offset += bytes.length;
  };
  for (const [name, sizeBytes] of Object.entries(sectionBytes)) {
    const bytes = Buffer.alloc(sizeBytes);
    bytes.set(content[name as keyof typeof sectionBytes] ?? []);
    add(name, bytes);
  }
  add(".shstrtab", Buffer.from(names));
  const header = Buffer.alloc(64);
  header.write("7f454c46020101004149020000000000" + "02003e0001000000", "hex");
  header.writeBigUInt64LE(BigInt(offset), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(table.length, 0x3c);
  header.writeUInt16LE(table.length - 1, 0x3e);
  return Buffer.concat([header, ...parts, ...table]);
}

const entry = `[Desktop Entry]
Type=Application
Name=Acme Anvils
Name[de]=Ambosse
Comment=Makes anvils
Icon=acme
Categories=Utility;Development;
X-AppImage-Version=1.4.0
[Desktop Action New]
Name=Another
`;
const icon = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(200_000, "picture")]);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "dist-appimage-"));
  const root = join(directory, "AppDir");
  mkdirSync(join(root, "usr/share/applications"), { recursive: true });
  mkdirSync(join(root, "usr/share/icons"), { recursive: true });
  writeFileSync(join(root, "AppRun"), "#!/bin/sh\n");
  writeFileSync(join(root, "usr/share/applications/acme.desktop"), entry);
  symlinkSync("usr/share/applications/acme.desktop", join(root, "acme.desktop"));
  writeFileSync(join(root, "usr/share/icons/acme.png"), icon);
  symlinkSync("../usr/./share/icons/acme.png", join(root, "acme.png"));
  symlinkSync("acme.png", join(root, ".DirIcon"));
  for (let file = 0; file < 600; file += 1)
    writeFileSync(join(root, `usr/file-${file}`), `${file}`.repeat(50));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** The file system of the folder, packed so. */
function squashed(...options: readonly string[]): Buffer {
  const path = join(directory, "made.squashfs");
  rmSync(path, { force: true });
  const made = spawnSync("mksquashfs", [
    join(directory, "AppDir"),
    path,
    "-no-progress",
    "-quiet",
    ...options,
  ]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  return readFileSync(path);
}

needs("mksquashfs", "unsquashfs")("an AppImage", () => {
  const packings = ["gzip", "xz", "zstd"];

  it.each(packings)("packed with %s is read", async (compression) => {
    const update = "gh-releases-zsync|acme|anvils|latest|Anvils-*.AppImage.zsync";
    const head = runtime({ ".upd_info": Buffer.from(update) });
    for (const more of [[], ["-b", "4096"], ["-noI", "-noD", "-noF"], ["-no-fragments"]]) {
      const fileSystem = squashed("-comp", compression, ...more);
      const report = await read(Buffer.concat([head, fileSystem]));
      expect(report).toMatchObject({
        facts: {
          appimage_type: 2,
          update_information: update,
          file_system: { compression, inodes: fileSystem.readUInt32LE(4) },
          name: "Acme Anvils",
          version: "1.4.0",
          comment: "Makes anvils",
          icon_name: "acme",
          categories: ["Utility", "Development"],
          signatures: [],
        },
        identity: { id: null, version: "1.4.0", label: "Acme Anvils", signers: [] },
        findings: [],
        arch: { kind: "read", arch: "x86_64" },
      });
      expect(report.icon).toMatchObject({ contentType: "image/png" });
      expect(Buffer.from(report.icon!.bytes).equals(icon)).toBe(true);
    }
  });

  it.each(packings)("has the names at its root that unsquashfs lists: %s", async (compression) => {
    const fileSystem = squashed("-comp", compression);
    const listed = spawnSync("unsquashfs", ["-l", "-max-depth", "1", join(directory, "made.squashfs")]);
    const names = listed.stdout
      .toString()
      .split("\n")
      .filter((line) => line.startsWith("squashfs-root/"))
      .map((line) => line.slice("squashfs-root/".length));
    const squashFs = (await SquashFs.open(bufferAccess(fileSystem), 0))!;
    expect(names.length).toBeGreaterThan(3);
    expect((await squashFs.rootNames()).toSorted()).toEqual(names.toSorted());
    expect(await squashFs.readFile("usr/file-7", 100)).toEqual(Buffer.from("7".repeat(50)));
    expect(await squashFs.readFile("usr/none", 100)).toBeUndefined();
    await expect(squashFs.readFile("acme.png", 1000)).rejects.toMatchObject({ reason: "limit" });
  });

  it("packed with what is not read says so: validation.unsupported", async () => {
    const { facts, findings } = await read(Buffer.concat([runtime(), squashed("-comp", "lz4")]));
    expect(findings.map(({ code }) => code)).toContain("validation.unsupported");
    expect(facts).toMatchObject({ file_system: { compression: "lz4" } });
  });

  it("without a file system, or a desktop entry, lacks what says what it is: validation.manifest_missing", async () => {
    const codes = async (file: Buffer) => (await read(file)).findings.map(({ code }) => code);
    expect(await codes(runtime())).toEqual(["validation.manifest_missing"]);
    const bare = squashed("-e", "acme.desktop");
    expect(await codes(Buffer.concat([runtime(), bare]))).toEqual(["validation.manifest_missing"]);
    const old = runtime();
    old[10] = 1;
    expect(await codes(old)).toEqual(["validation.unsupported"]);
  });

  it("that is cut off is found out: validation.truncated", async () => {
    const file = Buffer.concat([runtime(), squashed()]);
    const fileSystem = runtime().length;
    for (const length of [100, 5000, fileSystem - 1, fileSystem + 200, file.length - 5000]) {
      const { findings } = await read(file.subarray(0, length));
      expect(
        findings.map(({ code }) => code),
        `${length}`,
      ).toEqual(["validation.truncated"]);
    }
  });

  it.each(packings)(
    "of any bytes ends in facts and findings that are known: %s",
    { timeout: 600_000 },
    async (compression) => {
      const small = squashed("-comp", compression, "-e", "usr/file-*", "-wildcards");
      const file = Buffer.concat([runtime(), small]);
      const start = runtime().length;
      // Where the structures stand: the program's header and table, the superblock, the tables at the end.
      const places = [
        [0, 64],
        [start - 320, start],
        [start, start + 96],
        [start + small.readUInt32LE(64), file.length],
      ] as const;
      for (let seed = 1; seed <= MUTATIONS / packings.length; seed += 1) {
        const report = await read(mutate(file, seed, places), seed % 2 > 0);
        for (const { code } of report.findings) expect(findingCodes, `seed ${seed}`).toHaveProperty([code]);
        JSON.stringify(report.facts);
      }
    },
  );
});

needs("mksquashfs", "gpg")("an AppImage that was signed", () => {
  it.each(["ed25519", "rsa2048"])("names its key, which proves nothing: %s", async (algorithm) => {
    const key = makeGpgKey(algorithm);
    try {
      const fileSystem = squashed();
      const digest = createHash("sha256").update(runtime()).update(fileSystem).digest("hex");
      const head = runtime({
        ".sha256_sig": key.gpg(["--armor", "--detach-sign"], Buffer.from(digest)),
        ".sig_key": key.gpg(["--armor", "--export"]),
      });
      const { facts, identity, findings } = await read(Buffer.concat([head, fileSystem]));
      expect(findings).toEqual([]);
      expect(facts["signatures"]).toMatchObject([
        {
          scheme: "appimage",
          verified: false,
          fingerprint: key.fingerprint,
          key_fingerprint: key.fingerprint,
          key_user_id: "Acme Packages <packages@acme.example>",
          signed_sha256: digest,
        },
      ]);
      expect(identity.signers).toMatchObject([
        {
          kind: "package_key",
          id: key.fingerprint,
          name: "Acme Packages <packages@acme.example>",
          verified: false,
        },
      ]);
    } finally {
      key.remove();
    }
  });
});
