import { toTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import {
  afterDay,
  downloadsByApp,
  firstEventsSince,
  mostDownloaded,
  mostPublished,
  publishedByApp,
  slugsOf,
} from "../../catalog/queries/statistics.ts";
import { logHead } from "../../catalog/transaction.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import type { StatisticsRequest, StoreStatistics } from "../records/statistics.ts";
import { periodOf } from "./period.ts";

/** Apps named one by one; the others are summed. */
const MAX_APPS = 50;

const HOURS = 72;
const HOUR_MS = 3600 * 1000;

/** What was downloaded, published and recorded in the store; needs `audit`. Raises `statistics.invalid_days`. */
export async function storeStatistics(
  context: Context,
  request: StatisticsRequest,
): Promise<StoreStatistics> {
  requireScope(context.principal, "audit", { app: null });
  const nowMs = context.clock.nowMs();
  const period = periodOf(request, nowMs);
  return context.database.read(async (reader) => {
    const limit = MAX_APPS;
    const downloaded = ids(await reader.all(mostDownloaded, { ...period, limit }));
    const publishing = ids(await reader.all(mostPublished, { ...period, after: afterDay(period.to), limit }));
    const slugs = await slugsById(reader, [...new Set([...downloaded, ...publishing])]);
    const downloads = await reader.fetch(downloadsByApp(period, downloaded));
    const published = await reader.fetch(publishedByApp(period, publishing));
    const named = ({ day, app_id: id }: { day: string; app_id: string | null }) => ({
      day,
      app: id === null ? null : (slugs.get(id) ?? null),
    });
    return {
      ...period,
      downloads: downloads
        .map((row) => ({ ...named(row), downloads: row.downloads }))
        .toSorted((a, b) => latestDay(a, b) || b.downloads - a.downloads),
      published: published
        .map((row) => ({ ...named(row), releases: row.releases }))
        .toSorted((a, b) => latestDay(a, b) || b.releases - a.releases),
      events: await eventCounts(reader, period.from, nowMs),
    };
  });
}

function ids(rows: readonly { app_id: string }[]): string[] {
  return rows.map(({ app_id: id }) => id);
}

async function slugsById(reader: Reader, apps: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (apps.length === 0) return new Map();
  return new Map((await reader.fetch(slugsOf(apps))).map(({ id, slug }) => [id, slug]));
}

function latestDay(a: { day: string }, b: { day: string }): number {
  return a.day < b.day ? 1 : a.day > b.day ? -1 : 0;
}

async function eventCounts(reader: Reader, from: string, nowMs: number): Promise<StoreStatistics["events"]> {
  const { head } = (await reader.first(logHead, {}))!;
  const thisHour = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const hours = Array.from({ length: HOURS }, (_, n) => toTimestamp(thisHour - (HOURS - 1 - n) * HOUR_MS));
  const firstDay = Date.parse(`${from}T00:00:00.000Z`);
  const count = Math.floor((nowMs - firstDay) / (24 * HOUR_MS)) + 1;
  const days = Array.from({ length: count }, (_, n) => toTimestamp(firstDay + n * 24 * HOUR_MS));
  const rows = await reader.fetch(firstEventsSince([...new Set([...hours, ...days])]));
  const firsts = new Map(rows.map(({ at, seq }) => [at, seq === null ? head + 1 : seq]));
  const between = (times: readonly string[]) =>
    times.map((time, n) => ({
      time,
      events: (times[n + 1] === undefined ? head + 1 : firsts.get(times[n + 1]!)!) - firsts.get(time)!,
    }));
  return {
    hours: between(hours).map(({ time, events }) => ({ hour: time, events })),
    days: between(days).map(({ time, events }) => ({ day: time.slice(0, 10), events })),
  };
}
