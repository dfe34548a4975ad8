import { archRead, type ArchReading } from "../arch-reading.ts";
import { finding } from "../findings.ts";
import { type FileToInspect, type FormatReader, type FormatReport, noIdentity } from "../format-reader.ts";
import type { Arch, Finding, Icon } from "../inspection.ts";
import { windowsVersion } from "../pe/windows-versions.ts";
import { pictureType } from "../picture-type.ts";
import { readPart, readSigned } from "../unreadable.ts";
import { openZip } from "../zip/open-zip.ts";
import type { ZipDirectory, ZipEntry } from "../zip/zip-directory.ts";
import { entryChunks, readEntry } from "../zip/zip-entry.ts";
import { BLOCK_MAP, checkBlockMap, decodeName, readBlockMap } from "./block-map.ts";
import { archByName, type PackageManifest, readPackageManifest } from "./package-manifest.ts";
import { packageSignature } from "./package-signature.ts";

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const MAX_ICON_BYTES = 1024 * 1024;
const MANIFEST = "AppxManifest.xml";
const BUNDLE_MANIFEST = "AppxMetadata/AppxBundleManifest.xml";

/**
 * A Windows app package or a bundle of them. Facts: `name`, `publisher`, `version`, `architecture`, `resource_id`, `display_name`,
 * `publisher_name`, `device_families`, `min_os`, `permissions` (capabilities), `applications`, `packages` (of a bundle), `block_map` (its
 * algorithm), `signatures` and `certificates`. With `verify` every file is held against the block map.
 */
export const readMsix: FormatReader = async (file) => {
  const findings: Finding[] = [];
  const directory = await openZip(file.bytes, file.verify, findings);
  if (directory === undefined) return { facts: {}, identity: noIdentity, findings };
  // What a bomb holds is not unpacked.
  const isSound = !findings.some(({ severity }) => severity === "error");
  const manifest = await readManifest(file, directory, findings);
  const looked = { ...file, verify: file.verify && isSound };
  const algorithm = await readMap(looked, directory, findings);
  const signature = await packageSignature(looked, directory, manifest?.publisher ?? null);
  const icon = manifest && (await readPart(findings, () => logoOf(file, directory, manifest)));
  return {
    facts: { ...factsOf(manifest), block_map: algorithm, ...signature.facts },
    identity: {
      id: manifest?.name ?? null,
      version: manifest?.version ?? null,
      build: null,
      label: manifest?.displayName?.startsWith("ms-resource:") ? null : (manifest?.displayName ?? null),
      signers: signature.signers,
    },
    findings: [...findings, ...signature.findings],
    ...processors(manifest),
    ...(icon && { icon }),
  };
};

async function readManifest(
  { bytes }: FileToInspect,
  { entries }: ZipDirectory,
  findings: Finding[],
): Promise<PackageManifest | undefined> {
  const entry = find(entries, MANIFEST) ?? find(entries, BUNDLE_MANIFEST);
  if (!entry) {
    const message = `The app package has no ${MANIFEST}.`;
    findings.push(finding("validation.manifest_missing", message));
    return undefined;
  }
  return await readPart(findings, async () =>
    readPackageManifest(await readEntry(bytes, entry, MAX_MANIFEST_BYTES), entry.name),
  );
}

/** Answers the block map's algorithm. */
async function readMap(
  { bytes, verify }: FileToInspect,
  { entries }: ZipDirectory,
  findings: Finding[],
): Promise<string | null> {
  const entry = find(entries, BLOCK_MAP);
  if (!entry) {
    const message = `The app package has no ${BLOCK_MAP}: Windows does not install it.`;
    findings.push(finding("validation.manifest_missing", message));
    return null;
  }
  const map = await readSigned(findings, badMap, () => readBlockMap(entryChunks(bytes, entry)));
  if (!map) return null;
  if (verify) {
    const checked = await readSigned(findings, badMap, () => checkBlockMap(bytes, entries, map));
    findings.push(...(checked ?? []));
  }
  return map.algorithm;
}

/** Nothing can be held against a map that cannot be read, and Windows installs nothing without. */
const badMap = (message: string) => finding("validation.block_map_mismatch", message, undefined, BLOCK_MAP);

const find = (entries: readonly ZipEntry[], name: string) => entries.find((entry) => entry.name === name);

function factsOf(manifest: PackageManifest | undefined): FormatReport["facts"] {
  if (!manifest) return {};
  const desktop =
    manifest.families.find(({ name }) => /^Windows\.(?:Desktop|Universal)$/.test(name)) ??
    manifest.families[0];
  return {
    name: manifest.name,
    publisher: manifest.publisher,
    version: manifest.version,
    architecture: manifest.architecture,
    resource_id: manifest.resourceId,
    display_name: manifest.displayName,
    publisher_name: manifest.publisherName,
    device_families: manifest.families,
    min_os: minOs(desktop?.min_version ?? null),
    permissions: manifest.capabilities,
    applications: manifest.applications,
    packages: manifest.packages,
  };
}

/** `Windows 10 (10.0.17763)`. */
function minOs(version: string | null): string | null {
  const [, major, minor, build] = /^(\d{1,5})\.(\d{1,5})\.(\d{1,5})\.\d{1,5}$/.exec(version ?? "") ?? [];
  if (major === undefined) return null;
  const words = windowsVersion([Number(major), Number(minor)]);
  return Number(build) === 0 ? words : words.replace(/\)$/, `.${build})`);
}

/** A bundle is for all the processors of the packages in it. */
function processors(manifest: PackageManifest | undefined): { arch?: ArchReading; runsOn?: readonly Arch[] } {
  if (!manifest) return {};
  if (manifest.packages.length === 0) {
    const name = manifest.architecture ?? "neutral";
    return { arch: archRead(name, archByName.get(name.toLowerCase())) };
  }
  const arches = manifest.packages
    .filter(({ type }) => type === "application")
    .map(({ architecture }) => archByName.get((architecture ?? "neutral").toLowerCase()));
  const isForAny = arches.includes("universal");
  return { runsOn: isForAny ? [] : [...new Set(arches.flatMap((arch) => arch ?? []))] };
}

/** The logo as it is named, or with the scale that packages put between its name and its extension. */
async function logoOf(
  { bytes }: FileToInspect,
  { entries }: ZipDirectory,
  { logo }: PackageManifest,
): Promise<Icon | undefined> {
  if (logo === null) return undefined;
  const dot = logo.lastIndexOf(".");
  const [base, extension] = [logo.slice(0, dot), logo.slice(dot)];
  const matches = entries.filter(({ name }) => {
    const decoded = decodeName(name);
    return decoded === logo || (decoded.startsWith(`${base}.scale-`) && decoded.endsWith(extension));
  });
  const [entry] = matches.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  if (!entry) return undefined;
  const picture = await readEntry(bytes, entry, MAX_ICON_BYTES);
  const contentType = pictureType(picture);
  return contentType && { contentType, bytes: picture };
}
