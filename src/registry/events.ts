import { toTimestamp } from "../base/clock.ts";
import { appBySlug } from "../catalog/queries/apps.ts";
import { eventsAfter, type EventRow } from "../catalog/queries/events.ts";
import { tokenById } from "../catalog/queries/tokens.ts";
import { logHead } from "../catalog/transaction.ts";
import type { JsonObject } from "../log/events.ts";
import { requireScope } from "./access.ts";
import type { Context } from "./context.ts";
import { authErrors, eventErrors, validationErrors } from "./errors.ts";
import { pageLimit } from "./paging.ts";
import type { Principal } from "./principal.ts";
import type { EventEntry, EventPage, EventRequest } from "./records/events.ts";

/** The log behind `after`, as recorded. Somebody limited to an app gets only the numbers of what is not that app's. */
export async function readEvents(context: Context, request: EventRequest): Promise<EventPage> {
  const { principal } = context;
  requireScope(principal, "audit", { app: principal.app, channel: principal.channel });
  const limit = pageLimit(request.limit === undefined ? {} : { limit: request.limit });
  const { after } = request;
  if (!Number.isSafeInteger(after) || after < 0) {
    throw validationErrors.error("page.invalid_cursor", `${after} is not the number of an event.`, {
      details: { after },
    });
  }
  return context.database.read(async (reader) => {
    const { log_id: logId, head } = (await reader.first(logHead, {}))!;
    if (after > head || (request.log_id ?? logId) !== logId) {
      throw eventErrors.error("events.cursor_unknown", `This log has no event ${after} to go on from.`, {
        details: { after, log_id: logId, head },
        hint: "Read from the start: the store was restored or replaced.",
      });
    }
    const slug = principal.app;
    // A token's app need not exist yet; until then nothing of it was recorded.
    const appId = slug === null ? null : (await reader.first(appBySlug, { slug }))?.id;
    const rows = await reader.all(eventsAfter, { after, limit });
    const items = rows.map((row): EventEntry =>
      appId === null || row.app_id === appId ? eventRecord(row) : { seq: row.seq },
    );
    return { log_id: logId, head, items };
  });
}

/**
 * Raises `auth.revoked`, `auth.expired` or `auth.unknown_token` when the token behind the principal does not work any
 * more. For work that outlives the request that was authenticated.
 */
export async function requireLive(
  context: Omit<Context, "principal">,
  { actorId, expiresAt }: Principal,
): Promise<void> {
  if (expiresAt !== null && expiresAt <= toTimestamp(context.clock.nowMs())) {
    throw authErrors.error("auth.expired", "The token has expired.", { details: { expires_at: expiresAt } });
  }
  if (actorId === null) return;
  const token = await context.database.read((reader) => reader.first(tokenById, { id: actorId }));
  if (token === undefined) throw authErrors.error("auth.unknown_token", "No such token was ever made here.");
  if (token.revoked_at !== null) throw authErrors.error("auth.revoked", "The token was revoked.");
}

function eventRecord(row: EventRow): EventEntry {
  // The hashes of secrets are of no use to a reader of events; they stay in the log.
  const { token_hash: _, secret_hash: __, ...data } = JSON.parse(row.data) as JsonObject;
  return { seq: row.seq, type: row.type, at: row.at, actor: row.actor, subject: row.subject, data };
}
