import { MAX_SERIES, type Series } from "./components/chart.tsx";

/** A number of something on a day; without a name it belongs to the rest. */
export interface Counted {
  readonly day: string;
  readonly name: string | null;
  readonly count: number;
}

/** What the names with most had on each day, and all others together; what has nothing is left out. */
export function seriesByName(days: readonly string[], rows: readonly Counted[], rest: string): Series[] {
  const totals = new Map<string, number>();
  for (const { name, count } of rows) if (name !== null) totals.set(name, (totals.get(name) ?? 0) + count);
  const top = [...totals]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MAX_SERIES - 1)
    .map(([name]) => name);
  const labelOf = (name: string | null) => (name !== null && top.includes(name) ? name : rest);
  return [...top, rest]
    .map((label) => ({
      label,
      values: days.map((day) =>
        rows
          .filter((row) => row.day === day && labelOf(row.name) === label)
          .reduce((sum, { count }) => sum + count, 0),
      ),
    }))
    .filter(({ values }) => values.some((value) => value > 0));
}
