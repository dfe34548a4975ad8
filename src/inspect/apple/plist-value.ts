/** A dictionary. A Map, so that a key such as `__proto__` is a key like any other. */
export type PlistDict = ReadonlyMap<string, PlistValue>;
/** Integers beyond 2^53 are bigint. */
export type PlistValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | Buffer
  | readonly PlistValue[]
  | PlistDict;

/** Real lists nest some ten levels; whoever walks one recurses. */
export const MAX_PLIST_DEPTH = 64;
/**
 * An app with 50,000 sealed files has some 400,000 values. In the binary form a container may stand in many places, so that a few
 * hundred bytes can unfold to billions of values: each place counts.
 */
export const MAX_PLIST_VALUES = 1_000_000;

export function isDict(value: PlistValue | undefined): value is PlistDict {
  return value instanceof Map;
}

/** The dictionary under a key; empty when there is none. */
export function dictAt(dict: PlistDict, key: string): PlistDict {
  const value = dict.get(key);
  return isDict(value) ? value : new Map<string, PlistValue>();
}

/** The text under a key, null when there is none or an empty one. */
export function textAt(dict: PlistDict, key: string): string | null {
  const value = dict.get(key);
  return typeof value === "string" && value !== "" ? value : null;
}

export function dateAt(dict: PlistDict, key: string): Date | null {
  const value = dict.get(key);
  return value instanceof Date ? value : null;
}

/** The list under a key; a single value counts as a list of one, as for most of Apple's readers. */
export function listAt(dict: PlistDict, key: string): readonly PlistValue[] {
  const value = dict.get(key);
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly PlistValue[]) : [value];
}

/** The texts in the list under a key. */
export function textsAt(dict: PlistDict, key: string): string[] {
  return listAt(dict, key).filter((value) => typeof value === "string");
}
