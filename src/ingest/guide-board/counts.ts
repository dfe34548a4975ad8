import { runErrors } from "../errors.ts";
import type { RunDocument } from "./read-document.ts";
import {
  countAt,
  entriesAt,
  factOf,
  invalidValue,
  isMap,
  MAX_ENTRIES,
  type Place,
  textAt,
} from "./values.ts";

/** How many there are of each name, and `total`. */
export type Counts = Readonly<Record<string, number>>;

/** What one place of the run says about counts. */
export interface CountStatement {
  readonly place: Place;
  readonly named: ReadonlyMap<string, number>;
  /** Null where only names are counted. */
  readonly total: number | null;
  /** The things themselves were counted: there are none of a name that is not here. */
  readonly isWhole: boolean;
}

/**
 * What a document says under `countsKey` (a map of counts) and under `key` (the things themselves, counted by `by`; or a map, or a
 * number). A document that is a list, and is called after `key`, is the list. Raises `run.invalid_value`,
 * `run.counts_differ`.
 */
export function countsIn(
  document: RunDocument,
  { key, countsKey, by, isList }: { key: string; countsKey: string; by: string; isList: boolean },
): CountStatement[] {
  const statements: CountStatement[] = [];
  const counts = factOf(document, countsKey);
  if (counts !== undefined) statements.push(countsAt({ file: document.file, key: countsKey }, counts));
  const list = isList && Array.isArray(document.value) ? document.value : factOf(document, key);
  const place = { file: document.file, key };
  if (Array.isArray(list)) statements.push(countList(place, list, by));
  else if (list !== undefined) statements.push(countsAt(place, list));
  return statements;
}

/**
 * What all of them say together, with the total; null when nobody says anything. Raises `run.counts_differ` where one says
 * otherwise than another.
 */
export function reconcileCounts(statements: readonly CountStatement[]): Counts | null {
  if (statements.length === 0) return null;
  const named = new Map<string, { count: number; place: Place }>();
  for (const { named: said, place } of statements) {
    for (const [name, count] of said) {
      const before = named.get(name);
      if (before !== undefined && before.count !== count) throw countsDiffer(name, before, { count, place });
      named.set(name, { count, place });
    }
  }
  for (const { isWhole, named: said, place } of statements) {
    if (!isWhole) continue;
    for (const [name, before] of named) {
      if (!said.has(name) && before.count !== 0) throw countsDiffer(name, before, { count: 0, place });
    }
  }
  const sum = sumOf([...named.values()].map(({ count }) => count));
  const totals = statements.filter(({ total }) => total !== null);
  const total = named.size > 0 || totals.length === 0 ? sum : totals[0]!.total!;
  for (const { total: said, place } of totals) {
    const others = statements.find((other) => other.place !== place)?.place ?? place;
    if (said !== total) {
      throw countsDiffer("total", { count: said!, place }, { count: total, place: others });
    }
  }
  const ordered = [...named].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return { ...Object.fromEntries(ordered.map(([name, { count }]) => [name, count])), total };
}

/** Two places count the same and come to different numbers. */
export function countsDiffer(
  what: string,
  one: { count: number; place: Place },
  other: { count: number; place: Place },
): Error {
  const says = ({ count, place }: typeof one) => `${place.file} (${place.key}) says ${count}`;
  return runErrors.error("run.counts_differ", `The counts of ${what} differ: ${says(one)}, ${says(other)}.`, {
    details: {
      file: other.place.file,
      what,
      statements: [one, other].map(({ count, place }) => ({ ...place, count })),
    },
  });
}

function countsAt(place: Place, value: unknown): CountStatement {
  if (!isMap(value)) {
    return { place, named: new Map(), total: countAt(place, value), isWhole: false };
  }
  const named = new Map<string, number>();
  let total: number | null = null;
  for (const [name, item, at] of entriesAt(place, value)) {
    if (name === "total") total = countAt(at, item);
    else named.set(name, countAt(at, item));
  }
  const sum = sumOf([...named.values()]);
  if (total !== null && named.size > 0 && sum !== total) {
    throw runErrors.error(
      "run.counts_differ",
      `${place.file}: ${place.key} says a total of ${total}, and its other counts add up to ${sum}.`,
      { details: { file: place.file, key: place.key, total, sum } },
    );
  }
  return { place, named, total, isWhole: false };
}

function countList(place: Place, list: readonly unknown[], by: string): CountStatement {
  const named = new Map<string, number>();
  for (const [index, item] of list.entries()) {
    const at = { file: place.file, key: `${place.key}[${index}]` };
    if (!isMap(item)) throw invalidValue(at, "is not a map");
    const said = item[by] ?? "unspecified";
    const name = textAt({ ...at, key: `${at.key}.${by}` }, said);
    named.set(name, (named.get(name) ?? 0) + 1);
  }
  if (named.size > MAX_ENTRIES) throw invalidValue(place, `has more than ${MAX_ENTRIES} kinds of ${by}`);
  return { place, named, total: list.length, isWhole: true };
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
