import type { ArtifactRecord } from "../../registry/records/releases.ts";
import { type Inspected, inspectedOf } from "../../registry/releases/inspected.ts";
import type { Device } from "./detect-platform.ts";
import { permissionWords } from "./permission-words.ts";
import { shownName } from "./wording.ts";

/** What a visitor is told of what inspection found in a file. */
export interface ArtifactFacts {
  /** "Android 8.0 (API 26)"; null when the file does not say. */
  readonly needs: string | null;
  /** Who signed it, in a sentence; null for formats that nobody signs. */
  readonly signed: string | null;
  /** What it may ask for that people care about, in words; the others are counted. */
  readonly permissions: { readonly words: readonly string[]; readonly more: number };
  /** What will go wrong, sentences. */
  readonly warnings: readonly string[];
}

/** Findings that speak to the publisher: they say nothing about how the file behaves on a device. */
const forPublishers: ReadonlySet<string> = new Set([
  "validation.version_differs",
  "validation.build_differs",
  "validation.signer_unread",
  "validation.signer_unproven",
  "validation.arch_unreadable",
  "validation.limit",
  "validation.damaged",
]);

/** Where a missing signature is worth a word: elsewhere it is the rule. */
const signedFormats: ReadonlySet<ArtifactRecord["format"]> = new Set([
  "apk",
  "ipa",
  "dmg",
  "pkg",
  "exe",
  "msi",
  "msix",
]);

/** Reads what inspection recorded; an artifact from before it looked inside has no facts. */
export function artifactFacts(artifact: ArtifactRecord, device: Device): ArtifactFacts {
  const inspection = inspectedOf(artifact);
  const needs = typeof inspection.min_os === "string" ? inspection.min_os : null;
  const names = Array.isArray(inspection.permissions) ? inspection.permissions : [];
  const tooOld = artifact.platform === device.platform ? tooOldFor(needs, device.version) : null;
  const warnings = artifact.findings
    .filter(({ severity, code }) => severity === "warning" && !forPublishers.has(code))
    .map(({ message }) => shownName(message));
  return {
    needs,
    signed: signedWords(artifact, inspection.identity),
    permissions: permissionWords(names.filter((name) => typeof name === "string")),
    warnings: [...(tooOld === null ? [] : [tooOld]), ...warnings],
  };
}

function signedWords({ format }: ArtifactRecord, identity: Inspected["identity"]): string | null {
  if (identity === undefined) return null;
  const { signers } = identity;
  if (signers.length === 0) return signedFormats.has(format) ? "Not signed by anybody." : null;
  const names = signers.map(({ name }) => shownName(name)).join(" and ");
  return signers.every(({ verified }) => verified)
    ? `Signed by ${names}.`
    : `Says it is signed by ${names}, which nothing here can prove.`;
}

/** A sentence when the device says it has an older system than the file needs. */
function tooOldFor(needs: string | null, version: string | null): string | null {
  const needed = /\d+(?:\.\d+)*/.exec(needs ?? "")?.[0];
  if (needs === null || needed === undefined || version === null || !isOlder(version, needed)) return null;
  return `Does not install on this device: it needs ${needs}, and this device says it has ${version}.`;
}

function isOlder(version: string, needed: string): boolean {
  const [left, right] = [version, needed].map((text) => text.split(".").map(Number)) as [number[], number[]];
  const index = right.findIndex((part, at) => (left[at] ?? 0) !== part);
  return index !== -1 && (left[index] ?? 0) < right[index]!;
}
