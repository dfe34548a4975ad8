import { type Compilable, sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { ReleaseTable } from "../tables.ts";
import { type Keyset, newestFirst } from "./paging.ts";

export const releaseById = query<{ id: string }>()((db, p) =>
  db.selectFrom("release").selectAll().where("id", "=", p.id),
);

/** The release that holds this version and build for ever: published, revoked or deleted; never a draft. */
export const publishedVersion = query<{ app_id: string; version: string; build: string }>()((db, p) =>
  db
    .selectFrom("release")
    .selectAll()
    .where("app_id", "=", p.app_id)
    .where("version", "=", p.version)
    .where("build", "=", p.build)
    .where("published_at", "is not", null),
);

export const openDraft = query<{ app_id: string; version: string; build: string }>()((db, p) =>
  db
    .selectFrom("release")
    .selectAll()
    .where("app_id", "=", p.app_id)
    .where("version", "=", p.version)
    .where("build", "=", p.build)
    .where(sql<boolean>`status = 'draft'`),
);

/** The builds of one version that were ever published. At most two are read: two are ambiguous already. */
export const buildsOfVersion = query<{ app_id: string; version: string }>()((db, p) =>
  db
    .selectFrom("release")
    .selectAll()
    .where("app_id", "=", p.app_id)
    .where("version", "=", p.version)
    .where("published_at", "is not", null)
    .orderBy("build")
    .limit(2),
);

/** The open drafts of one version, at most two. */
export const draftsOfVersion = query<{ app_id: string; version: string }>()((db, p) =>
  db
    .selectFrom("release")
    .selectAll()
    .where("app_id", "=", p.app_id)
    .where("version", "=", p.version)
    .where(sql<boolean>`status = 'draft'`)
    .orderBy("build")
    .limit(2),
);

export const artifactsOfRelease = query<{ release_id: string }>()((db, p) =>
  db.selectFrom("artifact").selectAll().where("release_id", "=", p.release_id).orderBy("id"),
);

/** An app's releases that are not deleted, newest first. */
export function releasePage(
  page: Keyset,
  only: { appId: string; channel?: string | undefined; drafts: boolean },
): (db: QueryBuilder) => Compilable<ReleaseTable> {
  return (db) => {
    let list = db
      .selectFrom("release")
      .selectAll()
      .where("app_id", "=", only.appId)
      .where(sql<boolean>`status <> 'deleted'`);
    if (!only.drafts) list = list.where("status", "<>", "draft");
    if (only.channel !== undefined) list = list.where("channel", "=", only.channel);
    return newestFirst(list, page);
  };
}
