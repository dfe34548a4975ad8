import { type Compilable, sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { EventTable } from "../tables.ts";

export interface AuditQuery {
  readonly appId?: string | undefined;
  readonly actor?: string | undefined;
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
  readonly order: "asc" | "desc";
  /** Begin behind this event. */
  readonly afterSeq: number | null;
  readonly limit: number;
}

export type AuditRow = Pick<EventTable, "seq" | "type" | "at" | "actor" | "subject" | "data">;

/** Events as the audit log shows them, by every filter at once. */
export function auditPage(filter: AuditQuery): (db: QueryBuilder) => Compilable<AuditRow> {
  return (db) => {
    let list = db.selectFrom("event").select(["seq", "type", "at", "actor", "subject", "data"]);
    if (filter.appId !== undefined) list = list.where("app_id", "=", filter.appId);
    if (filter.actor !== undefined) list = list.where("actor", "=", filter.actor);
    if (filter.type !== undefined) list = list.where("type", "=", filter.type);
    if (filter.subject !== undefined) list = list.where("subject", "=", filter.subject);
    if (filter.since !== undefined) list = list.where("at", ">=", filter.since);
    if (filter.until !== undefined) list = list.where("at", "<", filter.until);
    if (filter.afterSeq !== null)
      list = list.where("seq", filter.order === "asc" ? ">" : "<", filter.afterSeq);
    return list.orderBy("seq", filter.order).limit(filter.limit);
  };
}

/** The last time an object's bytes became present. */
export const lastStored = query<{ sha256: string }>()((db, p) =>
  db
    .selectFrom("event")
    .select(["seq", "data"])
    .where("subject", "=", p.sha256)
    .where("type", "=", "v1.object.stored")
    .orderBy("seq", "desc")
    .limit(1),
);

/** The events of a package's retention after one, in order. */
export const retentionEvents = query<{ subject: string; after: number; limit: number }>()((db, p) =>
  db
    .selectFrom("event")
    .select(["seq", "type", "at", "actor", "subject", "data"])
    .where("subject", "=", p.subject)
    .where("seq", ">", p.after)
    .where(sql<boolean>`type LIKE 'v1.retention.%'`)
    .orderBy("seq")
    .limit(p.limit),
);
