import type { Pair } from "./command.ts";
import { cliErrors } from "./errors.ts";

/** The values of an option that takes each key once. Raises `usage.conflicting_options`. */
export function onePerKey(flag: string, pairs: readonly Pair[]): Record<string, string> {
  const values = new Map<string, string>();
  for (const [key, value] of pairs) {
    if (values.has(key)) {
      throw cliErrors.error("usage.conflicting_options", `${flag} is given twice for ${key}.`);
    }
    values.set(key, value);
  }
  return Object.fromEntries(values);
}
