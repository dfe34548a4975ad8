import type { Compilable } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { TokenTable, TokenUseTable } from "../tables.ts";
import { type Keyset, newestFirst } from "./paging.ts";

export const tokenByHash = query<{ token_hash: string }>()((db, p) =>
  db.selectFrom("token").selectAll().where("token_hash", "=", p.token_hash),
);

export const tokenById = query<{ id: string }>()((db, p) =>
  db.selectFrom("token").selectAll().where("id", "=", p.id),
);

/** A token of this name that still works at `now`. */
export const liveTokenByName = query<{ name: string; now: string }>()((db, p) =>
  db
    .selectFrom("token")
    .select("id")
    .where("name", "=", p.name)
    .where("revoked_at", "is", null)
    .where((eb) => eb.or([eb("expires_at", "is", null), eb("expires_at", ">", p.now)]))
    .limit(1),
);

/** Any token that ever carried `admin` without a limit, whatever became of it. */
export const anyAdministrator = query<object>()((db) =>
  db
    .selectFrom("token")
    .select("id")
    .where("scopes", "like", '%"admin"%')
    .where("app", "is", null)
    .where("channel", "is", null)
    .limit(1),
);

export const tokenUse = query<{ token_id: string }>()((db, p) =>
  db.selectFrom("token_use").select("last_used_at").where("token_id", "=", p.token_id),
);

export const putTokenUse = query<TokenUseTable>()((db, p) =>
  db
    .insertInto("token_use")
    .values({ token_id: p.token_id, last_used_at: p.last_used_at })
    .onConflict((conflict) => conflict.column("token_id").doUpdateSet({ last_used_at: p.last_used_at })),
);

/** Tokens, newest first; only those limited to `app` when it is given. */
export function tokenPage(
  page: Keyset,
  only: { app: string | null },
): (db: QueryBuilder) => Compilable<TokenTable> {
  return (db) => {
    const list = db.selectFrom("token").selectAll();
    return newestFirst(only.app === null ? list : list.where("app", "=", only.app), page);
  };
}
