import { settleArch, undeclaredArch } from "./architecture.ts";
import { boundInspection } from "./bound-inspection.ts";
import { readUpTo } from "./bytes.ts";
import { CachedAccess } from "./cached-access.ts";
import { detectFormat } from "./detect-format.ts";
import { finding } from "./findings.ts";
import { anyContentType, type FormatVariant } from "./formats.ts";
import { type FileToInspect, type FormatReport, noIdentity } from "./format-reader.ts";
import type { DeclaredArtifact, Finding, Format, Inspect } from "./inspection.ts";
import { headBytes, type Probe } from "./magic.ts";
import { readers } from "./readers.ts";
import { looksLike } from "./sniff.ts";
import { unreadableFinding } from "./unreadable.ts";

/** How many leading bytes a mismatch shows. */
const shownBytes = 16;

/** How much of a refused content type a finding repeats. */
const shownTypeLength = 200;

const MAX_PLACEHOLDER_BYTES = 512;

/** What a placeholder has in common with a file that was cut off or damaged. */
const missingRest: ReadonlySet<string> = new Set([
  "validation.truncated",
  "validation.unreadable",
  "validation.corrupt_data",
]);

/**
 * Looks at a file: extension, platform, content type and leading bytes first, then, when they fit, what its format's reader finds
 * inside. All that is wrong is reported at once. Facts always include `compression` (tar), `detected_arch` and `native_arch` (exe, deb,
 * rpm, AppImage); the others are the reader's.
 *
 * Raises only what the reader of the bytes raises; a bad file is a finding.
 */
export const inspectArtifact: Inspect = async (bytes, declared, options) => {
  const probe: Probe = { head: await readUpTo(bytes, 0, headBytes), bytes };
  const { format, candidates, findings: nameFindings } = detectFormat(declared);
  const variant = await firstMatch(candidates, probe);
  const type = settleContentType(declared.contentType, format, variant ? [variant] : candidates);
  const inside =
    format && variant
      ? await readInside(format, { bytes: new CachedAccess(bytes), declared, ...options })
      : nothingInside;
  const arch = format && variant ? settleArch(format, declared.arch, inside) : undeclaredArch(declared.arch);
  const findings = [
    ...nameFindings,
    ...type.findings,
    ...contentFindings(probe, candidates, variant),
    ...arch.findings,
    ...inside.findings,
  ];
  return boundInspection({
    format,
    arch: arch.arch,
    contentType: type.contentType,
    facts: {
      ...(variant?.compression && { compression: variant.compression }),
      ...arch.facts,
      ...inside.facts,
    },
    identity: inside.identity,
    icon: inside.icon ?? null,
    findings,
    status: findings.some(({ severity }) => severity === "error") ? "failed" : "passed",
  });
};

const nothingInside: FormatReport = { facts: {}, identity: noIdentity, findings: [] };

async function readInside(format: Format, file: FileToInspect): Promise<FormatReport> {
  try {
    const read = await readers[format]();
    return sparePlaceholder(await read(file), file.bytes.sizeBytes);
  } catch (error) {
    const report = { ...nothingInside, findings: [unreadableFinding(error)] };
    return sparePlaceholder(report, file.bytes.sizeBytes);
  }
}

/**
 * Nobody's build is that small: a placeholder with the first bytes of its format, as pipelines are tried out with. That the rest is
 * missing is said and blocks nothing.
 */
function sparePlaceholder(report: FormatReport, sizeBytes: number): FormatReport {
  if (sizeBytes > MAX_PLACEHOLDER_BYTES) return report;
  const findings = report.findings.map((found) =>
    missingRest.has(found.code)
      ? finding("validation.damaged", found.message, found.details, found.where)
      : found,
  );
  return { ...report, findings };
}

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
