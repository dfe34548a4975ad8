import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";

import type { SigningKey, SigningKeys } from "./signing-keys.ts";

const run = promisify(execFile);

const source = `
.globl start
.text
start:
  xor %eax, %eax
  ret
.data
  .ascii "Some data that is signed."
`;

const resources = `
1 VERSIONINFO
FILEVERSION 1,4,0,1042
PRODUCTVERSION 1,4,0,0
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904b0"
    BEGIN
      VALUE "CompanyName", "Acme Ltd"
      VALUE "FileDescription", "The program of Acme"
      VALUE "FileVersion", "1.4.0.1042"
      VALUE "ProductName", "Acme"
      VALUE "ProductVersion", "1.4.0"
    END
  END
END
1 24 "manifest.xml"
1 ICON "icon.ico"
`;

const manifest = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges>
    <requestedExecutionLevel level="requireAdministrator" uiAccess="false"/>
  </requestedPrivileges></security></trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1"><application>
    <supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
  </application></compatibility>
</assembly>
`;

/** A picture of one pixel. */
export const pngPixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEAQH/7yMK/gAAAABJRU5ErkJggg==",
  "base64",
);

/** ICONDIR with one entry: width, height (0 is 256), colours, reserved, planes, bits, bytes, offset. */
function iconFile(): Buffer {
  const header = Buffer.alloc(22);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(1, 4);
  header.writeUInt16LE(1, 10);
  header.writeUInt16LE(32, 12);
  header.writeUInt32LE(pngPixel.length, 14);
  header.writeUInt32LE(22, 18);
  return Buffer.concat([header, pngPixel]);
}

/** The tools that `buildProgram` needs. */
export const programTools = ["as", "windres", "ld"].map((tool) => `x86_64-w64-mingw32-${tool}`);

/** Builds a Windows program with version, manifest and icon by GNU's tools; answers its path. */
export async function buildProgram(keys: SigningKeys): Promise<string> {
  const cwd = keys.directory;
  await writeFile(keys.path("program.s"), source);
  await writeFile(keys.path("program.rc"), resources);
  await writeFile(keys.path("manifest.xml"), manifest);
  await writeFile(keys.path("icon.ico"), iconFile());
  // windres takes a C compiler for granted, to preprocess what needs none here.
  const preprocessor = keys.path("preprocessor");
  await writeFile(preprocessor, '#!/bin/sh\nfor last; do :; done\ncat "$last"\n', { mode: 0o755 });
  const [as, windres, ld] = programTools as [string, string, string];
  await run(as, ["program.s", "-o", "program.o"], { cwd });
  await run(windres, [`--preprocessor=${preprocessor}`, "program.rc", "-O", "coff", "-o", "resources.o"], {
    cwd,
  });
  const options = ["-e", "start", "--subsystem", "console:6.1", "-o", "program.exe"];
  await run(ld, ["program.o", "resources.o", ...options], { cwd });
  return keys.path("program.exe");
}

/** Somebody who signs files for Windows, and the root that vouches for them. */
export async function makeCodeSigner(
  keys: SigningKeys,
): Promise<{ readonly root: SigningKey; readonly signer: SigningKey }> {
  const root = await keys.make({ subject: "/O=Acme Ltd/CN=Acme Root", isAuthority: true });
  const subject = "/C=GB/O=Acme Ltd/CN=Acme Ltd";
  return { root, signer: await keys.make({ subject, issuer: root, purpose: "codeSigning" }) };
}

/** Signs a file with osslsigncode; answers the path of the signed one. */
export async function signWindowsFile(
  keys: SigningKeys,
  path: string,
  by: SigningKey,
  ...options: readonly string[]
): Promise<string> {
  signed += 1;
  const out = path.replace(/(\.\w+)$/, `-${signed}$1`);
  const key = ["-certs", by.certificate, "-key", by.key];
  await run("osslsigncode", ["sign", ...key, ...options, "-in", path, "-out", out], { cwd: keys.directory });
  return out;
}

let signed = 0;

/** What osslsigncode says about a file's signatures: whether they all verify, and its words. */
export async function osslsigncodeVerify(
  path: string,
  root: SigningKey,
  ...options: readonly string[]
): Promise<{ readonly holds: boolean; readonly words: string }> {
  const trusted = ["-CAfile", root.certificate, "-TSA-CAfile", root.certificate];
  try {
    const { stdout } = await run("osslsigncode", ["verify", ...trusted, ...options, "-in", path]);
    return { holds: true, words: stdout };
  } catch (error) {
    return { holds: false, words: (error as { stdout: string }).stdout };
  }
}

const installerSource = `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="{5E0A0F6E-6B0C-4D2A-9B54-0A4E2B4C0001}" UpgradeCode="{5E0A0F6E-6B0C-4D2A-9B54-0A4E2B4C0002}"
      Name="Acmé" Manufacturer="Acme Ltd" Language="1033" Version="1.4.2">
    <Package InstallerVersion="500" Compressed="yes" Comments="Installs Acmé" InstallScope="perMachine"/>
    <Media Id="1" Cabinet="acme.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="HOME" Name="Acme">
      <Component Id="Main" Guid="{5E0A0F6E-6B0C-4D2A-9B54-0A4E2B4C0003}">
        <File Id="content" Name="content.bin" Source="content.bin"/>
      </Component>
    </Directory></Directory></Directory>
    <Feature Id="All" Level="1"><ComponentRef Id="Main"/></Feature>
  </Product>
</Wix>
`;

/** Builds an installer of one file with wixl; answers its path. */
export async function buildInstaller(keys: SigningKeys, contentBytes = 40_000): Promise<string> {
  // Content that does not shrink, so that it stands in more than a few sectors.
  await writeFile(keys.path("content.bin"), randomBytes(contentBytes));
  await writeFile(keys.path("acme.wxs"), installerSource);
  await run("wixl", ["-a", "x64", "-o", "acme.msi", "acme.wxs"], { cwd: keys.directory });
  return keys.path("acme.msi");
}
