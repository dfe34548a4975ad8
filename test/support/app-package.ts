import { hash } from "node:crypto";

import { zipSync } from "fflate";

import { seeded } from "./mutations.ts";
import { pngPixel } from "./windows-files.ts";

const BLOCK_BYTES = 64 * 1024;

export interface PackageOptions {
  readonly publisher?: string;
  readonly architecture?: string;
  /** Files beside the usual ones, by their names in the archive. */
  readonly files?: Record<string, Uint8Array>;
  readonly algorithm?: "sha256" | "sha384" | "sha512";
  /** Changes the block map's text. */
  readonly mapped?: (map: string) => string;
}

const methods = {
  sha256: "http://www.w3.org/2001/04/xmlenc#sha256",
  sha384: "http://www.w3.org/2001/04/xmldsig-more#sha384",
  sha512: "http://www.w3.org/2001/04/xmlenc#sha512",
} as const;

const manifest = (publisher: string, architecture: string) => `<?xml version="1.0" encoding="utf-8"?>
<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10"
    xmlns:uap="http://schemas.microsoft.com/appx/manifest/uap/windows10"
    xmlns:rescap="http://schemas.microsoft.com/appx/manifest/foundation/windows10/restrictedcapabilities">
  <Identity Name="Acme.Notes" Publisher="${publisher}" Version="1.4.2.0" ProcessorArchitecture="${architecture}"/>
  <Properties>
    <DisplayName>Acme Notes</DisplayName>
    <PublisherDisplayName>Acme Ltd</PublisherDisplayName>
    <Logo>Assets\\Logo.png</Logo>
  </Properties>
  <Dependencies>
    <TargetDeviceFamily Name="Windows.Desktop" MinVersion="10.0.17763.0" MaxVersionTested="10.0.19041.0"/>
  </Dependencies>
  <Capabilities><rescap:Capability Name="runFullTrust"/><DeviceCapability Name="microphone"/></Capabilities>
  <Applications><Application Id="App" Executable="notes.exe" EntryPoint="Windows.FullTrustApplication">
    <uap:VisualElements DisplayName="Acme Notes" Square150x150Logo="Assets\\Logo.png"/>
  </Application></Applications>
</Package>
`;

const contentTypes = `<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="png" ContentType="image/png"/><Default Extension="exe" ContentType="application/octet-stream"/><Default Extension="xml" ContentType="application/vnd.ms-appx.manifest+xml"/><Override PartName="/AppxBlockMap.xml" ContentType="application/vnd.ms-appx.blockmap+xml"/></Types>`;

const random = seeded(11);
/** More than two blocks, and nothing that shrinks. */
const program = Buffer.from(Uint8Array.from({ length: 150_000 }, () => random(256)));

/** An app package with a manifest, two files and a block map. */
export function appPackage({
  publisher = "CN=Acme Ltd, O=Acme Ltd, C=GB",
  architecture = "x64",
  files = {},
  algorithm = "sha256",
  mapped = (map) => map,
}: PackageOptions = {}): Buffer {
  return packageOf(
    {
      "AppxManifest.xml": Buffer.from(manifest(publisher, architecture)),
      "Assets/Logo.scale-200.png": pngPixel,
      "notes.exe": program,
      ...files,
    },
    algorithm,
    mapped,
  );
}

/** A bundle of packages, for the given processors. */
export function appBundle(architectures: readonly string[]): Buffer {
  const packages = architectures.map((architecture) => {
    const names = `Type="application" Version="1.4.2.0" Architecture="${architecture}"`;
    return `<Package ${names} FileName="Notes_${architecture}.msix" Offset="0" Size="1"/>`;
  });
  const text = `<?xml version="1.0"?><Bundle xmlns="http://schemas.microsoft.com/appx/2013/bundle" SchemaVersion="5.0">
<Identity Name="Acme.Notes" Publisher="CN=Acme Ltd, O=Acme Ltd, C=GB" Version="1.4.2.0"/><Packages>${packages.join("")}</Packages></Bundle>`;
  return packageOf({ "AppxMetadata/AppxBundleManifest.xml": Buffer.from(text) });
}

function packageOf(
  files: Record<string, Uint8Array>,
  algorithm: keyof typeof methods = "sha256",
  mapped: NonNullable<PackageOptions["mapped"]> = (map) => map,
): Buffer {
  const listed = Object.entries(files).map(([name, content]) => {
    const blocks: string[] = [];
    for (let at = 0; at < content.length; at += BLOCK_BYTES) {
      blocks.push(`<Block Hash="${hash(algorithm, content.subarray(at, at + BLOCK_BYTES), "base64")}"/>`);
    }
    const path = decodeURIComponent(name).replaceAll("/", "\\");
    return `<File Name="${path}" Size="${content.length}" LfhSize="${30 + name.length}">${blocks.join("")}</File>`;
  });
  const map = `<?xml version="1.0" encoding="UTF-8"?><BlockMap xmlns="http://schemas.microsoft.com/appx/2010/blockmap" HashMethod="${methods[algorithm]}">${listed.join("")}</BlockMap>`;
  const whole = {
    ...files,
    "AppxBlockMap.xml": Buffer.from(mapped(map)),
    "[Content_Types].xml": Buffer.from(contentTypes),
  };
  return Buffer.from(zipSync(whole, { level: 6, mtime: "2026-01-01" }));
}
