import type { EventOf } from "../../log/events.ts";
import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import { countPackage } from "./usage.ts";
import type { HoldTable, RetentionExtensionTable, RetentionStateTable } from "../tables.ts";

export async function defaultApplied(
  writer: Writer,
  { data }: EventOf<"v1.retention.default_applied">,
): Promise<void> {
  await change(writer, data, () => ({
    retention_class: data.retention_class,
    class_expires_at: data.expires_at,
    current_expires_at: data.expires_at,
  }));
}

export async function extended(
  writer: Writer,
  { seq, at, actor, data }: EventOf<"v1.retention.extended">,
): Promise<void> {
  const { package_id, new_expires_at, previous_expires_at, reason } = data;
  await writer.change(insertExtension, {
    seq,
    package_id,
    new_expires_at,
    previous_expires_at,
    reason,
    actor,
    at,
  });
  await change(writer, data, () => ({ current_expires_at: new_expires_at }));
}

export async function holdApplied(
  writer: Writer,
  { seq, at, actor, data }: EventOf<"v1.retention.hold_applied">,
): Promise<void> {
  await writer.change(insertHold, {
    id: data.hold_id,
    package_id: data.package_id,
    seq,
    reason: data.reason,
    case_name: data.case,
    actor,
    applied_at: at,
    released_at: null,
    released_by: null,
    release_reason: null,
  });
  await change(writer, data, ({ active_holds: holds }) => ({ active_holds: holds + 1 }));
}

export async function holdReleased(
  writer: Writer,
  { at, actor, data }: EventOf<"v1.retention.hold_released">,
): Promise<void> {
  await writer.change(releaseHold, {
    id: data.hold_id,
    released_at: at,
    released_by: actor,
    release_reason: data.reason,
  });
  await change(writer, data, ({ active_holds: holds }) => ({ active_holds: holds - 1 }));
}

export async function deletionEligible(
  writer: Writer,
  { at, data }: EventOf<"v1.retention.deletion_eligible">,
): Promise<void> {
  await change(writer, data, () => ({ marked_at: at }));
}

export async function deletionIneligible(
  writer: Writer,
  { data }: EventOf<"v1.retention.deletion_ineligible">,
): Promise<void> {
  await change(writer, data, () => ({ marked_at: null }));
}

/** A deleted package is due for nothing any more. */
export async function dropDueDate(writer: Writer, packageId: string): Promise<void> {
  await writer.change(clearDue, { package_id: packageId });
}

/** Updates a package's state, which stands from the first event of its retention on. */
async function change(
  writer: Writer,
  { package_id, app_id }: { package_id: string; app_id: string | null },
  by: (state: RetentionStateTable) => Partial<RetentionStateTable>,
): Promise<void> {
  const before = (await writer.first(stateOf, { package_id })) ?? { ...untouched, package_id, app_id };
  const after = { ...before, ...by(before) };
  const counts =
    isHeld(before) !== isHeld(after) || (before.marked_at === null) !== (after.marked_at === null);
  if (counts) await countPackage(writer, package_id, -1);
  await writer.change(putState, { ...after, due_at: dueAt(after) });
  if (counts) await countPackage(writer, package_id, 1);
}

function isHeld({ active_holds: holds }: RetentionStateTable): boolean {
  return holds > 0;
}

/**
 * A package of evidence is due by itself: when its period ends, while nothing holds it. A release is due when a sweep says so, which
 * looks at channels and windows too.
 */
function dueAt({ app_id, active_holds, current_expires_at, marked_at }: RetentionStateTable): string | null {
  if (active_holds > 0) return null;
  return app_id === null ? current_expires_at : marked_at;
}

const untouched = {
  retention_class: null,
  class_expires_at: null,
  current_expires_at: null,
  active_holds: 0,
  due_at: null,
  marked_at: null,
};

const stateOf = query<{ package_id: string }>()((db, p) =>
  db.selectFrom("retention_state").selectAll().where("package_id", "=", p.package_id),
);

const putState = query<RetentionStateTable>()((db, p) =>
  db
    .insertInto("retention_state")
    .values({
      package_id: p.package_id,
      app_id: p.app_id,
      retention_class: p.retention_class,
      class_expires_at: p.class_expires_at,
      current_expires_at: p.current_expires_at,
      active_holds: p.active_holds,
      due_at: p.due_at,
      marked_at: p.marked_at,
    })
    .onConflict((conflict) =>
      conflict.column("package_id").doUpdateSet({
        retention_class: p.retention_class,
        class_expires_at: p.class_expires_at,
        current_expires_at: p.current_expires_at,
        active_holds: p.active_holds,
        due_at: p.due_at,
        marked_at: p.marked_at,
      }),
    ),
);

const clearDue = query<{ package_id: string }>()((db, p) =>
  db.updateTable("retention_state").set({ due_at: null }).where("package_id", "=", p.package_id),
);

const insertExtension = query<RetentionExtensionTable>()((db, p) =>
  db.insertInto("retention_extension").values({
    seq: p.seq,
    package_id: p.package_id,
    new_expires_at: p.new_expires_at,
    previous_expires_at: p.previous_expires_at,
    reason: p.reason,
    actor: p.actor,
    at: p.at,
  }),
);

const insertHold = query<HoldTable>()((db, p) =>
  db.insertInto("hold").values({
    id: p.id,
    package_id: p.package_id,
    seq: p.seq,
    reason: p.reason,
    case_name: p.case_name,
    actor: p.actor,
    applied_at: p.applied_at,
    released_at: p.released_at,
    released_by: p.released_by,
    release_reason: p.release_reason,
  }),
);

const releaseHold = query<{ id: string; released_at: string; released_by: string; release_reason: string }>()(
  (db, p) =>
    db
      .updateTable("hold")
      .set({ released_at: p.released_at, released_by: p.released_by, release_reason: p.release_reason })
      .where("id", "=", p.id),
);
