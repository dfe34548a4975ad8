import { clientErrors } from "./errors.ts";

/** A path with each value as one encoded segment. Raises `client.invalid_name`. */
export function path(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return texts.reduce((built, text, index) => built + segment(values[index - 1] ?? "") + text);
}

/** A logical path: its segments encoded each for itself. Raises `client.invalid_name`. */
export function segments(logicalPath: string): string {
  return logicalPath
    .split("/")
    .map((one) => segment(one))
    .join("/");
}

type QueryValue = string | number | boolean | readonly string[] | undefined;

/** A query with the values that are there, a list's one after the other, `?` included; nothing when none is. */
export function query(values: Readonly<Record<string, QueryValue>>): string {
  const given = Object.entries(values).flatMap(([name, value = []]) =>
    [value].flat().map((one) => [name, String(one)]),
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
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
