import { naturalBytes } from "../base/text.ts";
import type { InspectedFile } from "../registry/inspect-file.ts";
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

/** So much of a list stands in the sheet; `--json` has all of it. */
const SHOWN_ITEMS = 12;

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
  const facts = Object.entries(result.facts).filter(([, value]) => !isNothing(value));
  const sections = [
    fields(file),
    ...(inside.some(([, value]) => value !== null) ? [fields(inside)] : []),
    ...(facts.length > 0 ? [facts.flatMap(([name, value]) => factLines(name, value, "")).join("\n")] : []),
    ...(result.findings.length > 0 ? [result.findings.map(findingLine).join("\n")] : []),
  ];
  return sections.join("\n\n");
}

function findingLine({ severity, message, code, where }: InspectResult["findings"][number]): string {
  const place = where === undefined ? "" : say` [${where}]`;
  return say`${severity}: ${message} (${code})` + place;
}

/** A fact on one line where it fits, else a line for each of its parts below its name. */
function factLines(name: string, value: unknown, indent: string): string[] {
  const title = `${indent}${escapeInline(name.replaceAll("_", " "))}:`;
  if (!isCompound(value)) return [`${title} ${scalar(value)}`];
  const items = Array.isArray(value) ? value : Object.entries(value);
  const shown = items.slice(0, SHOWN_ITEMS);
  const more = items.length > shown.length ? [`${indent}  … ${items.length - shown.length} more`] : [];
  if (!Array.isArray(value)) {
    const entries = (shown as [string, unknown][]).filter(([, item]) => !isNothing(item));
    return [title, ...entries.flatMap(([key, item]) => factLines(key, item, `${indent}  `)), ...more];
  }
  if (value.every((item) => !isCompound(item))) {
    const line = `${title} ${shown.map(scalar).join(", ")}`;
    return line.length <= MAX_LINE && more.length === 0
      ? [line]
      : [title, ...shown.map((item) => `${indent}  ${scalar(item)}`), ...more];
  }
  return [title, ...shown.map((item) => `${indent}  ${itemText(item)}`), ...more];
}

const MAX_LINE = 100;

/** One thing of a list, on one line: `scheme v2, verified yes, …`. */
function itemText(item: unknown): string {
  if (!isCompound(item)) return scalar(item);
  if (Array.isArray(item)) return item.map(itemText).join(" ");
  return Object.entries(item)
    .filter(([, value]) => !isNothing(value))
    .map(([name, value]) => `${escapeInline(name.replaceAll("_", " "))} ${itemText(value)}`)
    .join(", ");
}

function isCompound(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (isCompound(value) && Object.keys(value).length === 0);
}

function scalar(value: unknown): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return escapeInline(String(value));
}
