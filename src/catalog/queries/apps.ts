import type { Compilable } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { AppTable } from "../tables.ts";
import { type Keyset, newestFirst } from "./paging.ts";

export const appBySlug = query<{ slug: string }>()((db, p) =>
  db.selectFrom("app").selectAll().where("slug", "=", p.slug),
);

/** Apps, newest first; `visibility` or `slug` narrow the list to what the reader may see. */
export function appPage(
  page: Keyset,
  only: { visibility?: string; slug?: string },
): (db: QueryBuilder) => Compilable<AppTable> {
  return (db) => {
    let list = db.selectFrom("app").selectAll();
    if (only.visibility !== undefined) list = list.where("visibility", "=", only.visibility);
    if (only.slug !== undefined) list = list.where("slug", "=", only.slug);
    return newestFirst(list, page);
  };
}
