import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

import { arFile, arMember, bufferAccess, debianBinary, tarEntry, tarFile } from "../inspect-fixtures.ts";
import { readDeb } from "./read-deb.ts";

const read = (file: Buffer, verify = true) =>
  readDeb({
    bytes: bufferAccess(file),
    declared: { platform: "linux", filename: "a.deb" },
    nowMs: 0,
    verify,
  });

const codesOf = async (file: Buffer) => (await read(file)).findings.map(({ code }) => code);

const control = `Package: acme
Version: 1:1.4.0-2
Architecture: amd64
Maintainer: Acme Inc. <dev@acme.example>
Installed-Size: 12
Depends: libc6 (>= 2.34),
 libssl3 | libssl1.1 , zlib1g
Section: utils
Homepage: https://acme.example
Description: Anvils and more
 A long text about anvils.
`;

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

interface Shape {
  readonly control?: readonly Buffer[];
  readonly data?: readonly Buffer[];
  readonly more?: readonly Buffer[];
}

const anvil = tarEntry("./usr/bin/anvil", "an anvil");
const sums = `${md5("an anvil")}  usr/bin/anvil\n`;

function deb({ control: controlEntries = [], data = [anvil], more = [] }: Shape = {}): Buffer {
  return arFile(
    debianBinary(),
    arMember("control.tar.gz", gzipSync(tarFile(tarEntry("./control", control), ...controlEntries))),
    arMember("data.tar.gz", gzipSync(tarFile(...data))),
    ...more,
  );
}

describe("a Debian package", () => {
  it("tells what it is", async () => {
    const scripts = ["./postinst", "./prerm", "./triggers"].map((name) => tarEntry(name, "#!/bin/sh"));
    const conffiles = tarEntry("./conffiles", "/etc/acme.conf\n/etc/acme.d/a\n");
    const file = deb({ control: [...scripts, conffiles, tarEntry("./md5sums", sums)] });
    expect(await read(file)).toEqual({
      facts: {
        package: "acme",
        version: "1:1.4.0-2",
        maintainer: "Acme Inc. <dev@acme.example>",
        section: "utils",
        priority: null,
        homepage: "https://acme.example",
        description: "Anvils and more",
        installed_bytes: 12 * 1024,
        min_os: "glibc 2.34",
        depends: ["libc6 (>= 2.34)", "libssl3 | libssl1.1", "zlib1g"],
        pre_depends: [],
        recommends: [],
        conflicts: [],
        scripts: ["postinst", "prerm"],
        conffiles: 2,
        data: {
          compression: "gzip",
          entries: 1,
          unpacked_bytes: 8,
          top_level: ["usr"],
          links: 0,
          sparse_files: 0,
          devices: 0,
          setuid: [],
          complete: true,
        },
        md5_verified: true,
        signatures: [],
      },
      identity: { id: "acme", version: "1:1.4.0-2", build: null, label: null, signers: [] },
      findings: [],
      arch: { kind: "read", native: "amd64", arch: "x86_64" },
    });
    expect((await read(file, false)).facts).not.toHaveProperty("data");
  });

  it("has the files that its md5sums list: validation.deb_digest_mismatch", async () => {
    const listed = [tarEntry("./md5sums", sums)];
    const changed = [tarEntry("./usr/bin/anvil", "an envil")];
    const { facts, findings } = await read(deb({ control: listed, data: changed }));
    expect(findings).toMatchObject([
      { code: "validation.deb_digest_mismatch", severity: "error", where: "usr/bin/anvil" },
    ]);
    expect(facts).toMatchObject({ md5_verified: false });
    expect(await codesOf(deb({ control: listed, data: [] }))).toEqual(["validation.deb_digest_mismatch"]);
    expect((await read(deb({ data: changed }))).facts).toMatchObject({ md5_verified: null });
  });

  it("may have links where files are listed", async () => {
    const listed = [
      tarEntry("./md5sums", `${sums}${md5("an anvil")}  usr/bin/other\n${md5("x")}  lib/a/b\n`),
    ];
    const hardLink = tarEntry("./usr/bin/other", "", "1", { link: "./usr/bin/anvil" });
    const link = tarEntry("./lib", "", "2", { link: "usr/lib" });
    expect(await codesOf(deb({ control: listed, data: [anvil, hardLink, link] }))).toEqual([]);
  });

  it("is unpacked into the root: validation.tar_unsafe_name, validation.setuid", async () => {
    const link = tarEntry("./usr/bin/sh", "", "2", { link: "/bin/sh" });
    const su = tarEntry("./bin/su", "", "0", { mode: "0004755" });
    const up = tarEntry("./usr/../../x", "");
    expect(await codesOf(deb({ data: [link, su, up] }))).toEqual([
      "validation.tar_unsafe_name",
      "validation.setuid",
    ]);
  });

  it("whose packed parts are corrupt is found out: validation.corrupt_data", async () => {
    const file = deb();
    for (const name of ["control.tar.gz", "data.tar.gz"]) {
      const changed = Buffer.from(file);
      changed[file.indexOf(name) + 60 + 30]! ^= 1;
      const { findings } = await read(changed);
      expect(findings).toMatchObject([{ code: "validation.corrupt_data", where: name }]);
    }
  });

  it("that is cut off is found out: validation.truncated", async () => {
    const file = deb();
    const data = file.indexOf("data.tar.gz");
    for (const length of [data + 20, data + 60, data + 80, file.length - 3]) {
      const { facts, findings } = await read(file.subarray(0, length));
      expect(
        findings.map(({ code }) => code),
        `${length}`,
      ).toEqual(["validation.truncated"]);
      expect(facts).toMatchObject({ package: "acme" });
    }
  });

  it("without its parts is damaged", async () => {
    expect(await codesOf(arFile(debianBinary()))).toEqual(["validation.damaged", "validation.damaged"]);
    expect(await codesOf(Buffer.concat([deb(), Buffer.from("more than a header".repeat(4))]))).toEqual([
      "validation.damaged",
    ]);
  });

  it("with signatures that are none says so", async () => {
    expect(await codesOf(deb({ more: [arMember("_gpgorigin", Buffer.from("no signature"))] }))).toEqual([
      "validation.damaged",
    ]);
    const large = arMember("_gpgorigin", Buffer.alloc(100_000));
    expect(await codesOf(deb({ more: [large] }))).toEqual(["validation.limit"]);
  });
});
