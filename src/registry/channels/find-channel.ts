import type { Reader, Transaction } from "../../catalog/database.ts";
import { channelByName } from "../../catalog/queries/channels.ts";
import { releaseById } from "../../catalog/queries/releases.ts";
import type { AppTable, ChannelTable } from "../../catalog/tables.ts";
import type { ChannelSettings } from "../../log/events.ts";
import { channelErrors } from "../errors.ts";
import type { ChannelRecord } from "../records/channels.ts";
import { channelSubject, rollbackTarget } from "./channel-moves.ts";
import { freshSettings } from "./channel-settings.ts";

/** The channel, made with the default policy when it is missing: what publishing does. */
export async function findOrCreateChannel(
  tx: Transaction,
  app: AppTable,
  name: string,
): Promise<ChannelTable> {
  const present = await tx.first(channelByName, { app_id: app.id, name });
  return present ?? recordChannel(tx, app, name, freshSettings);
}

export async function requireChannel(reader: Reader, app: AppTable, name: string): Promise<ChannelTable> {
  const channel = await reader.first(channelByName, { app_id: app.id, name });
  if (channel !== undefined) return channel;
  throw channelNotFound(app, name);
}

export function channelNotFound(app: AppTable, name: string) {
  return channelErrors.error("channel.not_found", `${app.slug} has no channel ${name}.`, {
    details: { app: app.slug, channel: name },
  });
}

/** A channel as everybody gets it. */
export async function channelRecord(
  reader: Reader,
  app: AppTable,
  row: ChannelTable,
): Promise<ChannelRecord> {
  const current =
    row.current_release_id === null
      ? undefined
      : await reader.first(releaseById, { id: row.current_release_id });
  const previous = await rollbackTarget(reader, row);
  return {
    app_id: app.id,
    app: app.slug,
    name: row.name,
    current_release_id: row.current_release_id,
    previous_release_id: previous?.releaseId ?? null,
    current_version: current?.version ?? null,
    current_build: current?.build ?? null,
    policy: {
      promote: row.promote as "auto" | "manual",
      require_validation: row.require_validation === 1,
      from: row.from_channel,
      min_time_seconds: row.min_time_seconds,
    },
    rollout_percent: row.rollout_percent,
    retention_keep: row.retention_keep,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** Makes a channel. */
export async function recordChannel(
  tx: Transaction,
  app: AppTable,
  name: string,
  settings: ChannelSettings,
): Promise<ChannelTable> {
  const data = { app_id: app.id, channel: name, ...settings };
  await tx.record({ type: "v1.channel.created", subject: channelSubject(app, name), data });
  return requireChannel(tx, app, name);
}
