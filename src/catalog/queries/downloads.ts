import type { Compilable } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { DownloadDayTable } from "../tables.ts";

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

/** By the index `download_day_app`. */
export const dropOldDownloads = query<{ before: string }>()((db, p) =>
  db.deleteFrom("download_day").where("day", "<", p.before),
);
