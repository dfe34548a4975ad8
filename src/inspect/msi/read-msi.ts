import { archDamaged, archRead, type ArchReading, archUnavailable } from "../arch-reading.ts";
import { type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Arch, Finding } from "../inspection.ts";
import { readPart, readWhole } from "../unreadable.ts";
import { CompoundDirectory } from "./compound-directory.ts";
import { CompoundFile } from "./compound-file.ts";
import { installerSignatures } from "./installer-signatures.ts";
import { readProperties } from "./property-table.ts";
import { readSummaryInformation, type SummaryInformation } from "./summary-information.ts";

const MAX_SUMMARY_BYTES = 256 * 1024;
const SUMMARY = "\u0005SummaryInformation";

/** Windows Installer, Template Summary property: the platform stands before the semicolon; none is Intel. */
const archByPlatform: ReadonlyMap<string, Arch> = new Map([
  ["", "x86"],
  ["intel", "x86"],
  ["x64", "x86_64"],
  ["amd64", "x86_64"],
  ["arm", "armv7"],
  ["arm64", "arm64"],
]);

/**
 * A Windows Installer database. Facts: `product_name`, `product_version`, `product_code`, `upgrade_code`, `manufacturer`, `language`,
 * `per_machine`, the summary's `subject`, `author`, `comments`, `template`, `created_with`, `min_installer`, and `signatures` with
 * `certificates`. The upgrade code, which all versions of a product share, is its id.
 */
export const readMsi: FormatReader = async (file) => {
  const findings: Finding[] = [];
  const opened = await readPart(findings, async () => {
    const compound = await CompoundFile.open(file.bytes);
    return { compound, directory: await readWhole(true, () => CompoundDirectory.open(compound)) };
  });
  if (opened === undefined) return { facts: {}, identity: noIdentity, findings };
  const { compound, directory } = opened;
  const summary = await readPart(findings, () => readSummary(directory));
  const properties = await readPart(findings, () => readProperties(directory));
  const signatures = await installerSignatures(file, compound, directory);
  return {
    facts: { ...factsOf(properties, summary), ...signatures.facts },
    identity: { ...identityOf(properties), signers: signatures.signers },
    findings: [...findings, ...signatures.findings],
    arch: archOf(summary),
  };
};

async function readSummary(directory: CompoundDirectory): Promise<SummaryInformation | undefined> {
  const stream = directory.find(SUMMARY);
  return stream && readSummaryInformation(await directory.read(stream, MAX_SUMMARY_BYTES));
}

function archOf(summary: SummaryInformation | undefined): ArchReading {
  if (summary === undefined)
    return archDamaged("The installer's summary, which names its architecture, is missing.");
  if (summary.template === null) return archUnavailable("The installer names no architecture.");
  const platform = summary.template.split(";", 1)[0]!.split(",", 1)[0]!.trim();
  return archRead(platform === "" ? "Intel" : platform, archByPlatform.get(platform.toLowerCase()));
}

type Properties = ReadonlyMap<string, string> | undefined;

function factsOf(properties: Properties, summary: SummaryInformation | undefined): FormatReport["facts"] {
  const property = (name: string) => properties?.get(name) ?? null;
  const installer = summary?.pageCount ?? null;
  return {
    product_name: property("ProductName"),
    product_version: property("ProductVersion"),
    product_code: property("ProductCode"),
    upgrade_code: property("UpgradeCode"),
    manufacturer: property("Manufacturer"),
    language: property("ProductLanguage"),
    per_machine: property("ALLUSERS") === "1",
    subject: summary?.subject ?? null,
    author: summary?.author ?? null,
    comments: summary?.comments ?? null,
    template: summary?.template ?? null,
    created_with: summary?.application ?? null,
    min_installer: installer === null ? null : (installer / 100).toFixed(1),
  };
}

function identityOf(properties: Properties): Omit<FormatReport["identity"], "signers"> {
  return {
    id: properties?.get("UpgradeCode") ?? null,
    version: properties?.get("ProductVersion") ?? null,
    build: null,
    label: properties?.get("ProductName") ?? null,
  };
}
