import { isWellFormed } from "../../base/text.ts";
import { runErrors } from "../errors.ts";
import type { RunDocument } from "./read-document.ts";

/** Longer than any id, profile, commit or path of a run; with it, what a run says fits into a package's metadata. */
const MAX_TEXT_BYTES = 256;
/** More entries than any map or list of facts has: counts, commits, reports. */
export const MAX_ENTRIES = 64;

/** A place in a document, for messages: `run.json`, `source_commits.tck`. */
export interface Place {
  readonly file: string;
  readonly key: string;
}

/** What a document says under a key of its top; undefined for nothing and for null. */
export function factOf({ value }: RunDocument, key: string): unknown {
  const found = isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return found === null || found === "" ? undefined : found;
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A line of text. Raises `run.invalid_value`. */
export function textAt(place: Place, value: unknown): string {
  const isText =
    typeof value === "string" &&
    value !== "" &&
    isWellFormed(value) &&
    Buffer.byteLength(value) <= MAX_TEXT_BYTES &&
    !/\p{Cc}/u.test(value);
  if (isText) return value;
  throw invalidValue(place, `is not a line of text of at most ${MAX_TEXT_BYTES} bytes`);
}

/** A whole number of things; as text where it comes from YAML. Raises `run.invalid_value`. */
export function countAt(place: Place, value: unknown): number {
  const count = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
  throw invalidValue(place, "is not a count: a whole number, not below zero");
}

/** The entries of a map. Raises `run.invalid_value` for anything else, for too many, and for keys that are no names. */
export function entriesAt(place: Place, value: unknown): [name: string, value: unknown, at: Place][] {
  if (!isMap(value)) throw invalidValue(place, "is not a map");
  const entries = Object.entries(value);
  if (entries.length > MAX_ENTRIES) throw invalidValue(place, `has more than ${MAX_ENTRIES} entries`);
  return entries.map(([name, item]) => {
    const at = { file: place.file, key: `${place.key}.${name.slice(0, MAX_TEXT_BYTES)}` };
    textAt(at, name);
    if (name === "__proto__") throw invalidValue(at, "cannot be a key");
    return [name, item, at];
  });
}

export function invalidValue({ file, key }: Place, what: string): Error {
  return runErrors.error("run.invalid_value", `${file}: ${key} ${what}.`, {
    details: { file, key },
  });
}
