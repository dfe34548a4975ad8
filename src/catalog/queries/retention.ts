import { sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";

/** A release that is not deleted, with what its app and its package say about keeping it. */
const releaseFacts = (db: QueryBuilder) =>
  db
    .selectFrom("release")
    .innerJoin("app", "app.id", "release.app_id")
    .innerJoin("package", "package.id", "release.package_id")
    .leftJoin("retention_state", "retention_state.package_id", "release.package_id")
    .selectAll("release")
    .select([
      "app.retention_keep",
      "package.size_bytes",
      "retention_state.retention_class",
      "retention_state.current_expires_at",
    ])
    .where("release.status", "<>", "deleted");

/** Releases after an id, in order: the walk of a cleanup. */
export const releasesAfter = query<{ id: string; limit: number }>()((db, p) =>
  releaseFacts(db).where("release.id", ">", p.id).orderBy("release.id").limit(p.limit),
);

/** The same of one release. */
export const releaseForCleanup = query<{ id: string }>()((db, p) =>
  releaseFacts(db).where("release.id", "=", p.id),
);

/** The channels a release was ever current in, with what their windows keep. */
export const windowsOfRelease = query<{ release_id: string }>()((db, p) =>
  db
    .selectFrom("channel_release")
    .innerJoin("channel", (join) =>
      join
        .onRef("channel.app_id", "=", "channel_release.app_id")
        .onRef("channel.name", "=", "channel_release.channel"),
    )
    .select([
      "channel.name",
      "channel.retention_keep",
      "channel.current_release_id",
      "channel_release.last_seq",
      "channel_release.app_id",
    ])
    .where("channel_release.release_id", "=", p.release_id)
    .orderBy("channel.name"),
);

/** How many published releases a channel pointed at more recently, counted no further than `limit`. */
export const aheadInChannel = query<{ app_id: string; channel: string; last_seq: number; limit: number }>()(
  (db, p) =>
    db
      .selectFrom(
        db
          .selectFrom("channel_release")
          .innerJoin("release", "release.id", "channel_release.release_id")
          .select("release.id")
          .where("channel_release.app_id", "=", p.app_id)
          .where("channel_release.channel", "=", p.channel)
          .where("channel_release.last_seq", ">", p.last_seq)
          .where("release.status", "=", "published")
          .limit(p.limit)
          .as("ahead"),
      )
      .select((eb) => eb.fn.countAll<number>().as("count")),
);

/** How many published releases of the app that were never on a channel are newer, counted no further than `limit`. */
export const aheadNeverCurrent = query<{ app_id: string; created_at: string; id: string; limit: number }>()(
  (db, p) =>
    db
      .selectFrom(
        db
          .selectFrom("release")
          .select("id")
          .where("app_id", "=", p.app_id)
          .where(sql<boolean>`status = 'published'`)
          .where(sql<boolean>`was_current = 0`)
          .where((eb) => eb(eb.refTuple("created_at", "id"), ">", eb.tuple(p.created_at, p.id)))
          .limit(p.limit)
          .as("ahead"),
      )
      .select((eb) => eb.fn.countAll<number>().as("count")),
);
