import { fromTimestamp } from "../../base/clock.ts";
import type { ChannelSettings, EventOf } from "../../log/events.ts";
import type { Writer } from "../database.ts";
import { query } from "../query.ts";
import type { ChannelMoveTable, ChannelReleaseTable, ChannelTable } from "../tables.ts";

export async function channelCreated(
  writer: Writer,
  { at, data }: EventOf<"v1.channel.created">,
): Promise<void> {
  await writer.change(insertChannel, {
    app_id: data.app_id,
    name: data.channel,
    current_release_id: null,
    current_seq: null,
    ...settingColumns(data),
    created_at: at,
    updated_at: at,
  });
}

export async function channelUpdated(
  writer: Writer,
  { at, data }: EventOf<"v1.channel.updated">,
): Promise<void> {
  await writer.change(updateSettings, {
    app_id: data.app_id,
    name: data.channel,
    ...settingColumns(data),
    updated_at: at,
  });
}

/** A promotion pushes: its `back_seq` is the move that was current. */
export async function channelPromoted(writer: Writer, event: EventOf<"v1.channel.promoted">): Promise<void> {
  const { data } = event;
  const channel = await writer.first(channelRow, { app_id: data.app_id, name: data.channel });
  await move(writer, {
    seq: event.seq,
    app_id: data.app_id,
    channel: data.channel,
    action: "promoted",
    release_id: data.release_id,
    previous_release_id: data.previous_release_id,
    back_seq: channel!.current_seq,
    rollout_percent: data.rollout_percent,
    actor: event.actor,
    reason: data.reason,
    at: event.at,
  });
}

/** A rollback pops: it stands where the move it returned to stood, so a second one goes further back. */
export async function channelRolledBack(
  writer: Writer,
  event: EventOf<"v1.channel.rolled_back">,
): Promise<void> {
  const { data } = event;
  const target = data.to_seq === null ? undefined : await writer.first(moveRow, { seq: data.to_seq });
  await move(writer, {
    seq: event.seq,
    app_id: data.app_id,
    channel: data.channel,
    action: "rolled_back",
    release_id: data.release_id,
    previous_release_id: data.previous_release_id,
    back_seq: target?.back_seq ?? null,
    rollout_percent: 100,
    actor: event.actor,
    reason: data.reason,
    at: event.at,
  });
}

async function move(writer: Writer, row: ChannelMoveTable): Promise<void> {
  await writer.change(insertMove, row);
  if (row.previous_release_id !== null) {
    const key = { app_id: row.app_id, channel: row.channel, release_id: row.previous_release_id };
    const left = await writer.first(channelReleaseRow, key);
    const currentMs = fromTimestamp(row.at) - fromTimestamp(left!.current_since!);
    await writer.change(leaveCurrent, { ...key, current_ms: left!.current_ms + currentMs });
  }
  if (row.release_id !== null) {
    const key = { app_id: row.app_id, channel: row.channel, release_id: row.release_id };
    await writer.change(enterCurrent, { ...key, last_seq: row.seq, current_since: row.at, current_ms: 0 });
    await writer.change(markWasCurrent, { id: row.release_id });
  }
  await writer.change(pointChannel, {
    app_id: row.app_id,
    name: row.channel,
    current_release_id: row.release_id,
    current_seq: row.seq,
    rollout_percent: row.rollout_percent,
  });
}

function settingColumns(settings: ChannelSettings) {
  return {
    promote: settings.promote,
    require_validation: settings.require_validation ? 1 : 0,
    from_channel: settings.from,
    min_time_seconds: settings.min_time_seconds,
    rollout_percent: settings.rollout_percent,
    retention_keep: settings.retention_keep,
  };
}

const channelRow = query<{ app_id: string; name: string }>()((db, p) =>
  db.selectFrom("channel").selectAll().where("app_id", "=", p.app_id).where("name", "=", p.name),
);

const moveRow = query<{ seq: number }>()((db, p) =>
  db.selectFrom("channel_move").selectAll().where("seq", "=", p.seq),
);

const channelReleaseRow = query<{ app_id: string; channel: string; release_id: string }>()((db, p) =>
  db
    .selectFrom("channel_release")
    .selectAll()
    .where("app_id", "=", p.app_id)
    .where("channel", "=", p.channel)
    .where("release_id", "=", p.release_id),
);

const insertChannel = query<ChannelTable>()((db, p) =>
  db.insertInto("channel").values({
    app_id: p.app_id,
    name: p.name,
    current_release_id: p.current_release_id,
    current_seq: p.current_seq,
    promote: p.promote,
    require_validation: p.require_validation,
    from_channel: p.from_channel,
    min_time_seconds: p.min_time_seconds,
    rollout_percent: p.rollout_percent,
    retention_keep: p.retention_keep,
    created_at: p.created_at,
    updated_at: p.updated_at,
  }),
);

const updateSettings = query<Omit<ChannelTable, "current_release_id" | "current_seq" | "created_at">>()(
  (db, p) =>
    db
      .updateTable("channel")
      .set({
        promote: p.promote,
        require_validation: p.require_validation,
        from_channel: p.from_channel,
        min_time_seconds: p.min_time_seconds,
        rollout_percent: p.rollout_percent,
        retention_keep: p.retention_keep,
        updated_at: p.updated_at,
      })
      .where("app_id", "=", p.app_id)
      .where("name", "=", p.name),
);

const pointChannel = query<
  Pick<ChannelTable, "app_id" | "name" | "current_release_id" | "current_seq" | "rollout_percent">
>()((db, p) =>
  db
    .updateTable("channel")
    .set({
      current_release_id: p.current_release_id,
      current_seq: p.current_seq,
      rollout_percent: p.rollout_percent,
    })
    .where("app_id", "=", p.app_id)
    .where("name", "=", p.name),
);

const insertMove = query<ChannelMoveTable>()((db, p) =>
  db.insertInto("channel_move").values({
    seq: p.seq,
    app_id: p.app_id,
    channel: p.channel,
    action: p.action,
    release_id: p.release_id,
    previous_release_id: p.previous_release_id,
    back_seq: p.back_seq,
    rollout_percent: p.rollout_percent,
    actor: p.actor,
    reason: p.reason,
    at: p.at,
  }),
);

const leaveCurrent = query<{ app_id: string; channel: string; release_id: string; current_ms: number }>()(
  (db, p) =>
    db
      .updateTable("channel_release")
      .set({ current_since: null, current_ms: p.current_ms })
      .where("app_id", "=", p.app_id)
      .where("channel", "=", p.channel)
      .where("release_id", "=", p.release_id),
);

const enterCurrent = query<ChannelReleaseTable>()((db, p) =>
  db
    .insertInto("channel_release")
    .values({
      app_id: p.app_id,
      channel: p.channel,
      release_id: p.release_id,
      last_seq: p.last_seq,
      current_since: p.current_since,
      current_ms: p.current_ms,
    })
    .onConflict((conflict) =>
      conflict
        .columns(["app_id", "channel", "release_id"])
        .doUpdateSet({ last_seq: p.last_seq, current_since: p.current_since }),
    ),
);

const markWasCurrent = query<{ id: string }>()((db, p) =>
  db.updateTable("release").set({ was_current: 1 }).where("id", "=", p.id).where("was_current", "=", 0),
);
