import { clientErrors } from "./errors.ts";

/** A path with each value as one encoded segment. Raises `client.invalid_name`. */
export function path(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return texts.reduce((built, text, index) => built + segment(values[index - 1] ?? "") + text);
}

/** A query with the values that are there, `?` included; nothing when none is. */
export function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.length === 0) return "";
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}

function segment(value: string): string {
  // An empty or dotted segment would make the request one for another resource; so would half a character, which does not encode.
  if (value === "" || value === "." || value === ".." || !value.isWellFormed()) {
    throw clientErrors.error(
      "client.invalid_name",
      `${JSON.stringify(value)} cannot be the name of anything.`,
      {
        details: { name: value },
      },
    );
  }
  return encodeURIComponent(value);
}
