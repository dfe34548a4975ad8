import { Secret } from "../../base/secret.ts";

/** The key under which a secret's value stands between two processes: a structured clone of a `Secret` has lost it. */
const PACKED = "\u0000secret";

/** A copy of settings that crosses to another process of ours whole. Only for that: the secrets stand in it as they are. */
export function packSecrets<T>(settings: T): T {
  return mapped(settings, (value) =>
    value instanceof Secret ? { [PACKED]: value.reveal() } : undefined,
  ) as T;
}

/** The settings as they were before `packSecrets`. */
export function unpackSecrets<T>(settings: T): T {
  return mapped(settings, (value) =>
    PACKED in value ? new Secret((value as Record<string, string>)[PACKED]!) : undefined,
  ) as T;
}

function mapped(value: unknown, replace: (value: object) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => mapped(item, replace));
  const entries = () => Object.entries(value).map(([key, item]) => [key, mapped(item, replace)]);
  return replace(value) ?? Object.fromEntries(entries());
}
