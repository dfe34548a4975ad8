import canonicalize from "canonicalize";
import {
  type CanonicalValue,
  describeUnsupported,
  isPlainObject,
  MAX_DEPTH,
  setOwn,
  unsupportedValue,
} from "./canonical-value.ts";

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/**
 * The JSON projection of a value: the same, with byte strings as lower-case hexadecimal text and −0 as 0. A copy.
 *
 * Any finite number has a projection, also integers that `encodeCanonical` refuses.
 *
 * @throws `encoding.unsupported_value` for NaN, infinities, lone surrogates, nesting past `MAX_DEPTH` and whatever else
 * is not a `CanonicalValue`.
 */
export function toJson(value: CanonicalValue): JsonValue {
  return project(value, []);
}

/**
 * The projection as text by RFC 8785 (JSON Canonicalization Scheme): no white space, keys in UTF-16 order.
 *
 * @throws as `toJson`.
 */
export function canonicalJson(value: CanonicalValue): string {
  return canonicalize(toJson(value)) as string;
}

/** The parameter is unknown: callers may have cast. `path` holds the steps from the root. */
function project(value: unknown, path: (string | number)[]): JsonValue {
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      return wellFormed(value, path);
    case "number":
      if (!Number.isFinite(value)) throw unsupportedValue(path, `is ${value}`);
      return value + 0; // −0 + 0 is 0
    case "object":
      return value === null ? null : projectObject(value, path);
    default:
      throw unsupportedValue(path, describeUnsupported(value));
  }
}

function projectObject(value: object, path: (string | number)[]): JsonValue {
  if (value instanceof Uint8Array) return value.toHex();
  if (path.length >= MAX_DEPTH) throw unsupportedValue(path, `is nested deeper than ${MAX_DEPTH} levels`);
  // `Array.from` shows the holes of a sparse array, as undefined.
  if (Array.isArray(value))
    return Array.from(value, (item: unknown, index) => project(item, [...path, index]));
  if (!isPlainObject(value)) throw unsupportedValue(path, describeUnsupported(value));
  if (Object.getOwnPropertySymbols(value).length > 0) throw unsupportedValue(path, "has a symbol as a key");
  const projected: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) {
    const itemPath = [...path, key];
    setOwn(projected, wellFormed(key, itemPath), project(item, itemPath));
  }
  return projected;
}

/** RFC 8785 section 3.2.2.2: invalid Unicode data like "lone surrogates" MUST cause an error. */
function wellFormed(text: string, path: readonly (string | number)[]): string {
  if (!text.isWellFormed()) throw unsupportedValue(path, "is text with a lone surrogate");
  return text;
}
