import type { ReferenceExpression, SelectQueryBuilder } from "kysely";

import type { Tables } from "../tables.ts";

/** A page of a list that is ordered by (`created_at`, `id`), newest first. */
export interface Keyset {
  /** Rows to read: one more than the page shows tells whether another follows. */
  readonly limit: number;
  readonly after: { readonly createdAt: string; readonly id: string } | null;
}

/** Orders a list newest first, by `created_at` and `id` unless other columns are named, and begins it behind the cursor. */
export function newestFirst<T extends keyof Tables, R>(
  list: SelectQueryBuilder<Tables, T, R>,
  page: Keyset,
  columns: readonly [time: string, id: string] = ["created_at", "id"],
): SelectQueryBuilder<Tables, T, R> {
  const createdAt = columns[0] as ReferenceExpression<Tables, T>;
  const id = columns[1] as ReferenceExpression<Tables, T>;
  const { after } = page;
  const behind =
    after === null
      ? list
      : list.where((eb) => eb(eb.refTuple(createdAt, id), "<", eb.tuple(after.createdAt, after.id) as never));
  return behind.orderBy(createdAt, "desc").orderBy(id, "desc").limit(page.limit);
}
