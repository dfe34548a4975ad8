import { appBySlug } from "../catalog/queries/apps.ts";
import { type AuditRow, auditPage } from "../catalog/queries/audit.ts";
import type { JsonObject } from "../log/events.ts";
import { appNotFound, requireScope } from "./access.ts";
import type { Context } from "./context.ts";
import { pageLimit, pageOf, seqCursorOf } from "./paging.ts";
import type { AuditFilter, AuditRecord } from "./records/events.ts";
import type { Page, PageRequest } from "./records/pages.ts";
import { checkTime } from "./rules.ts";

/** The log as the audit view shows it. Somebody limited to an app sees that app's events only. */
export async function listAudit(
  context: Context,
  filter: AuditFilter & PageRequest,
): Promise<Page<AuditRecord>> {
  const { principal } = context;
  const slug = filter.app ?? principal.app;
  requireScope(principal, "audit", { app: slug, channel: principal.channel });
  const limit = pageLimit(filter);
  const { since, until, action } = filter;
  return context.database.read(async (reader) => {
    const app = slug === null ? undefined : await reader.first(appBySlug, { slug });
    // A token's app need not exist yet; until then nothing of it was recorded.
    if (app === undefined && filter.app === undefined && slug !== null) return { items: [], next: null };
    if (slug !== null && app === undefined) throw appNotFound(slug);
    const page = auditPage({
      appId: app?.id,
      actor: filter.actor,
      type: action === undefined || action.startsWith("v1.") ? action : `v1.${action}`,
      subject: filter.target,
      since: since === undefined ? undefined : checkTime(since),
      until: until === undefined ? undefined : checkTime(until),
      order: filter.order === "ascending" ? "asc" : "desc",
      afterSeq: seqCursorOf(filter),
      limit: limit + 1,
    });
    return pageOf(await reader.fetch(page), limit, auditRecord, (row) => [row.seq]);
  });
}

function auditRecord(row: AuditRow): AuditRecord {
  // The hash of a secret is of no use to a reader of the audit log; it stays in the log.
  const {
    actor_id: actorId = null,
    token_hash: _token,
    secret_hash: _secret,
    ...metadata
  } = JSON.parse(row.data) as Record<string, unknown>;
  const action = row.type.replace(/^v1\./, "");
  return {
    id: row.seq,
    action,
    actor: row.actor,
    actor_id: actorId as string | null,
    target_type: targetType(action),
    target_id: row.subject,
    metadata: metadata as JsonObject,
    created_at: row.at,
  };
}

/** What an action is done to: its first word, but for retention, which is done to a package. */
function targetType(action: string): string {
  const first = action.split(".")[0]!;
  return first === "retention" ? "package" : first;
}
