import { downloadDaysOfApp, downloadsOfApp, publishedDaysOfApp } from "../../catalog/queries/statistics.ts";
import { mayInApp, requireScope } from "../access.ts";
import { findApp } from "../apps.ts";
import { requireChannel } from "../channels/find-channel.ts";
import type { Context } from "../context.ts";
import type { AppStatistics, AppStatisticsRequest } from "../records/statistics.ts";
import { periodOf } from "./period.ts";

/** Counts shown one by one; what comes after them is summed by the day. */
const MAX_COUNTS = 2_000;

/** What was downloaded and published of an app; needs `read`. Raises `app.not_found`, `channel.not_found`, `statistics.invalid_days`. */
export async function appStatistics(
  context: Context,
  slug: string,
  request: AppStatisticsRequest,
): Promise<AppStatistics> {
  const { from, to } = periodOf(request, context.clock.nowMs());
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    if (!mayInApp(context.principal, "read", slug)) requireScope(context.principal, "read", { app: slug });
    const { channel } = request;
    if (channel !== undefined) await requireChannel(reader, app, channel);
    const period = { appId: app.id, from, to, channel };
    const counts = await reader.fetch(downloadsOfApp(period, MAX_COUNTS));
    const downloads = counts.map((row) => ({
      day: row.day,
      channel: row.channel === "" ? null : row.channel,
      release_id: row.release_id,
      version: row.version,
      build: row.build,
      platform: row.platform,
      downloads: row.count,
    }));
    const days = counts.length < MAX_COUNTS ? [] : await reader.fetch(downloadDaysOfApp(period));
    const published = await reader.fetch(publishedDaysOfApp(period));
    return {
      app: slug,
      from,
      to,
      downloads: [...downloads, ...restOf(days, downloads)].toSorted((a, b) =>
        a.day < b.day ? 1 : a.day > b.day ? -1 : 0,
      ),
      published: published.map(({ day, releases }) => ({ day, releases })),
    };
  });
}

/** What the days have beyond the counts that are shown, a row for each. */
function restOf(
  days: readonly { day: string; downloads: number }[],
  shown: readonly { day: string; downloads: number }[],
): AppStatistics["downloads"] {
  const sums = new Map<string, number>();
  for (const { day, downloads } of shown) sums.set(day, (sums.get(day) ?? 0) + downloads);
  return days
    .map(({ day, downloads }) => ({ day, downloads: downloads - (sums.get(day) ?? 0) }))
    .filter(({ downloads }) => downloads > 0)
    .map(({ day, downloads }) => ({
      day,
      channel: null,
      release_id: null,
      version: null,
      build: null,
      platform: null,
      downloads,
    }));
}
