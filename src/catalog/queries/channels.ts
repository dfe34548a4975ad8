import { query, type QueryBuilder } from "../query.ts";

export const channelByName = query<{ app_id: string; name: string }>()((db, p) =>
  db.selectFrom("channel").selectAll().where("app_id", "=", p.app_id).where("name", "=", p.name),
);

export const channelsOfApp = query<{ app_id: string }>()((db, p) =>
  db.selectFrom("channel").selectAll().where("app_id", "=", p.app_id).orderBy("name"),
);

/** The channels that point at a release now. */
export const channelsPointingAt = query<{ release_id: string }>()((db, p) =>
  db.selectFrom("channel").selectAll().where("current_release_id", "=", p.release_id).orderBy("name"),
);

/** The releases that these packages are, once for each channel that points at one, and once where none does. */
export function releasesOfPackages(ids: readonly string[]) {
  return (db: QueryBuilder) =>
    db
      .selectFrom("release")
      .leftJoin("channel", "channel.current_release_id", "release.id")
      .select(["release.id", "release.version", "release.build", "release.package_id", "channel.name"])
      .where("release.package_id", "in", ids)
      .orderBy("channel.name");
}

/** The channels that point at a release, whose `current_since` is set, or pointed at it. */
export const channelsOfRelease = query<{ release_id: string }>()((db, p) =>
  db
    .selectFrom("channel_release")
    .select(["channel", "current_since"])
    .where("release_id", "=", p.release_id)
    .orderBy("channel"),
);

/** One move of a channel's history, with the state its release is in today. */
export const moveWithStatus = query<{ seq: number }>()((db, p) =>
  db
    .selectFrom("channel_move")
    .leftJoin("release", "release.id", "channel_move.release_id")
    .select(["channel_move.seq", "channel_move.release_id", "channel_move.back_seq", "release.status"])
    .where("channel_move.seq", "=", p.seq),
);

/** A channel's moves, oldest first, after `after`. */
export const movesOfChannel = query<{ app_id: string; channel: string; after: number; limit: number }>()(
  (db, p) =>
    db
      .selectFrom("channel_move")
      .leftJoin("release", "release.id", "channel_move.release_id")
      .selectAll("channel_move")
      .select(["release.version", "release.build"])
      .where("channel_move.app_id", "=", p.app_id)
      .where("channel_move.channel", "=", p.channel)
      .where("channel_move.seq", ">", p.after)
      .orderBy("channel_move.seq")
      .limit(p.limit),
);

/** For how long a release was current in a channel; no row when it never was. */
export const timeInChannel = query<{ app_id: string; channel: string; release_id: string }>()((db, p) =>
  db
    .selectFrom("channel_release")
    .select(["current_since", "current_ms"])
    .where("app_id", "=", p.app_id)
    .where("channel", "=", p.channel)
    .where("release_id", "=", p.release_id),
);
