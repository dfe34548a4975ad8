import type { AppStatistics } from "../../../registry/records/statistics.ts";
import { type Counted, seriesByName } from "../series.ts";
import { Bars } from "./chart.tsx";
import { Part } from "./part.tsx";

/** How far back pages count. */
export const STATISTICS_DAYS = 30;
const DAY_MS = 86_400_000;

/** The days that are counted, as `YYYY-MM-DD`, oldest first. */
export function lastDays(nowMs: number, count = STATISTICS_DAYS): string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(nowMs - (count - 1 - index) * DAY_MS).toISOString().slice(0, 10),
  );
}

interface ByDayProps {
  title: string;
  note?: string;
  /** What the chart is called where it is not seen. */
  about: string;
  unit: string;
  /** What the names that are not shown are called together. */
  rest: string;
  rows: readonly Counted[];
  nowMs: number;
  /** Of how many days. */
  count?: number;
}

/** Numbers of the last days by name, as bars; the names with most first. */
export function ByDay({ title, note, about, unit, rest, rows, nowMs, count = STATISTICS_DAYS }: ByDayProps) {
  const days = lastDays(nowMs, count);
  const series = seriesByName(days, rows, rest);
  const period = `${count} days`;
  return (
    <Part title={title} note={note === undefined ? period : `${period}; ${note}`}>
      {series.length === 0 ? (
        <p class="t2">None in {period}.</p>
      ) : (
        <Bars title={about} steps={days} series={series} unit={unit} />
      )}
    </Part>
  );
}

/** What people fetched of an app, by version, and what was published. */
export function AppActivity({ statistics, nowMs }: { statistics: AppStatistics; nowMs: number }) {
  return (
    <div class="halves">
      <ByDay
        title="Versions downloaded"
        note="downloads, not people"
        about="Downloads by day and version."
        unit="download"
        rest="other versions"
        rows={statistics.downloads.map(({ day, version, downloads }) => ({
          day,
          name: version,
          count: downloads,
        }))}
        nowMs={nowMs}
      />
      <ByDay
        title="Published"
        about="Releases published by day."
        unit="release"
        rest="releases"
        rows={statistics.published.map(({ day, releases }) => ({ day, name: null, count: releases }))}
        nowMs={nowMs}
      />
    </div>
  );
}
