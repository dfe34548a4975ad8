import type { Compilable } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { SessionTable } from "../tables.ts";
import { type Keyset, newestFirst } from "./paging.ts";

export const insertSession = query<SessionTable>()((db, p) =>
  db.insertInto("session").values({
    id: p.id,
    secret_hash: p.secret_hash,
    previous_hash: p.previous_hash,
    previous_until: p.previous_until,
    rotated_at: p.rotated_at,
    csrf_key: p.csrf_key,
    token_id: p.token_id,
    actor: p.actor,
    scopes: p.scopes,
    app: p.app,
    channel: p.channel,
    user_agent: p.user_agent,
    created_at: p.created_at,
    last_seen_at: p.last_seen_at,
    expires_at: p.expires_at,
    seen_seq: p.seen_seq,
    seen_at: p.seen_at,
  }),
);

/** The session that this secret opens, or opened before it was changed. */
export const sessionBySecret = query<{ hash: string }>()((db, p) =>
  db
    .selectFrom("session")
    .selectAll()
    .where((eb) => eb.or([eb("secret_hash", "=", p.hash), eb("previous_hash", "=", p.hash)])),
);

export const sessionById = query<{ id: string }>()((db, p) =>
  db.selectFrom("session").selectAll().where("id", "=", p.id),
);

/** Sessions that have not ended by `now`, newest first; by `session_actor` those of one actor. */
export function sessionPage(
  page: Keyset,
  { actor, now }: { readonly actor: string | undefined; readonly now: string },
): (db: QueryBuilder) => Compilable<SessionTable> {
  return (db) => {
    const list = db.selectFrom("session").selectAll().where("expires_at", ">", now);
    return newestFirst(actor === undefined ? list : list.where("actor", "=", actor), page);
  };
}

/** Changes a session's secret unless somebody else just did; answers 1 when it was changed. */
export const rotateSession = query<{
  id: string;
  from: string;
  to: string;
  now: string;
  previous_until: string;
}>()((db, p) =>
  db
    .updateTable("session")
    .set({ secret_hash: p.to, previous_hash: p.from, previous_until: p.previous_until, rotated_at: p.now })
    .where("id", "=", p.id)
    .where("secret_hash", "=", p.from),
);

export const noteSessionUse = query<{ id: string; now: string }>()((db, p) =>
  db.updateTable("session").set({ last_seen_at: p.now }).where("id", "=", p.id),
);

export const noteSessionSeen = query<{ id: string; seq: number; at: string }>()((db, p) =>
  db.updateTable("session").set({ seen_seq: p.seq, seen_at: p.at }).where("id", "=", p.id),
);

/** Where somebody looked last, in any session. */
export const lastSeenOfActor = query<{ actor: string }>()((db, p) =>
  db
    .selectFrom("session")
    .select(["seen_seq", "seen_at"])
    .where("actor", "=", p.actor)
    .where("seen_seq", "is not", null)
    .orderBy("seen_seq", "desc")
    .limit(1),
);

export const deleteSession = query<{ id: string }>()((db, p) =>
  db.deleteFrom("session").where("id", "=", p.id),
);

export const deleteSessionsOfActor = query<{ actor: string }>()((db, p) =>
  db.deleteFrom("session").where("actor", "=", p.actor),
);

export const dropExpiredSessions = query<{ now: string }>()((db, p) =>
  db.deleteFrom("session").where("expires_at", "<=", p.now),
);
