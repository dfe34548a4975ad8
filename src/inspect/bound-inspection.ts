import { finding } from "./findings.ts";
import type { Finding, Inspection } from "./inspection.ts";

/** Facts, identity and findings stand in one event of at most 65,535 bytes, beside what the publisher said. */
const MAX_FACTS_BYTES = 24 * 1024;
const MAX_FINDINGS = 50;
const MAX_TEXT_LENGTH = 1_000;
const MAX_LIST_LENGTH = 500;
const MAX_DEPTH = 8;
const MAX_ICON_BYTES = 1024 * 1024;

/**
 * Bounds what a file can put into the log: long texts are cut, long lists shortened, and when all that is still too much the largest facts
 * are left out, with a finding that names them. Lone surrogates become U+FFFD: canonical encoding refuses them.
 */
export function boundInspection(inspection: Inspection): Inspection {
  const facts = Object.fromEntries(
    Object.entries(inspection.facts).map(([name, value]) => [name, bound(value, 0)]),
  );
  const left = leaveOut(facts);
  const findings = inspection.findings.slice(0, MAX_FINDINGS).map((one) => bound(one, 0) as Finding);
  if (left.length > 0) {
    findings.push(
      finding("validation.facts_left_out", `Too much to keep: ${left.join(", ")}.`, { facts: left }),
    );
  }
  const icon = inspection.icon;
  return {
    ...inspection,
    facts,
    identity: bound(inspection.identity, 0) as Inspection["identity"],
    findings,
    icon: icon !== null && icon.bytes.byteLength <= MAX_ICON_BYTES ? icon : null,
  };
}

function bound(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.toWellFormed().slice(0, MAX_TEXT_LENGTH).toWellFormed();
  if (typeof value !== "object" || value === null) return value;
  if (depth === MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.slice(0, MAX_LIST_LENGTH).map((item) => bound(item, depth + 1));
  const entries = Object.entries(value).slice(0, MAX_LIST_LENGTH);
  return Object.fromEntries(
    entries.flatMap(([name, item]) =>
      item === undefined ? [] : [[bound(name, depth) as string, bound(item, depth + 1)] as const],
    ),
  );
}

/** Removes the largest facts until the rest fits; answers their names. */
function leaveOut(facts: Record<string, unknown>): string[] {
  const sizes = Object.entries(facts).map(
    ([name, value]) => [name, Buffer.byteLength(JSON.stringify(value) ?? "")] as const,
  );
  let total = sizes.reduce((sum, [, size]) => sum + size, 0);
  const left: string[] = [];
  for (const [name, size] of sizes.sort(([, a], [, b]) => b - a)) {
    if (total <= MAX_FACTS_BYTES) break;
    delete facts[name];
    left.push(name);
    total -= size;
  }
  return left;
}
