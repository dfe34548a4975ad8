import { finding } from "./findings.ts";
import { formatTable, type FormatVariant } from "./formats.ts";
import { type DeclaredArtifact, type Finding, type Format, formats, type Platform } from "./inspection.ts";

/** What the name and the declaration say the file is. */
export interface DetectedFormat {
  /** Null when no format of the platform fits; then a finding says why. */
  readonly format: Format | null;
  /** The ways the file may be written: the one its extension names, or all of the format when the extension does not fit. */
  readonly candidates: readonly FormatVariant[];
  readonly findings: readonly Finding[];
}

interface NamedFormat {
  readonly format: Format;
  readonly variant: FormatVariant;
}

/**
 * Decides the format from the filename's extension, the platform and, when given, the declared format. Looks at no bytes.
 * Extensions are compared without regard to case.
 */
export function detectFormat(
  declared: Pick<DeclaredArtifact, "platform" | "format" | "filename">,
): DetectedFormat {
  const { platform, format } = declared;
  if (format !== undefined && !formatTable[format].platforms.includes(platform)) {
    return { format: null, candidates: [], findings: [platformMismatch(platform, format)] };
  }
  const named = formatsNamed(declared.filename);
  const fitting = named.find((one) =>
    format === undefined ? formatTable[one.format].platforms.includes(platform) : one.format === format,
  );
  if (fitting) return { format: fitting.format, candidates: [fitting.variant], findings: [] };
  return {
    format: format ?? null,
    candidates: format === undefined ? [] : formatTable[format].variants,
    findings: [extensionFinding(declared, named)],
  };
}

/** The formats whose extension ends the filename; a name that is nothing but an extension has none. */
function formatsNamed(filename: string): NamedFormat[] {
  const name = filename.toLowerCase();
  return formats.flatMap((format) =>
    formatTable[format].variants
      .filter(({ extensions }) =>
        extensions.some((extension) => name.length > extension.length && name.endsWith(extension)),
      )
      .map((variant) => ({ format, variant })),
  );
}

function platformMismatch(platform: Platform, format: Format): Finding {
  const allowed = formatsOf(platform);
  return finding(
    "validation.platform_format_mismatch",
    `Format ${format} is not for platform ${platform}, which takes ${allowed.join(", ")}.`,
    { platform, format, allowed_formats: allowed },
  );
}

function extensionFinding(
  { platform, format, filename }: Pick<DeclaredArtifact, "platform" | "format" | "filename">,
  named: readonly NamedFormat[],
): Finding {
  const allowed = (format === undefined ? formatsOf(platform) : [format]).flatMap((one) =>
    formatTable[one].variants.flatMap(({ extensions }) => extensions),
  );
  const wanted = format === undefined ? `platform ${platform}` : `format ${format}`;
  const details = { filename, platform, format: format ?? null, allowed_extensions: allowed };
  const takes = `${wanted} takes ${allowed.join(", ")}.`;
  return named.length === 0 && format === undefined
    ? finding(
        "validation.extension_unknown",
        `The extension of ${filename} names no format; ${takes}`,
        details,
      )
    : finding(
        "validation.extension_mismatch",
        `The extension of ${filename} does not fit; ${takes}`,
        details,
      );
}

function formatsOf(platform: Platform): Format[] {
  return formats.filter((format) => formatTable[format].platforms.includes(platform));
}
