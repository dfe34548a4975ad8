import { newestGlibc } from "../elf/glibc.ts";
import type { RpmHeader } from "./rpm-header.ts";
import { mainTags, scriptTags } from "./rpm-tags.ts";

/** Dependencies that are kept, of each kind. */
const MAX_DEPENDENCIES = 100;

/** What the main header says of the package. */
export async function rpmFacts(header: RpmHeader): Promise<Record<string, unknown>> {
  const text = async (tag: number) => (await header.text(tag)) ?? null;
  const buildTime = await header.number(mainTags.buildTime);
  const scripts = scriptTags.filter(([, script, program]) => header.has(script) || header.has(program));
  const requires = await header.texts(mainTags.requireName);
  return {
    name: await text(mainTags.name),
    epoch: (await header.number(mainTags.epoch)) ?? null,
    version: await text(mainTags.version),
    release: await text(mainTags.release),
    summary: await text(mainTags.summary),
    license: await text(mainTags.license),
    vendor: await text(mainTags.vendor),
    packager: await text(mainTags.packager),
    group: await text(mainTags.group),
    url: await text(mainTags.url),
    os: await text(mainTags.os),
    source_rpm: await text(mainTags.sourceRpm),
    is_source: header.has(mainTags.sourcePackage) || !header.has(mainTags.sourceRpm),
    built_at: buildTime === undefined ? null : new Date(buildTime * 1000).toISOString(),
    installed_bytes:
      (await header.number(mainTags.longInstalledBytes)) ??
      (await header.number(mainTags.installedBytes)) ??
      null,
    payload_compression: await text(mainTags.payloadCompressor),
    min_os: newestGlibc(requires.map((name) => /\((GLIBC_[\d.]{1,15})\)/.exec(name)?.[1] ?? "")),
    requires: await dependencies(header, "require"),
    provides: await dependencies(header, "provide"),
    scripts: scripts.map(([name]) => name),
  };
}

/** RPMSENSE_LESS, _GREATER and _EQUAL. */
const LESS = 2;
const GREATER = 4;
const EQUAL = 8;
/** RPMSENSE_RPMLIB: what rpm has to be able to do. */
const RPMLIB = 1 << 24;

/** `name`, or `name >= version`. */
async function dependencies(header: RpmHeader, kind: "require" | "provide"): Promise<string[]> {
  const names = await header.texts(mainTags[`${kind}Name`]);
  const flags = await header.numbers(mainTags[`${kind}Flags`]);
  const versions = await header.texts(mainTags[`${kind}Version`]);
  const all = names.flatMap((name, index) => {
    const sense = flags[index] ?? 0;
    if ((sense & RPMLIB) !== 0) return [];
    const sign = `${sense & LESS ? "<" : ""}${sense & GREATER ? ">" : ""}${sense & EQUAL ? "=" : ""}`;
    const version = versions[index] ?? "";
    return [sign === "" || version === "" ? name : `${name} ${sign} ${version}`];
  });
  return [...new Set(all)].slice(0, MAX_DEPENDENCIES);
}
