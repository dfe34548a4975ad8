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
  /** The path inside the file, or the part of it, that the finding is about; absent when it is the whole file. */
  readonly where?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What a pin of the platform names: see `Signer.id`. */
export type SignerKind = "android_certificate" | "apple_team" | "authenticode" | "package_key";

/** Somebody who signed the file. JSON as it is stored and printed. */
export interface Signer {
  readonly kind: SignerKind;
  /**
   * What pins name. `android_certificate`: the SHA-256 of the certificate, in hex. `apple_team`: the team's ten characters, or, since
   * anybody could write a team into a certificate that Apple did not issue, such a one's SHA-256. `authenticode`: subject and issuer of
   * the certificate, `CN=… | CN=…`. `package_key`: the key's fingerprint, or its id where that is all there is, in lower-case hex.
   */
  readonly id: string;
  /** For people: the certificate's subject, the team's name, the key's owner. */
  readonly name: string;
  /** Ids of the signers that it proves to have taken over from, oldest first. */
  readonly lineage: readonly string[];
  /** True when the signature was verified over all it covers. */
  readonly verified: boolean;
  /** When the certificate or profile ends, RFC 3339; null when it does not or is not known. */
  readonly expires_at: string | null;
}

/** What the file is to the device that installs it. JSON as it is stored and printed. */
export interface Identity {
  /** The bundle identifier or package name. */
  readonly id: string | null;
  readonly version: string | null;
  readonly build: string | null;
  /** The name people see. */
  readonly label: string | null;
  /** Empty when nobody has signed. */
  readonly signers: readonly Signer[];
}

/** A picture found in the file. */
export interface Icon {
  readonly contentType: "image/png" | "image/webp" | "image/jpeg";
  readonly bytes: Uint8Array;
}

export interface Inspection {
  readonly format: Format | null;
  readonly arch: Arch;
  readonly contentType: string;
  /** What was found inside, by name. JSON values only. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly identity: Identity;
  readonly icon: Icon | null;
  readonly findings: readonly Finding[];
  /** `failed` when any finding is an error. */
  readonly status: "passed" | "failed";
}

export interface InspectOptions {
  /** The time by which certificates and profiles are judged, in milliseconds since the epoch. */
  readonly nowMs: number;
  /** False leaves out what needs the whole file: signatures over all bytes, digests of every entry. */
  readonly verify: boolean;
}

/**
 * Looks at the bytes of an artifact. Never throws for a bad file: what is wrong with it is a finding. Raises only what the
 * reader of the bytes raises.
 */
export type Inspect = (
  bytes: RandomAccess,
  declared: DeclaredArtifact,
  options: InspectOptions,
) => Promise<Inspection>;
