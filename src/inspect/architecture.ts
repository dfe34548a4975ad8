import type { ArchReading } from "./arch-reading.ts";
import { finding } from "./findings.ts";
import type { FormatReport } from "./format-reader.ts";
import { type Arch, arches, type Finding, type Format } from "./inspection.ts";

const aliases: ReadonlyMap<string, Arch> = new Map([
  ...arches.map((arch) => [arch, arch] as const),
  ["amd64", "x86_64"],
  ["aarch64", "arm64"],
]);

/** The architecture of this name, or of the alias `amd64` or `aarch64`; undefined for any other text. */
export function parseArch(text: string): Arch | undefined {
  return aliases.get(text);
}

/** The architecture an artifact gets, with what is to be said about it. */
export interface SettledArch {
  readonly arch: Arch;
  /** The file's own word: `detected_arch` (null when artifacts cannot name it) and `native_arch`; empty when it has none. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly findings: readonly Finding[];
}

/** The architecture of a file that nothing is known of. */
export function undeclaredArch(declared: Arch | undefined): SettledArch {
  return { arch: declared ?? "universal", facts: {}, findings: [] };
}

/**
 * Settles the architecture of a file that has its format's leading bytes: the declared one, checked against the file;
 * else the file's own; else `universal`.
 */
export function settleArch(
  format: Format,
  declared: Arch | undefined,
  { arch: reading, runsOn = [] }: Pick<FormatReport, "arch" | "runsOn">,
): SettledArch {
  if (!reading) return { ...undeclaredArch(declared), findings: runsElsewhere(declared, runsOn) };
  if (reading.kind !== "read") return { ...undeclaredArch(declared), findings: [notRead(reading, declared)] };
  const difference = compare(reading, format, declared);
  return {
    arch: declared ?? reading.arch ?? "universal",
    facts: { detected_arch: reading.arch, native_arch: reading.native },
    findings: difference ? [difference] : [],
  };
}

function runsElsewhere(declared: Arch | undefined, runsOn: readonly Arch[]): Finding[] {
  if (declared === undefined || declared === "universal") return [];
  if (runsOn.length === 0 || runsOn.includes("universal") || runsOn.includes(declared)) return [];
  const message = `The file is for ${runsOn.join(", ")}, but ${declared} was declared.`;
  return [finding("validation.arch_mismatch", message, { declared_arch: declared, detected_arches: runsOn })];
}

function compare(
  { arch, native }: ArchReading & { kind: "read" },
  format: Format,
  declared: Arch | undefined,
): Finding | undefined {
  const details = { declared_arch: declared ?? null, detected_arch: arch, native_arch: native };
  if (declared === undefined) {
    if (arch !== null) return undefined;
    const message = `The file is for ${native}, which is none of ${arches.join(", ")}.`;
    return finding("validation.arch_unsupported", message, details);
  }
  // What runs everywhere may be offered for one architecture only.
  if (declared === arch || arch === "universal") return undefined;
  // Installers are mostly 32-bit x86 programs whatever they install, and Windows on x86-64 and ARM runs them.
  if (format === "exe" && arch === "x86") {
    const message = `The file is a 32-bit x86 program declared as ${declared}; if it is an installer, what it installs decides.`;
    return finding("validation.arch_stub", message, details);
  }
  const message = `The file is for ${arch ?? native}, but ${declared} was declared.`;
  return finding("validation.arch_mismatch", message, details);
}

function notRead(
  reading: ArchReading & { kind: "unavailable" | "damaged" },
  declared: Arch | undefined,
): Finding {
  const code = reading.kind === "damaged" ? "validation.arch_unreadable" : "validation.arch_unknown";
  const consequence =
    declared === undefined
      ? "Without a declared architecture it counts as universal."
      : `The declared ${declared} could not be checked.`;
  return finding(code, `${reading.reason} ${consequence}`, { declared_arch: declared ?? null });
}
