import type { RandomAccess } from "../base/random-access.ts";

/** The platforms an artifact can be made for, in the order lists show them. */
export const platforms = ["ios", "android_apk", "android_aab", "macos", "linux", "windows"] as const;
export type Platform = (typeof platforms)[number];

/** The file formats, in the order in which a download without a format prefers them. */
export const formats = [
  "apk",
  "aab",
  "ipa",
  "dmg",
  "pkg",
  "app_zip",
  "tar",
  "deb",
  "rpm",
  "appimage",
  "zip",
  "exe",
  "msi",
  "msix",
] as const;
export type Format = (typeof formats)[number];

/** The processor architectures; `universal` when it does not matter. */
export const arches = ["universal", "x86", "x86_64", "arm64", "armv7", "riscv64"] as const;
export type Arch = (typeof arches)[number];

/** What the publisher says about the file. The file itself decides whether it is true. */
export interface DeclaredArtifact {
  readonly platform: Platform;
  readonly arch?: Arch | undefined;
  readonly format?: Format | undefined;
  readonly filename: string;
  readonly contentType?: string | undefined;
}

export type Severity = "error" | "warning" | "info";

/** One thing inspection has to say. `error` blocks publication. */
export interface Finding {
  /** Stable dotted code, `validation.…`. */
  readonly code: string;
  readonly severity: Severity;
  /** A sentence for people. */
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Inspection {
  readonly format: Format | null;
  readonly arch: Arch;
  readonly contentType: string;
  /** What was found inside, by name. JSON values only. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
  /** `failed` when any finding is an error. */
  readonly status: "passed" | "failed";
}

/**
 * Looks at the bytes of an artifact. Never throws for a bad file: what is wrong with it is a finding.
 */
export type Inspect = (bytes: RandomAccess, declared: DeclaredArtifact) => Promise<Inspection>;
