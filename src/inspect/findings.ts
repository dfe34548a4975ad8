import type { Finding, Severity } from "./inspection.ts";

/** What the reference says about one finding code. */
export interface FindingDefinition {
  readonly severity: Severity;
  /** The sentence the generated reference prints. */
  readonly about: string;
}

/** Every code that inspection can report. `error` blocks publication, `warning` and `info` do not. */
export const findingCodes = {
  "validation.empty_file": { severity: "error", about: "The file has no bytes." },
  "validation.extension_unknown": {
    severity: "error",
    about: "The filename's extension belongs to no format that artifacts can have.",
  },
  "validation.extension_mismatch": {
    severity: "error",
    about: "The filename's extension does not fit the platform or the declared format.",
  },
  "validation.platform_format_mismatch": {
    severity: "error",
    about: "The declared format is not one of the platform's.",
  },
  "validation.content_type_not_allowed": {
    severity: "error",
    about:
      "The declared content type is neither application/octet-stream nor one that the format has. A type that a browser would show or run is never stored.",
  },
  "validation.content_mismatch": {
    severity: "error",
    about: "The bytes are not what the format's files begin (or, for a disk image, end) with.",
  },
  "validation.arch_mismatch": {
    severity: "error",
    about: "The declared architecture contradicts the one in the file.",
  },
  "validation.signer_unread": {
    severity: "warning",
    about: "The app pins who may sign for this platform, and nothing read who signed this file.",
  },
  "validation.arch_unsupported": {
    severity: "error",
    about:
      "The file is for a processor that artifacts cannot name. Kept as universal it would be handed to every device.",
  },
  "validation.arch_unreadable": {
    severity: "warning",
    about: "The part of the file that names its architecture is damaged or missing.",
  },
  "validation.arch_unknown": {
    severity: "info",
    about: "The file may name its architecture, but in a form or size that is not read here.",
  },
  "validation.arch_stub": {
    severity: "info",
    about:
      "A 32-bit x86 Windows program is declared for another architecture: usual for installers, whose payload decides.",
  },
} as const satisfies Readonly<Record<string, FindingDefinition>>;

export type FindingCode = keyof typeof findingCodes;

/** Builds one finding with the severity its code has. `details` holds JSON values only. */
export function finding(
  code: FindingCode,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): Finding {
  return { code, severity: findingCodes[code].severity, message, ...(details && { details }) };
}
