import type { IosMode } from "../../registry/records/apps.ts";
import type { ArtifactRecord } from "../../registry/records/releases.ts";

export type Platform = ArtifactRecord["platform"];

/** How platforms are called on pages, in the order in which pages show them. */
export const platformNames: Readonly<Record<Platform, string>> = {
  ios: "iPhone and iPad",
  android_apk: "Android",
  android_aab: "Android App Bundle",
  macos: "macOS",
  linux: "Linux",
  windows: "Windows",
};

/** How an app's iOS modes are called on pages. */
export const iosModeNames: Readonly<Record<IosMode, string>> = {
  artifact_only: "File only",
  testflight: "TestFlight",
  enterprise: "Enterprise",
};

/** A format as a word: `app zip`. */
export function formatName(format: ArtifactRecord["format"]): string {
  return format.replaceAll("_", " ");
}

const UNITS = ["kB", "MB", "GB", "TB"] as const;

/** A size in powers of 1,000, one decimal: `512 B`, `69.4 MB`. */
export function decimalSize(sizeBytes: number): string {
  if (sizeBytes < 1000) return `${sizeBytes} B`;
  let value = sizeBytes / 1000;
  let unit = 0;
  // 999.95 would be shown as 1000.0.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
}

const dayFormat = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});

/** The day of an RFC 3339 time, in UTC: `28 Oct 2026`. */
export function dayOf(timestamp: string): string {
  return dayFormat.format(new Date(timestamp));
}

/** A version with its build, where there is one: `4.2.1 (1042)`. */
export function versionText(release: { readonly version: string; readonly build: string }): string {
  return release.build === "" ? release.version : `${release.version} (${release.build})`;
}

/**
 * A name as a page shows it. Characters that reorder text are made visible: with U+202E, `acme` + `gpj.exe` would read as
 * a picture (Unicode Technical Report 36, section 2.6, bidirectional text spoofing).
 */
export function shownName(name: string): string {
  return name.replaceAll(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, "\uFFFD");
}
