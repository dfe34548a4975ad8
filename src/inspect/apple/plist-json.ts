import type { PlistValue } from "./plist-value.ts";

/** A fact shows what a person reads; the whole list is in the file. */
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_TEXT_LENGTH = 500;

/**
 * A value of a property list as a fact: dates in RFC 3339, data as their size, numbers that JSON cannot hold as text. Long lists
 * and texts are cut, what is nested too deep is null.
 */
export function plistJson(value: PlistValue, depth = 0): unknown {
  if (typeof value === "string") return value.slice(0, MAX_TEXT_LENGTH);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean") return value;
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `${value.length} bytes`;
  if (depth >= MAX_DEPTH) return null;
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, PlistValue>)].slice(0, MAX_ITEMS);
    return Object.fromEntries(
      entries.map(([key, item]) => [key.slice(0, MAX_TEXT_LENGTH), plistJson(item, depth + 1)]),
    );
  }
  return (value as readonly PlistValue[]).slice(0, MAX_ITEMS).map((item) => plistJson(item, depth + 1));
}
