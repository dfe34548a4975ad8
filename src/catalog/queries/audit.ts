import { type Compilable, type Expression, sql } from "kysely";

import { query, type QueryBuilder } from "../query.ts";
import type { EventTable } from "../tables.ts";
import { unindexed } from "./unindexed.ts";

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

/**
 * Events as the audit log shows them, by every filter at once. Times never go back in the log, so that a period is one of sequence numbers,
 * and the index of any other filter still gives the order.
 */
export function auditPage(filter: AuditQuery): (db: QueryBuilder) => Compilable<AuditRow> {
  return (db) => {
    let list = db.selectFrom("event").select(["seq", "type", "at", "actor", "subject", "data"]);
    // The app has more events than any one thing of it.
    if (filter.appId !== undefined) {
      list = list.where(filter.subject === undefined ? "app_id" : unindexed("app_id"), "=", filter.appId);
    }
    if (filter.actor !== undefined) list = list.where("actor", "=", filter.actor);
    if (filter.type !== undefined) list = list.where("type", "=", filter.type);
    if (filter.subject !== undefined) list = list.where("subject", "=", filter.subject);
    if (filter.since !== undefined) list = list.where(sql<boolean>`seq >= ${firstSince(filter.since)}`);
    if (filter.until !== undefined) {
      list = list.where(
        sql<boolean>`seq < coalesce(${firstSince(filter.until)}, ${sql.lit(Number.MAX_SAFE_INTEGER)})`,
      );
    }
    if (filter.afterSeq !== null)
      list = list.where("seq", filter.order === "asc" ? ">" : "<", filter.afterSeq);
    return list.orderBy("seq", filter.order).limit(filter.limit);
  };
}

/** The number of the first event at or after a time, by `event_at`; null when there is none. */
export function firstSince(time: Expression<string> | string) {
  return sql<number | null>`(SELECT seq FROM event WHERE at >= ${time} ORDER BY at, seq LIMIT 1)`;
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
