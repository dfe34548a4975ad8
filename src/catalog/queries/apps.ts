import type { Compilable } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { AppTable } from "../tables.ts";
import { type Keyset, newestFirst } from "./paging.ts";

export const appBySlug = query<{ slug: string }>()((db, p) =>
  db.selectFrom("app").selectAll().where("slug", "=", p.slug),
);

export const appById = query<{ id: string }>()((db, p) =>
  db.selectFrom("app").selectAll().where("id", "=", p.id),
);

/** Whether somebody may see an app, and what was the last that happened to it. */
export const appVersionBySlug = query<{ slug: string }>()((db, p) =>
  db.selectFrom("app").select(["id", "slug", "visibility", "last_seq"]).where("slug", "=", p.slug),
);

/** Apps, newest first; those that are `visibility` or called `slug`, when either is given. */
export function appPage(
  page: Keyset,
  only: { visibility?: string; slug?: string },
): (db: QueryBuilder) => Compilable<AppTable> {
  return (db) => {
    const list = db.selectFrom("app").selectAll();
    const { visibility, slug } = only;
    if (visibility === undefined && slug === undefined) return newestFirst(list, page);
    const chosen = list.where((eb) =>
      eb.or([
        ...(visibility === undefined ? [] : [eb("visibility", "=", visibility)]),
        ...(slug === undefined ? [] : [eb("slug", "=", slug)]),
      ]),
    );
    return newestFirst(chosen, page);
  };
}
