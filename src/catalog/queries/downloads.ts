import { type Compilable, sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { DownloadAppDayTable, DownloadDayTable } from "../tables.ts";

/** Adds counts to those that are there, in one statement. At least one row, each key once. */
export function addDownloads(
  rows: readonly DownloadDayTable[],
): (db: QueryBuilder) => Compilable<DownloadDayTable> {
  return (db) =>
    db
      .insertInto("download_day")
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(["app_id", "day", "channel", "release_id", "platform"])
          .doUpdateSet((eb) => ({ count: eb("download_day.count", "+", eb.ref("excluded.count")) })),
      )
      .returningAll();
}

/** The same for the sums by app. */
export function addAppDownloads(
  rows: readonly DownloadAppDayTable[],
): (db: QueryBuilder) => Compilable<DownloadAppDayTable> {
  return (db) =>
    db
      .insertInto("download_app_day")
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(["day", "app_id"])
          .doUpdateSet((eb) => ({ count: eb("download_app_day.count", "+", eb.ref("excluded.count")) })),
      )
      .returningAll();
}

/** Makes the sums by app from the counts, where there are none yet. */
export const sumDownloads = query<object>()((db) =>
  db.insertInto("download_app_day").expression(
    db
      .selectFrom("download_day")
      .select(["day", "app_id", sql<number>`sum(count)`.as("count")])
      .groupBy(["day", "app_id"]),
  ),
);

/** As it stands in another store. */
export const putDownloads = query<DownloadDayTable>()((db, p) =>
  db.insertInto("download_day").values({
    day: p.day,
    app_id: p.app_id,
    channel: p.channel,
    release_id: p.release_id,
    platform: p.platform,
    count: p.count,
  }),
);

/** By the index `download_day_day`. */
export const dropOldDownloads = query<{ before: string }>()((db, p) =>
  db.deleteFrom("download_day").where("day", "<", p.before),
);

export const dropOldAppDownloads = query<{ before: string }>()((db, p) =>
  db.deleteFrom("download_app_day").where("day", "<", p.before),
);
