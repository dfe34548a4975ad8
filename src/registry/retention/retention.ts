import { toTimestamp } from "../../base/clock.ts";
import { newId } from "../../base/ids.ts";
import type { Reader } from "../../catalog/database.ts";
import { retentionEvents } from "../../catalog/queries/audit.ts";
import { activeHolds, extensionsOf, holdById, retentionStateOf } from "../../catalog/queries/retention.ts";
import type { HoldTable, PackageTable } from "../../catalog/tables.ts";
import type { JsonObject } from "../../log/events.ts";
import { requireScope } from "../access.ts";
import type { Context } from "../context.ts";
import { retentionErrors } from "../errors.ts";
import { once } from "../idempotency.ts";
import { findPackage, requirePackageReader, requireThere } from "../packages/find-package.ts";
import { checkField, checkRequiredReason } from "../packages/package-rules.ts";
import { pageLimit, pageOf, seqCursorOf } from "../paging.ts";
import type {
  HoldRecord,
  RetentionClassRecord,
  RetentionHistoryRecord,
  RetentionRecord,
} from "../records/packages.ts";
import type { Page, PageRequest } from "../records/pages.ts";
import { retentionClassNames } from "../retention-classes.ts";
import { checkTime } from "../rules.ts";
import { lockState } from "./lock-state.ts";
import { recordNeededAgain } from "./marks.ts";
import { planOf } from "./plan.ts";

/** The classes there are, with the periods that new packages get. */
export async function retentionClasses({
  principal,
  settings,
}: Context): Promise<Page<RetentionClassRecord>> {
  requirePackageReader(principal);
  const items = retentionClassNames.map((name) => {
    const period = settings.retentionClasses[name] ?? null;
    return {
      name,
      default_duration: period === null ? null : `${period.count}${period.unit}`,
      is_default: name === settings.defaultRetentionClass,
    };
  });
  return { items, next: null };
}

/** What keeps a package, judged now. */
export async function getRetention(context: Context, id: string): Promise<RetentionRecord> {
  return context.database.read(async (reader) => {
    const { row } = await findPackage(reader, context, id);
    return retentionRecord(reader, context, row, toTimestamp(context.clock.nowMs()));
  });
}

/** Grants a package more time. What was granted before is never taken back. */
export async function extendRetention(
  context: Context,
  id: string,
  request: { new_expires_at: string; reason: string },
): Promise<RetentionRecord> {
  const reason = checkRequiredReason(request.reason);
  const until = checkTime(request.new_expires_at);
  return once(context, async (tx) => {
    const row = await findKept(tx, context, id);
    const state = await tx.first(retentionStateOf, { package_id: id });
    const before = state?.current_expires_at ?? null;
    if (before === null && typeof state?.retention_class === "string") {
      throw retentionErrors.error("retention.permanent", `${id} is kept for ever.`, {
        details: { package: id, retention_class: state.retention_class },
      });
    }
    if (until <= tx.now || (before !== null && until <= before)) {
      throw retentionErrors.error("retention.not_later", `${until} is not later than what holds already.`, {
        details: { new_expires_at: until, current_expires_at: before, now: tx.now },
      });
    }
    await tx.record({
      type: "v1.retention.extended",
      subject: id,
      data: {
        app_id: row.app_id,
        package_id: id,
        new_expires_at: until,
        previous_expires_at: before,
        reason,
      },
    });
    await recordNeededAgain(tx, row);
    return retentionRecord(tx, context, row, tx.now);
  });
}

/** Holds a package, whatever its date, until the hold is released. */
export async function holdPackage(
  context: Context,
  id: string,
  request: { reason: string; case?: string | null },
): Promise<HoldRecord> {
  const reason = checkRequiredReason(request.reason);
  const name = checkField("case", request.case);
  return once(context, async (tx) => {
    const row = await findKept(tx, context, id);
    const holdId = newId("hold");
    await tx.record({
      type: "v1.retention.hold_applied",
      subject: id,
      data: { app_id: row.app_id, package_id: id, hold_id: holdId, reason, case: name },
    });
    await recordNeededAgain(tx, row);
    return holdRecord((await tx.first(holdById, { id: holdId, package_id: id }))!);
  });
}

/** Lets a hold go. Others stay. */
export async function releaseHold(
  context: Context,
  id: string,
  holdId: string,
  request: { reason: string },
): Promise<HoldRecord> {
  const reason = checkRequiredReason(request.reason);
  return once(context, async (tx) => {
    const row = await findKept(tx, context, id);
    const hold = await tx.first(holdById, { id: holdId, package_id: id });
    if (hold === undefined) {
      throw retentionErrors.error("hold.not_found", `${id} has no hold ${holdId}.`, {
        details: { package: id, hold: holdId },
      });
    }
    if (hold.released_at !== null) {
      throw retentionErrors.error("hold.already_released", `${holdId} was released before.`, {
        details: { hold: holdId, released_at: hold.released_at, released_by: hold.released_by },
      });
    }
    await tx.record({
      type: "v1.retention.hold_released",
      subject: id,
      data: { app_id: row.app_id, package_id: id, hold_id: holdId, reason },
    });
    return holdRecord((await tx.first(holdById, { id: holdId, package_id: id }))!);
  });
}

/** The events of a package's retention, as they were recorded. They stay when the package is deleted. */
export async function retentionHistory(
  context: Context,
  id: string,
  page: PageRequest,
): Promise<Page<RetentionHistoryRecord>> {
  const limit = pageLimit(page);
  const after = seqCursorOf(page) ?? 0;
  return context.database.read(async (reader) => {
    await findPackage(reader, context, id);
    const rows = await reader.all(retentionEvents, { subject: id, after, limit: limit + 1 });
    return pageOf(
      rows,
      limit,
      ({ data, ...event }) => ({ ...event, data: JSON.parse(data) as JsonObject }),
      (row) => [row.seq],
    );
  });
}

/** A package whose retention the principal may change. Raises `auth.*`, `package.not_found`, `package.deleted`. */
async function findKept(reader: Reader, context: Context, id: string): Promise<PackageTable> {
  const { principal } = context;
  requireScope(principal, "retention", { app: principal.app });
  const { row } = await findPackage(reader, context, id);
  requireThere(row);
  return row;
}

async function retentionRecord(
  reader: Reader,
  context: Pick<Context, "settings">,
  row: PackageTable,
  now: string,
): Promise<RetentionRecord> {
  const { id } = row;
  const state = await reader.first(retentionStateOf, { package_id: id });
  const extensions = await reader.all(extensionsOf, { package_id: id });
  const holds = await reader.all(activeHolds, { package_id: id });
  const decision = row.deleted_at === null ? await planOf(reader, row, now) : undefined;
  return {
    package_id: id,
    retention_class: state?.retention_class ?? null,
    current_expires_at: state?.current_expires_at ?? null,
    holds: holds.map(holdRecord),
    extensions: extensions.map(({ new_expires_at, previous_expires_at, reason, actor, at }) => ({
      new_expires_at,
      previous_expires_at,
      reason,
      actor,
      at,
    })),
    eligible_for_deletion: decision?.action === "delete",
    marked_at: state?.marked_at ?? null,
    ...(await lockState(reader, context, row, { state, now })),
    reasons: decision?.reasons ?? [
      { rule: "deleted", until: null, ref: null, text: `It was deleted at ${row.deleted_at}.` },
    ],
  };
}

function holdRecord(row: HoldTable): HoldRecord {
  return {
    id: row.id,
    package_id: row.package_id,
    reason: row.reason,
    case: row.case_name,
    actor: row.actor,
    applied_at: row.applied_at,
    released_at: row.released_at,
    released_by: row.released_by,
    release_reason: row.release_reason,
  };
}
