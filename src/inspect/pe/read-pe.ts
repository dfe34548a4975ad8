import type { RandomAccess } from "../../base/random-access.ts";
import type { ArchReading } from "../arch-reading.ts";
import { archRead } from "../arch-reading.ts";
import { readExactly } from "../bytes.ts";
import { type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readPart, UnreadableError } from "../unreadable.ts";
import { peArch } from "./pe-arch.ts";
import { directory, offsetOf, type PeHeaders, readPeHeaders } from "./pe-headers.ts";
import { readResource, resourceType } from "./pe-resources.ts";
import { peSignatures } from "./pe-signatures.ts";
import { readProgramIcon } from "./program-icon.ts";
import { type ProgramManifest, readProgramManifest } from "./program-manifest.ts";
import { readVersionResource, type VersionResource } from "./version-resource.ts";
import { windowsVersion } from "./windows-versions.ts";

const MAX_VERSION_BYTES = 64 * 1024;
const MAX_MANIFEST_BYTES = 256 * 1024;
const CLR_HEADER_BYTES = 20;

const subsystems: ReadonlyMap<number, string> = new Map([
  [1, "native"],
  [2, "windows"],
  [3, "console"],
  [9, "windows_ce"],
  [10, "efi_application"],
  [16, "boot_application"],
]);

/**
 * A Windows program. Facts: `subsystem`, `min_os`, `is_dll`, `dotnet` (`any_cpu`, `native` or null), `execution_level`, `ui_access`,
 * `supported_windows`, the version resource's `file_version`, `product_version`, `product_name`, `company_name`, `file_description`,
 * `original_filename`, `copyright`, and `signatures` with `certificates`.
 */
export const readPe: FormatReader = async (file) => {
  const { bytes } = file;
  const findings: Finding[] = [];
  const arch = await peArch(bytes);
  const headers = await readPart(findings, () => readPeHeaders(bytes));
  if (headers === undefined) return { facts: {}, identity: noIdentity, findings, arch };
  await readPart(findings, () => requireSections(bytes, headers));
  const dotnet = (await readPart(findings, () => readDotnet(bytes, headers))) ?? null;
  const version = await readPart(findings, () => readVersion(bytes, headers));
  const manifest = await readPart(findings, () => readManifest(bytes, headers));
  const icon = await readPart(findings, () => readProgramIcon(bytes, headers));
  const signatures = await peSignatures(file, headers);
  return {
    facts: { ...factsOf(headers, dotnet, version, manifest), ...signatures.facts },
    identity: { ...identityOf(version), signers: signatures.signers },
    findings: [...findings, ...signatures.findings],
    arch: dotnet === "any_cpu" ? anyCpu(arch) : arch,
    ...(icon && { icon }),
  };
};

/** Windows does not load a program that ends within one of its sections. */
function requireSections(bytes: RandomAccess, { sections }: PeHeaders): void {
  const end = Math.max(
    0,
    ...sections.map(({ offset, sizeBytes }) => (sizeBytes === 0 ? 0 : offset + sizeBytes)),
  );
  if (end <= bytes.sizeBytes) return;
  throw new UnreadableError(
    "truncated",
    `The program announces ${end} bytes and the file has ${bytes.sizeBytes}.`,
    "sections",
  );
}

/**
 * ECMA-335, II.25.3.3: the CLI header, whose flags are at 16. COMIMAGE_FLAGS_ILONLY without 32BITREQUIRED in a program for x86 is
 * one that runs on every processor.
 */
async function readDotnet(bytes: RandomAccess, headers: PeHeaders): Promise<"any_cpu" | "native" | null> {
  const entry = headers.directories[directory.clrHeader];
  if (entry === undefined || entry.rva === 0) return null;
  const header = await readExactly(bytes, offsetOf(headers, entry.rva, ".NET header"), CLR_HEADER_BYTES);
  if (!header) throw new UnreadableError("damaged", "The program's .NET header is cut off.", ".NET header");
  const flags = header.readUInt32LE(16);
  const isAnyCpu = (flags & 1) !== 0 && (flags & 2) === 0 && !headers.isPe32Plus;
  return isAnyCpu ? "any_cpu" : "native";
}

function anyCpu(arch: ArchReading): ArchReading {
  return arch.kind === "read" ? archRead(`${arch.native} (any CPU)`, "universal") : arch;
}

async function readVersion(bytes: RandomAccess, headers: PeHeaders): Promise<VersionResource | undefined> {
  const resource = await readResource(bytes, headers, resourceType.version, MAX_VERSION_BYTES);
  return resource && readVersionResource(resource);
}

async function readManifest(bytes: RandomAccess, headers: PeHeaders): Promise<ProgramManifest | undefined> {
  const resource = await readResource(bytes, headers, resourceType.manifest, MAX_MANIFEST_BYTES);
  return resource && readProgramManifest(resource);
}

function factsOf(
  headers: PeHeaders,
  dotnet: string | null,
  version: VersionResource | undefined,
  manifest: ProgramManifest | undefined,
): FormatReport["facts"] {
  const text = (key: string) => version?.strings.get(key) ?? null;
  return {
    subsystem: subsystems.get(headers.subsystem) ?? `0x${headers.subsystem.toString(16)}`,
    min_os: windowsVersion(headers.minVersion),
    is_dll: headers.isDll,
    dotnet,
    execution_level: manifest?.executionLevel ?? null,
    ui_access: manifest?.uiAccess ?? null,
    supported_windows: manifest?.supportedWindows ?? [],
    file_version: text("FileVersion") ?? version?.fileVersion ?? null,
    product_version: text("ProductVersion") ?? version?.productVersion ?? null,
    product_name: text("ProductName"),
    company_name: text("CompanyName"),
    file_description: text("FileDescription"),
    original_filename: text("OriginalFilename"),
    copyright: text("LegalCopyright"),
  };
}

function identityOf(version: VersionResource | undefined): Omit<FormatReport["identity"], "signers"> {
  const text = (key: string) => version?.strings.get(key);
  return {
    id: null,
    version: text("ProductVersion") ?? text("FileVersion") ?? version?.productVersion ?? null,
    build: null,
    label: text("ProductName") ?? text("FileDescription") ?? null,
  };
}
