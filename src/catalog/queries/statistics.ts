import { type Compilable, type RawBuilder, sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import { firstSince } from "./audit.ts";

/** Days of a period, both ends inclusive, as `2026-11-20`. */
export interface DayPeriod {
  readonly from: string;
  readonly to: string;
}

interface AppPeriod extends DayPeriod {
  readonly appId: string;
  readonly channel: string | undefined;
}

/** An app's counts, latest day first and then the most downloaded. By the primary key of `download_day`: one app's rows of the period. */
export function downloadsOfApp({ appId, from, to, channel }: AppPeriod, limit: number) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("download_day")
      .leftJoin("release", "release.id", "download_day.release_id")
      .select(["day", "download_day.channel", "release_id", "platform", "count"])
      .select(["release.version", "release.build"])
      .where("download_day.app_id", "=", appId)
      .where("day", ">=", from)
      .where("day", "<=", to)
      .orderBy("day", "desc")
      .orderBy("count", "desc")
      .orderBy("release_id", "desc")
      .orderBy("platform")
      .orderBy("download_day.channel")
      .limit(limit);
    return channel === undefined ? rows : rows.where("download_day.channel", "=", channel);
  };
}

/** The sums of an app's days, latest first. By the same key. */
export function downloadDaysOfApp({ appId, from, to, channel }: AppPeriod) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("download_day")
      .select(["day", sql<number>`sum(count)`.as("downloads")])
      .where("app_id", "=", appId)
      .where("day", ">=", from)
      .where("day", "<=", to)
      .groupBy("day")
      .orderBy("day", "desc");
    return channel === undefined ? rows : rows.where("channel", "=", channel);
  };
}

const publishedDay = sql<string>`substr(published_at, 1, 10)`;

/** How many releases of an app were published by day, latest first. By the index `release_app_published`. */
export function publishedDaysOfApp({ appId, from, to, channel }: AppPeriod) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("release")
      .select([publishedDay.as("day"), sql<number>`count(*)`.as("releases")])
      .where("app_id", "=", appId)
      .where("published_at", ">=", from)
      .where("published_at", "<", afterDay(to))
      .groupBy(publishedDay)
      .orderBy("day", "desc");
    return channel === undefined ? rows : rows.where("channel", "=", channel);
  };
}

/** The apps with most downloads. By `download_app_day_count`, which has all that is asked. */
export const mostDownloaded = query<DayPeriod & { limit: number }>()((db, p) =>
  db
    .selectFrom("download_app_day")
    .select("app_id")
    .where("day", ">=", p.from)
    .where("day", "<=", p.to)
    .groupBy("app_id")
    .orderBy(sql`sum(count)`, "desc")
    .orderBy("app_id")
    .limit(p.limit),
);

/** The apps with most releases published. By `release_published`, which has all that is asked. */
export const mostPublished = query<DayPeriod & { after: string; limit: number }>()((db, p) =>
  db
    .selectFrom("release")
    .select("app_id")
    .where("published_at", ">=", p.from)
    .where("published_at", "<", p.after)
    .groupBy("app_id")
    .orderBy(sql`count(*)`, "desc")
    .orderBy("app_id")
    .limit(p.limit),
);

/** Downloads by day and app; those of other apps than `apps` together, with a null app. */
export function downloadsByApp({ from, to }: DayPeriod, apps: readonly string[]) {
  return (db: QueryBuilder): Compilable<{ day: string; app_id: string | null; downloads: number }> => {
    const app = oneOf(sql.ref("app_id"), apps);
    return db
      .selectFrom("download_app_day")
      .select(["day", app.as("app_id"), sql<number>`sum(count)`.as("downloads")])
      .where("day", ">=", from)
      .where("day", "<=", to)
      .groupBy(["day", sql`2`]);
  };
}

/** Releases by the day they were published on and app; those of other apps than `apps` together, with a null app. */
export function publishedByApp({ from, to }: DayPeriod, apps: readonly string[]) {
  return (db: QueryBuilder): Compilable<{ day: string; app_id: string | null; releases: number }> => {
    const app = oneOf(sql.ref("app_id"), apps);
    return db
      .selectFrom("release")
      .select([publishedDay.as("day"), app.as("app_id"), sql<number>`count(*)`.as("releases")])
      .where("published_at", ">=", from)
      .where("published_at", "<", afterDay(to))
      .groupBy([sql`1`, sql`2`]);
  };
}

export function slugsOf(ids: readonly string[]) {
  return (db: QueryBuilder) => db.selectFrom("app").select(["id", "slug"]).where("id", "in", ids);
}

/**
 * The first event at or after each of these times; null when there is none. One look-up by `event_at` for each: sequence numbers have no
 * gaps and times never go back, so the difference of two is the number of events between them.
 */
export function firstEventsSince(times: readonly string[]) {
  return (db: QueryBuilder): Compilable<{ at: string; seq: number | null }> => {
    const list = sql.join(times.map((time) => sql`(${sql.lit(time)})`));
    const at = sql<string>`moment.column1`;
    return db
      .selectFrom(sql<{ column1: string }>`(values ${list})`.as("moment"))
      .select([at.as("at"), firstSince(at).as("seq")]);
  };
}

/** The first moment that is not of this day any more, as text that sorts beside times. */
export function afterDay(day: string): string {
  // Every time of the day is longer than the day and begins with it and a T.
  return `${day}U`;
}

function oneOf(column: RawBuilder<unknown>, values: readonly string[]): RawBuilder<string | null> {
  if (values.length === 0) return sql<string | null>`null`;
  return sql<string | null>`case when ${column} in (${sql.join(values)}) then ${column} end`;
}
