import { settleArch } from "./architecture.ts";
import { readUpTo } from "./bytes.ts";
import { detectFormat } from "./detect-format.ts";
import { finding } from "./findings.ts";
import { anyContentType, type FormatVariant } from "./formats.ts";
import type { DeclaredArtifact, Finding, Format, Inspect, Inspection } from "./inspection.ts";
import { headBytes, type Probe } from "./magic.ts";
import { looksLike } from "./sniff.ts";

/** How many leading bytes a mismatch shows. */
const shownBytes = 16;

/** How much of a refused content type a finding repeats. */
const shownTypeLength = 200;

/**
 * Checks what every artifact is held to: extension, platform, content type, leading bytes, architecture. All that is wrong is
 * reported at once. Facts: `compression` (tar), `detected_arch` and `native_arch` (exe, deb, rpm, AppImage).
 *
 * Raises only what the reader of the bytes raises; a bad file is a finding.
 */
export const inspectArtifact: Inspect = async (bytes, declared) => {
  const probe: Probe = { head: await readUpTo(bytes, 0, headBytes), bytes };
  const { format, candidates, findings: nameFindings } = detectFormat(declared);
  const variant = await firstMatch(candidates, probe);
  const type = settleContentType(declared.contentType, format, variant ? [variant] : candidates);
  const arch =
    format && variant
      ? await settleArch(bytes, format, declared.arch)
      : { arch: declared.arch ?? "universal", facts: {}, findings: [] };
  const findings = [
    ...nameFindings,
    ...type.findings,
    ...contentFindings(probe, candidates, variant),
    ...arch.findings,
  ];
  return {
    format,
    arch: arch.arch,
    contentType: type.contentType,
    facts: { ...(variant?.compression && { compression: variant.compression }), ...arch.facts },
    findings,
    status: findings.some(({ severity }) => severity === "error") ? "failed" : "passed",
  } satisfies Inspection;
};

async function firstMatch(
  candidates: readonly FormatVariant[],
  probe: Probe,
): Promise<FormatVariant | undefined> {
  for (const candidate of candidates) {
    if (await candidate.matches(probe)) return candidate;
  }
  return undefined;
}

function contentFindings(
  { head, bytes }: Probe,
  candidates: readonly FormatVariant[],
  variant: FormatVariant | undefined,
): Finding[] {
  if (bytes.sizeBytes === 0) return [finding("validation.empty_file", "The file is empty.")];
  if (variant !== undefined || candidates.length === 0) return [];
  const expected = candidates.map((candidate) => candidate.expected).join(" or ");
  const actual = looksLike(head);
  return [
    finding("validation.content_mismatch", `Expected ${expected}, but the file looks like ${actual}.`, {
      expected,
      looks_like: actual,
      leading_bytes: head.toString("hex", 0, shownBytes),
    }),
  ];
}

/**
 * The type to store: the declared one where the format allows it, in lower case and without parameters; else the format's own. Any other
 * text is never stored, so that a publisher cannot choose what a download answers (a page, a script, a second header).
 */
function settleContentType(
  declared: DeclaredArtifact["contentType"],
  format: Format | null,
  variants: readonly FormatVariant[],
): { contentType: string; findings: Finding[] } {
  const contentType = variants[0]?.contentType ?? anyContentType;
  // Without a format there is nothing to hold the type against, and another finding has said so.
  if (declared === undefined || format === null) return { contentType, findings: [] };
  const wanted = declared.split(";", 1).join("").trim().toLowerCase();
  const own = variants.flatMap((variant) => [variant.contentType, ...variant.alsoAccepted]);
  const allowed = [...new Set([...own, anyContentType])];
  if (allowed.includes(wanted)) return { contentType: wanted, findings: [] };
  const message = `The declared content type is not one of format ${format}, which takes ${allowed.join(", ")}.`;
  const details = { content_type: declared.slice(0, shownTypeLength), format, allowed };
  return { contentType, findings: [finding("validation.content_type_not_allowed", message, details)] };
}
