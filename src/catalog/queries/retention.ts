import { sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";

/** A release that is not deleted, with what its app and its package say about keeping it. */
const releaseFacts = (db: QueryBuilder) =>
  db
    .selectFrom("release")
    .innerJoin("app", "app.id", "release.app_id")
    .innerJoin("package", "package.id", "release.package_id")
    .selectAll("release")
    .select(["app.retention_keep", "package.size_bytes"])
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

export const retentionStateOf = query<{ package_id: string }>()((db, p) =>
  db.selectFrom("retention_state").selectAll().where("package_id", "=", p.package_id),
);

/** A package's extensions, oldest first. */
export const extensionsOf = query<{ package_id: string }>()((db, p) =>
  db.selectFrom("retention_extension").selectAll().where("package_id", "=", p.package_id).orderBy("seq"),
);

/** A package's active holds, oldest first. */
export const activeHolds = query<{ package_id: string }>()((db, p) =>
  db
    .selectFrom("hold")
    .selectAll()
    .where("package_id", "=", p.package_id)
    .where("released_at", "is", null)
    .orderBy("seq"),
);

export const holdById = query<{ id: string; package_id: string }>()((db, p) =>
  db.selectFrom("hold").selectAll().where("id", "=", p.id).where("package_id", "=", p.package_id),
);

/** The release whose substance a package is. */
export const releaseOfPackage = query<{ package_id: string }>()((db, p) =>
  releaseFacts(db).where("release.package_id", "=", p.package_id),
);

/** Where a walk over what is due goes on: behind this package. */
interface DueWalk {
  readonly now: string;
  readonly due_at: string;
  readonly id: string;
  readonly limit: number;
}

/** Evidence that is due by then and was not recorded as such, by when it became so. */
export const unmarkedDue = query<DueWalk>()((db, p) =>
  db
    .selectFrom("retention_state")
    .select(["package_id as id", sql<string>`due_at`.as("due_at")])
    .where("due_at", "<=", p.now)
    .where(sql<boolean>`due_at IS NOT NULL`)
    .where(sql<boolean>`marked_at IS NULL`)
    .where((eb) => eb(eb.refTuple("due_at", "package_id"), ">", eb.tuple(p.due_at, p.id)))
    .orderBy("due_at")
    .orderBy("package_id")
    .limit(p.limit),
);

/** Evidence that is due by then, by when it became so: what a cleanup looks at. */
export const evidenceDue = query<DueWalk>()((db, p) =>
  db
    .selectFrom("retention_state")
    .innerJoin("package", "package.id", "retention_state.package_id")
    .select(["package.id", "package.size_bytes", sql<string>`retention_state.due_at`.as("due_at")])
    .where("retention_state.due_at", "<=", p.now)
    .where(sql<boolean>`retention_state.due_at IS NOT NULL`)
    .where("retention_state.app_id", "is", null)
    .where((eb) =>
      eb(eb.refTuple("retention_state.due_at", "retention_state.package_id"), ">", eb.tuple(p.due_at, p.id)),
    )
    .orderBy("retention_state.due_at")
    .orderBy("retention_state.package_id")
    .limit(p.limit),
);

/** Releases whose own period ended in between. */
export const releasesExpired = query<{ from: string; to: string }>()((db, p) =>
  db
    .selectFrom("retention_state")
    .select(["package_id", "app_id"])
    .where(sql<boolean>`app_id IS NOT NULL`)
    .where("current_expires_at", ">", p.from)
    .where("current_expires_at", "<=", p.to),
);

/** Apps of which anything happened after an event; `windows` counts where they do not keep every release. */
export const appsTouchedAfter = query<{ seq: number }>()((db, p) =>
  db
    .selectFrom("app")
    .select("id")
    .select((eb) => [
      sql<number>`(CASE WHEN retention_keep > 0 THEN 1 ELSE 0 END) + (${eb
        .selectFrom("channel")
        .select(eb.fn.countAll<number>().as("count"))
        .whereRef("channel.app_id", "=", "app.id")
        .where("channel.retention_keep", ">", 0)})`.as("windows"),
    ])
    .where("last_seq", ">", p.seq)
    .orderBy("id"),
);

/** An app's releases that were recorded as such that may go. */
export const markedOfApp = query<{ app_id: string }>()((db, p) =>
  db
    .selectFrom("retention_state")
    .select("package_id")
    .where("app_id", "=", p.app_id)
    .where(sql<boolean>`due_at IS NOT NULL`),
);

/** An app's releases that were not, and are neither drafts nor deleted, after one, in order. */
export const unmarkedReleases = query<{ app_id: string; id: string; limit: number }>()((db, p) =>
  db
    .selectFrom("release")
    .leftJoin("retention_state", "retention_state.package_id", "release.package_id")
    .select(["release.id", "release.package_id"])
    .where("release.app_id", "=", p.app_id)
    .where("release.status", "in", ["published", "revoked"])
    .where("release.id", ">", p.id)
    .where("retention_state.marked_at", "is", null)
    .orderBy("release.id")
    .limit(p.limit),
);

export const lastSweep = query<object>()((db) =>
  db.selectFrom("retention_sweep").select(["seq", "at"]).where("id", "=", 1),
);

export const putSweep = query<{ seq: number; at: string }>()((db, p) =>
  db
    .insertInto("retention_sweep")
    .values({ id: 1, seq: p.seq, at: p.at })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ seq: p.seq, at: p.at })),
);
