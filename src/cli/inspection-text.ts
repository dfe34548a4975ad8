import { naturalBytes } from "../base/text.ts";
import type { InspectedFile } from "../registry/inspect-file.ts";
import { factLines, factSheet } from "../registry/releases/fact-sheet.ts";
import { escapeInline, say } from "./escape.ts";
import { type Cell, fields } from "./table.ts";

/** What `dist inspect` answers. */
export interface InspectResult {
  readonly filename: string;
  readonly platform: string;
  readonly arch: string;
  readonly format: string | null;
  readonly content_type: string;
  readonly size_bytes: number;
  /** Null where only facts were asked for: digests read the whole file. */
  readonly sha256: string | null;
  readonly blake3: string | null;
  readonly validation_status: string;
  readonly facts: InspectedFile["inspection"]["facts"];
  readonly identity: InspectedFile["inspection"]["identity"];
  readonly findings: InspectedFile["inspection"]["findings"];
}

/** The sheet for people: the file, what it is, who signed it, what is inside, and what the checks say. */
export function inspectionText(result: InspectResult): string {
  const { identity } = result;
  const file: [string, Cell][] = [
    ["File", result.filename],
    ["Platform", result.platform],
    ["Arch", result.arch],
    ["Format", result.format],
    ["Content type", result.content_type],
    ["Size", naturalBytes(result.size_bytes)],
    ["SHA-256", result.sha256],
    ["BLAKE3", result.blake3],
    ["Checked", result.validation_status],
  ];
  const signers = identity.signers.map(
    ({ name, id, verified }) => `${name} (${id}), ${verified ? "verified" : "not proven"}`,
  );
  const inside: [string, Cell][] = [
    ["Id", identity.id],
    ["Name", identity.label],
    ["Version", identity.version],
    ["Build", identity.build],
    ["Signed by", signers.join("; ") || null],
  ];
  const facts = factSheet(result.facts, { show: escapeInline, maxItems: 12 }).flatMap(factLines);
  const sections = [
    fields(file),
    ...(inside.some(([, value]) => value !== null) ? [fields(inside)] : []),
    ...(facts.length === 0 ? [] : [facts.join("\n")]),
    ...(result.findings.length > 0 ? [result.findings.map(findingLine).join("\n")] : []),
  ];
  return sections.join("\n\n");
}

function findingLine({ severity, message, code, where }: InspectResult["findings"][number]): string {
  const place = where === undefined ? "" : say` [${where}]`;
  return say`${severity}: ${message} (${code})` + place;
}
