import { channelByName, channelsOfApp, movesOfChannel } from "../../catalog/queries/channels.ts";
import type { ChannelTable } from "../../catalog/tables.ts";
import { mayInApp, opensChannel, requireScope } from "../access.ts";
import { findApp } from "../apps.ts";
import type { Context } from "../context.ts";
import { channelErrors } from "../errors.ts";
import { once } from "../idempotency.ts";
import { pageLimit, pageOf, seqCursorOf } from "../paging.ts";
import type {
  ChannelChanges,
  ChannelMoveRecord,
  ChannelRecord,
  PromoteRequest,
} from "../records/channels.ts";
import type { Page, PageRequest } from "../records/pages.ts";
import { findRelease } from "../releases/find-release.ts";
import { checkChannelName, checkReason } from "../rules.ts";
import { channelSubject, recordPromotion, recordRollback, rollbackTarget } from "./channel-moves.ts";
import { policyRefusal, requirePublished } from "./channel-policy.ts";
import { applyChannelChanges, checkRollout, freshSettings, settingsOf } from "./channel-settings.ts";
import { channelNotFound, channelRecord, recordChannel, requireChannel } from "./find-channel.ts";

export async function listChannels(context: Context, slug: string): Promise<Page<ChannelRecord>> {
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    const items: ChannelRecord[] = [];
    for (const row of await reader.all(channelsOfApp, { app_id: app.id })) {
      if (!opensChannel(context.principal, row.name)) continue;
      items.push(await channelRecord(reader, app, row));
    }
    return { items, next: null };
  });
}

export async function getChannel(context: Context, slug: string, name: string): Promise<ChannelRecord> {
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    if (!opensChannel(context.principal, name)) throw channelNotFound(app, name);
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
  return once(context, async (tx) => {
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
  return once(context, async (tx) => {
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

function checkExpectation(channel: ChannelTable, expect: string | undefined): void {
  if (expect === undefined || expect === channel.current_release_id) return;
  throw channelErrors.error("channel.moved", `${channel.name} no longer points at ${expect}.`, {
    details: { channel: channel.name, expected: expect, current_release_id: channel.current_release_id },
  });
}
