import { query } from "../query.ts";
import type { EventTable } from "../tables.ts";

export type EventRow = Pick<EventTable, "seq" | "type" | "at" | "actor" | "subject" | "app_id" | "data">;

/** What was recorded behind an event, in the log's order. */
export const eventsAfter = query<{ after: number; limit: number }>()((db, p) =>
  db
    .selectFrom("event")
    .select(["seq", "type", "at", "actor", "subject", "app_id", "data"])
    .where("seq", ">", p.after)
    .orderBy("seq")
    .limit(p.limit),
);
