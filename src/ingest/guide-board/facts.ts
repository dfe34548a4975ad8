import { runErrors } from "../errors.ts";
import type { RunDocument } from "./read-document.ts";
import { entriesAt, factOf, invalidValue, isMap, MAX_ENTRIES, type Place, textAt } from "./values.ts";

interface Said {
  readonly place: Place;
  readonly value: string;
}

/** A fact that is one line of text; null when no document says it. Raises `run.contradiction`, `run.invalid_value`. */
export function textFact(
  documents: readonly RunDocument[],
  key: string,
  read: (place: Place, value: unknown) => string = textAt,
): string | null {
  let known: Said | undefined;
  for (const document of documents) {
    const value = factOf(document, key);
    if (value === undefined) continue;
    const place = { file: document.file, key };
    const said = { place, value: read(place, value) };
    if (known !== undefined && known.value !== said.value) throw contradiction(key, known, said);
    known ??= said;
  }
  return known?.value ?? null;
}

/** A profile is text, or a map with an `id` or `name` and perhaps a `version`: then it is both, with a space between. */
export function profileAt(place: Place, value: unknown): string {
  if (!isMap(value)) return textAt(place, value);
  const below = (key: string) => ({ file: place.file, key: `${place.key}.${key}` });
  const key = value["id"] === undefined ? "name" : "id";
  const name = textAt(below(key), value[key]);
  const version = value["version"] ?? null;
  return version === null ? name : textAt(place, `${name} ${textAt(below("version"), version)}`);
}

/**
 * The commits that the run was made from, by name: a map of names to commits. Of an abbreviated commit and the whole one, the whole one.
 * Raises `run.contradiction`, `run.invalid_value`.
 */
export function sourceCommits(documents: readonly RunDocument[]): Readonly<Record<string, string>> | null {
  const key = "source_commits";
  const known = new Map<string, Said>();
  let isSaid = false;
  for (const document of documents) {
    const value = factOf(document, key);
    if (value === undefined) continue;
    isSaid = true;
    for (const [name, item, place] of entriesAt({ file: document.file, key }, value)) {
      const said = { place, value: textAt(place, item) };
      const before = known.get(name);
      if (before === undefined || isAbbreviation(before.value, said.value)) known.set(name, said);
      else if (!isAbbreviation(said.value, before.value)) {
        throw contradiction(`${key}.${name}`, before, said);
      }
    }
  }
  if (known.size > MAX_ENTRIES)
    throw invalidValue([...known.values()].at(-1)!.place, "is one commit too many");
  return isSaid ? byName([...known].map(([name, { value }]) => [name, value])) : null;
}

/** With its keys in order, so that the same facts make the same metadata. */
export function byName<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** git abbreviates to no fewer than four digits; seven are usual. */
function isAbbreviation(short: string, long: string): boolean {
  return short === long || (/^[0-9a-f]{7,}$/.test(short) && long.startsWith(short));
}

function contradiction(fact: string, one: Said, other: Said): Error {
  return runErrors.error(
    "run.contradiction",
    `${one.place.file} says that ${fact} is ${JSON.stringify(one.value)}, and ${other.place.file} that it is ${JSON.stringify(other.value)}.`,
    {
      details: {
        file: other.place.file,
        fact,
        statements: [one, other].map(({ place, value }) => ({ ...place, value })),
      },
    },
  );
}
