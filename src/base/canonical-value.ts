import { baseErrors } from "./encoding-errors.ts";
import type { DistError } from "./errors.ts";

/**
 * What the canonical encoding carries. The type says less than the rules do: numbers are finite and, where integral,
 * within ±(2^53−1); text has no lone surrogates; objects are plain. `docs/formats/encoding.md` has them all.
 */
export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/** Arrays and maps nested deeper are refused: recursion over hostile input must not exhaust the stack. */
export const MAX_DEPTH = 64;

/** True for an object that is only a map of its own keys: made by `{}`, `JSON.parse` or `Object.create(null)`. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Sets an own key. Plain assignment to `__proto__` would call the setter of `Object.prototype`: the entry would be lost
 * and the sender would choose the object's prototype.
 */
export function setOwn<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, configurable: true, enumerable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** The refusal of the value that stands at `path`, whose steps are keys and array indexes from the root. */
export function unsupportedValue(path: readonly (string | number)[], why: string): DistError {
  const pointer = jsonPointer(path);
  return baseErrors.error("encoding.unsupported_value", `${pointer === "" ? "The value" : pointer} ${why}.`, {
    details: { path: pointer },
  });
}

/** RFC 6901 section 3: "~" is written "~0" and "/" is written "~1". Lone surrogates are shown as U+FFFD. */
function jsonPointer(path: readonly (string | number)[]): string {
  return path
    .map((step) => `/${String(step).toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}

/** What is wrong with a value of a kind that no canonical encoding has. */
export function describeUnsupported(value: unknown): string {
  if (value === undefined) return "is undefined";
  if (typeof value !== "object" || value === null) return `is a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return `is not a plain object${typeof name === "string" && name !== "" ? ` but a ${name}` : ""}`;
}
