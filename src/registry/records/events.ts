import type { JsonObject } from "../../log/events.ts";

export interface AuditFilter {
  readonly app?: string;
  readonly actor?: string;
  /** The event type, with or without `v1.`. */
  readonly action?: string;
  readonly target?: string;
  /** RFC 3339, inclusive. */
  readonly since?: string;
  /** RFC 3339, exclusive. */
  readonly until?: string;
  readonly order?: "ascending" | "descending";
}

export interface AuditRecord {
  /** The event's place in the log. */
  readonly id: number;
  readonly action: string;
  readonly actor: string;
  readonly actor_id: string | null;
  readonly target_type: string;
  readonly target_id: string;
  readonly metadata: JsonObject;
  readonly created_at: string;
}

export interface EventRequest {
  /** The number of the last event that is known already; 0 for the start of the log. */
  readonly after: number;
  /** 1 to 1,000; 50 when absent. */
  readonly limit?: number;
  /** The log that `after` counts in, where the caller knows it. */
  readonly log_id?: string;
}

export interface EventPage {
  readonly log_id: string;
  /** The number of the log's last event. */
  readonly head: number;
  /** Ascending, without a gap. */
  readonly items: readonly EventEntry[];
}

/** An event as recorded, but for the hashes of secrets; only its number where the caller may not see more. */
export type EventEntry = EventRecord | { readonly seq: number };

export interface EventRecord {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  readonly subject: string;
  readonly data: JsonObject;
}
