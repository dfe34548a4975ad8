import type { Compilable } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { ShareTable } from "../tables.ts";
import { type Keyset, newestFirst } from "./paging.ts";

export const shareById = query<{ id: string }>()((db, p) =>
  db.selectFrom("share").selectAll().where("id", "=", p.id),
);

/** A share by its secret, with the slug of its app. */
export const shareBySecret = query<{ secret_hash: string }>()((db, p) =>
  db
    .selectFrom("share")
    .innerJoin("app", "app.id", "share.app_id")
    .selectAll("share")
    .select("app.slug")
    .where("share.secret_hash", "=", p.secret_hash),
);

/** An app's shares, newest first. */
export function sharePage(page: Keyset, appId: string): (db: QueryBuilder) => Compilable<ShareTable> {
  return (db) => newestFirst(db.selectFrom("share").selectAll().where("app_id", "=", appId), page);
}

/** The channels of an app that point at a release now. */
export const channelsServing = query<{ release_id: string }>()((db, p) =>
  db.selectFrom("channel").select("name").where("current_release_id", "=", p.release_id),
);
