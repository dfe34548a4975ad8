import { fromTimestamp } from "../base/clock.ts";
import type { Reader, Transaction } from "../catalog/database.ts";
import {
  channelByName,
  channelsOfApp,
  movesOfChannel,
  moveWithStatus,
  timeInChannel,
} from "../catalog/queries/channels.ts";
import { artifactsOfRelease, releaseById } from "../catalog/queries/releases.ts";
import type { AppTable, ChannelTable, ReleaseTable } from "../catalog/tables.ts";
import type { ChannelSettings } from "../log/events.ts";
import { mayInApp, requireScope } from "./access.ts";
import { findApp } from "./apps.ts";
import { isRetentionKeep, RETENTION_KEEP_RULE } from "./app-settings.ts";
import type { Context } from "./context.ts";
import { channelErrors, releaseErrors } from "./errors.ts";
import { pageLimit, pageOf, seqCursorOf } from "./paging.ts";
import type {
  ChannelChanges,
  ChannelMoveRecord,
  ChannelRecord,
  Page,
  PageRequest,
  PromoteRequest,
} from "./registry.ts";
import { findRelease } from "./releases/find-release.ts";
import { checkChannelName, checkReason } from "./rules.ts";

const MAX_MIN_TIME_SECONDS = 10 * 365 * 24 * 3600;

export async function listChannels(context: Context, slug: string): Promise<Page<ChannelRecord>> {
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    const items: ChannelRecord[] = [];
    for (const row of await reader.all(channelsOfApp, { app_id: app.id })) {
      items.push(await channelRecord(reader, app, row));
    }
    return { items, next: null };
  });
}

export async function getChannel(context: Context, slug: string, name: string): Promise<ChannelRecord> {
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    return channelRecord(reader, app, await requireChannel(reader, app, name));
  });
}

export async function setChannel(
  context: Context,
  slug: string,
  name: string,
  changes: ChannelChanges,
): Promise<ChannelRecord> {
  checkChannelName(name);
  requireScope(context.principal, "promote", { app: slug, channel: name });
  return context.database.write(context.principal, async (tx) => {
    const app = await findApp(tx, context, slug);
    const present = await tx.first(channelByName, { app_id: app.id, name });
    const before = present === undefined ? freshSettings : settingsOf(present);
    const after = applyChannelChanges(name, before, changes);
    if (present === undefined) {
      await recordChannel(tx, app, name, after);
    } else if (JSON.stringify(before) !== JSON.stringify(after)) {
      const data = { app_id: app.id, channel: name, ...after };
      await tx.record({ type: "v1.channel.updated", subject: channelSubject(app, name), data });
    }
    return channelRecord(tx, app, await requireChannel(tx, app, name));
  });
}

export async function promote(
  context: Context,
  slug: string,
  name: string,
  request: PromoteRequest,
): Promise<ChannelRecord> {
  requireScope(context.principal, "promote", { app: slug, channel: name });
  const reason = checkReason(request.reason);
  return context.database.write(context.principal, async (tx) => {
    const app = await findApp(tx, context, slug);
    const channel = await requireChannel(tx, app, name);
    checkExpectation(channel, request.expect);
    const release = await findRelease(tx, context, app, request);
    requirePublished(release);
    const rollout = checkRollout(request.rollout_percent ?? 100);
    if (channel.current_release_id === release.id)
      return { ...(await channelRecord(tx, app, channel)), moved: false };
    const refusal = await policyRefusal(tx, app, channel, release, "promotion");
    if (refusal !== null) throw refusal;
    await recordPromotion(tx, app, channel, release.id, { rollout, reason });
    return { ...(await channelRecord(tx, app, await requireChannel(tx, app, name))), moved: true };
  });
}

export async function rollback(
  context: Context,
  slug: string,
  name: string,
  request: { reason?: string | null; expect?: string },
): Promise<ChannelRecord> {
  requireScope(context.principal, "promote", { app: slug, channel: name });
  const reason = checkReason(request.reason);
  return context.database.write(context.principal, async (tx) => {
    const app = await findApp(tx, context, slug);
    const channel = await requireChannel(tx, app, name);
    checkExpectation(channel, request.expect);
    const target = await rollbackTarget(tx, channel);
    if (target === null) {
      throw channelErrors.error(
        "channel.no_previous_release",
        `${name} has no earlier release to go back to.`,
        {
          details: { app: slug, channel: name, current_release_id: channel.current_release_id },
        },
      );
    }
    await recordRollback(tx, app, channel, target, { cause: "rollback", reason });
    return channelRecord(tx, app, await requireChannel(tx, app, name));
  });
}

/** History, with its actors and reasons, needs `read`. */
export async function channelHistory(
  context: Context,
  slug: string,
  name: string,
  page: PageRequest,
): Promise<Page<ChannelMoveRecord>> {
  const limit = pageLimit(page);
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    if (!mayInApp(context.principal, "read", slug)) requireScope(context.principal, "read", { app: slug });
    await requireChannel(reader, app, name);
    const after = seqCursorOf(page) ?? 0;
    const rows = await reader.all(movesOfChannel, { app_id: app.id, channel: name, after, limit: limit + 1 });
    const record = (move: (typeof rows)[number]): ChannelMoveRecord => ({
      seq: move.seq,
      action: move.action as ChannelMoveRecord["action"],
      release_id: move.release_id,
      version: move.version,
      build: move.build,
      previous_release_id: move.previous_release_id,
      rollout_percent: move.rollout_percent,
      actor: move.actor,
      reason: move.reason,
      at: move.at,
    });
    return pageOf(rows, limit, record, (row) => [row.seq]);
  });
}

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
  throw channelErrors.error("channel.not_found", `${app.slug} has no channel ${name}.`, {
    details: { app: app.slug, channel: name },
  });
}

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

/** A place in the history that a channel can point at again. */
export interface RollbackTarget {
  readonly seq: number;
  readonly releaseId: string;
}

/**
 * Where a rollback would go: down the stack of pointings to the first that is another release than the current one and
 * is neither revoked nor deleted. Null when there is none.
 */
export async function rollbackTarget(reader: Reader, channel: ChannelTable): Promise<RollbackTarget | null> {
  if (channel.current_seq === null) return null;
  const current = await reader.first(moveWithStatus, { seq: channel.current_seq });
  let seq = current!.back_seq;
  while (seq !== null) {
    const move = await reader.first(moveWithStatus, { seq });
    if (move!.status === "published" && move!.release_id !== channel.current_release_id) {
      return { seq, releaseId: move!.release_id! };
    }
    seq = move!.back_seq;
  }
  return null;
}

export async function recordPromotion(
  tx: Transaction,
  app: AppTable,
  channel: ChannelTable,
  releaseId: string,
  options: { rollout: number; reason: string | null },
): Promise<void> {
  await tx.record({
    type: "v1.channel.promoted",
    subject: channelSubject(app, channel.name),
    data: {
      app_id: app.id,
      channel: channel.name,
      release_id: releaseId,
      previous_release_id: channel.current_release_id,
      rollout_percent: options.rollout,
      reason: options.reason,
    },
  });
}

/** `target` null leaves the channel pointing at nothing: the last release it had was revoked. */
export async function recordRollback(
  tx: Transaction,
  app: AppTable,
  channel: ChannelTable,
  target: RollbackTarget | null,
  options: { cause: "rollback" | "revocation"; reason: string | null },
): Promise<void> {
  await tx.record({
    type: "v1.channel.rolled_back",
    subject: channelSubject(app, channel.name),
    data: {
      app_id: app.id,
      channel: channel.name,
      release_id: target?.releaseId ?? null,
      previous_release_id: channel.current_release_id!,
      to_seq: target?.seq ?? null,
      cause: options.cause,
      reason: options.reason,
    },
  });
}

/**
 * Whether the channel's policy lets this release in: null, or the refusal, with `details.rule` one of `manual` (a
 * publication only), `require_validation`, `from`, `min_time`.
 */
export async function policyRefusal(
  reader: Transaction,
  app: AppTable,
  channel: ChannelTable,
  release: Pick<ReleaseTable, "id">,
  by: "publication" | "promotion",
) {
  const refuse = (rule: string, message: string, facts: Record<string, unknown> = {}) =>
    channelErrors.error("channel.policy_refused", message, {
      details: { rule, channel: channel.name, ...facts },
    });
  if (by === "publication" && channel.promote === "manual") {
    return refuse("manual", `${channel.name} is promoted by hand only.`);
  }
  if (channel.require_validation === 1) {
    const artifacts = await reader.all(artifactsOfRelease, { release_id: release.id });
    const failed = artifacts
      .filter(({ validation_status: status }) => status === "failed")
      .map(({ id }) => id);
    if (failed.length > 0) {
      return refuse("require_validation", `${channel.name} takes validated artifacts only.`, {
        artifacts: failed,
      });
    }
  }
  if (channel.from_channel === null) return null;
  const time = await reader.first(timeInChannel, {
    app_id: app.id,
    channel: channel.from_channel,
    release_id: release.id,
  });
  if (time === undefined) {
    return refuse("from", `${channel.name} takes releases from ${channel.from_channel} only.`, {
      from: channel.from_channel,
    });
  }
  const sinceMs = time.current_since === null ? 0 : reader.nowMs - fromTimestamp(time.current_since);
  const seconds = Math.floor((time.current_ms + sinceMs) / 1000);
  if (seconds < channel.min_time_seconds) {
    const message = `${channel.name} takes releases that were current in ${channel.from_channel} for long enough.`;
    return refuse("min_time", message, {
      from: channel.from_channel,
      min_time_seconds: channel.min_time_seconds,
      time_seconds: seconds,
    });
  }
  return null;
}

/** Raises `release.revoked` or `release.not_published` unless a channel may point at the release. */
export function requirePublished(release: ReleaseTable): void {
  if (release.status === "published") return;
  const details = { release_id: release.id, status: release.status };
  if (release.status === "revoked") {
    throw releaseErrors.error("release.revoked", `${release.version} was revoked.`, { details });
  }
  throw releaseErrors.error("release.not_published", `${release.version} is not published.`, { details });
}

/** The id of a channel in events: channels have no id of their own. */
export function channelSubject(app: AppTable, name: string): string {
  return `${app.id}/${name}`;
}

const freshSettings: ChannelSettings = {
  promote: "auto",
  require_validation: false,
  from: null,
  min_time_seconds: 0,
  rollout_percent: 100,
  retention_keep: null,
};

function settingsOf(row: ChannelTable): ChannelSettings {
  return {
    promote: row.promote,
    require_validation: row.require_validation === 1,
    from: row.from_channel,
    min_time_seconds: row.min_time_seconds,
    rollout_percent: row.rollout_percent,
    retention_keep: row.retention_keep,
  };
}

function applyChannelChanges(
  name: string,
  before: ChannelSettings,
  changes: ChannelChanges,
): ChannelSettings {
  const policy = changes.policy ?? {};
  const after = {
    promote: policy.promote ?? before.promote,
    require_validation: policy.require_validation ?? before.require_validation,
    from: policy.from === undefined ? before.from : policy.from,
    // Without a channel to come from there is no time to spend in it.
    min_time_seconds: policy.min_time_seconds ?? (policy.from === null ? 0 : before.min_time_seconds),
    rollout_percent: checkRollout(changes.rollout_percent ?? before.rollout_percent),
    retention_keep: keepOf(before, changes),
  };
  if (after.promote !== "auto" && after.promote !== "manual") {
    throw invalid("policy", after.promote, "One of auto, manual.");
  }
  if (after.from !== null && checkChannelName(after.from) === name) {
    throw invalid("from", after.from, "A channel cannot take its releases from itself.");
  }
  const time = after.min_time_seconds;
  if (!Number.isInteger(time) || time < 0 || time > MAX_MIN_TIME_SECONDS) {
    throw invalid("min_time_seconds", time, "A whole number of seconds, at most ten years.");
  }
  if (time > 0 && after.from === null) {
    throw invalid(
      "min_time_seconds",
      time,
      "A minimum time is spent in the channel named by --from; name it.",
    );
  }
  return after;
}

function keepOf(before: ChannelSettings, { retention_keep: keep }: ChannelChanges): number | null {
  if (keep === undefined) return before.retention_keep;
  if (keep === null || isRetentionKeep(keep)) return keep;
  throw invalid("retention_keep", keep, RETENTION_KEEP_RULE);
}

function checkRollout(percent: number): number {
  if (Number.isInteger(percent) && percent >= 0 && percent <= 100) return percent;
  throw invalid("rollout_percent", percent, "A whole number from 0 (halted) to 100.");
}

function checkExpectation(channel: ChannelTable, expect: string | undefined): void {
  if (expect === undefined || expect === channel.current_release_id) return;
  throw channelErrors.error("channel.moved", `${channel.name} no longer points at ${expect}.`, {
    details: { channel: channel.name, expected: expect, current_release_id: channel.current_release_id },
  });
}

async function recordChannel(
  tx: Transaction,
  app: AppTable,
  name: string,
  settings: ChannelSettings,
): Promise<ChannelTable> {
  const data = { app_id: app.id, channel: name, ...settings };
  await tx.record({ type: "v1.channel.created", subject: channelSubject(app, name), data });
  return requireChannel(tx, app, name);
}

function invalid(setting: string, value: unknown, hint: string) {
  return channelErrors.error("channel.invalid_setting", `${setting} cannot be ${JSON.stringify(value)}.`, {
    details: { setting, value },
    hint,
  });
}
