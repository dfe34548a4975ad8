import { sha256Hex } from "../base/digest.ts";
import type { JsonObject } from "../log/events.ts";

/** An index entry must fit a database page: a longer value stands as its digest, and by a longer key nothing is found. */
const MAX_VALUE_BYTES = 256;
const MAX_KEY_BYTES = 128;

/** The top-level keys of metadata by which packages are found, with their values as text: strings as they are, others as JSON. */
export function scalarsOf(metadata: JsonObject): [key: string, value: string][] {
  return Object.entries(metadata).flatMap(([key, value]): [string, string][] => {
    if (Buffer.byteLength(key) > MAX_KEY_BYTES || key.includes("\0")) return [];
    if (typeof value === "string") return [[key, indexedValue(value)]];
    if (value === null || typeof value !== "object") return [[key, indexedValue(JSON.stringify(value))]];
    return [];
  });
}

/** A value as the index has it. PostgreSQL's text holds no NUL. */
export function indexedValue(text: string): string {
  return Buffer.byteLength(text) <= MAX_VALUE_BYTES && !text.includes("\0")
    ? text
    : `sha256:${sha256Hex(Buffer.from(text))}`;
}
