import type { Transaction } from "../../catalog/database.ts";
import { channelsPointingAt } from "../../catalog/queries/channels.ts";
import { releaseById, releasePage } from "../../catalog/queries/releases.ts";
import type { AppTable, ReleaseTable } from "../../catalog/tables.ts";
import { mayInApp, requireScope } from "../access.ts";
import { findApp } from "../apps.ts";
import { recordRollback, rollbackTarget } from "../channels/channel-moves.ts";
import { requirePublished } from "../channels/channel-policy.ts";
import type { Context } from "../context.ts";
import { keysetOf, pageLimit, pageOf } from "../paging.ts";
import type { Page, PageRequest } from "../records/pages.ts";
import type { ReleaseRecord, ReleaseRef } from "../records/releases.ts";
import { checkChannelName, checkReason } from "../rules.ts";
import { findRelease } from "./find-release.ts";
import { releaseRecord } from "./release-record.ts";

export async function getRelease(context: Context, slug: string, ref: ReleaseRef): Promise<ReleaseRecord> {
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    return releaseRecord(reader, context, app, await findRelease(reader, context, app, ref));
  });
}

/** Newest first. Deleted releases are left out; drafts are shown to those who may publish. */
export async function listReleases(
  context: Context,
  slug: string,
  options: PageRequest & { channel?: string },
): Promise<Page<ReleaseRecord>> {
  const channel = options.channel === undefined ? undefined : checkChannelName(options.channel);
  const limit = pageLimit(options);
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    const drafts = mayInApp(context.principal, "publish", slug);
    const rows = await reader.fetch(releasePage(keysetOf(options), { appId: app.id, channel, drafts }));
    const records = new Map<string, ReleaseRecord>();
    for (const row of rows.slice(0, limit))
      records.set(row.id, await releaseRecord(reader, context, app, row));
    return pageOf(
      rows,
      limit,
      (row) => records.get(row.id)!,
      (row) => [row.created_at, row.id],
    );
  });
}

/**
 * Revokes a release for good and, in the same transaction, rolls back every channel that points at it. Revoking a revoked
 * release changes nothing. Raises `release.not_published`.
 */
export async function revokeRelease(
  context: Context,
  slug: string,
  ref: ReleaseRef,
  options: { reason?: string | null },
): Promise<ReleaseRecord> {
  const { principal } = context;
  requireScope(principal, "promote", { app: slug, channel: principal.channel });
  const reason = checkReason(options.reason);
  return context.database.write(principal, async (tx) => {
    const app = await findApp(tx, context, slug);
    const release = await findRelease(tx, context, app, ref);
    const channels = await tx.all(channelsPointingAt, { release_id: release.id });
    const affected = channels.length > 0 ? channels.map(({ name }) => name) : [release.channel];
    for (const channel of affected) requireScope(principal, "promote", { app: slug, channel });
    if (release.status !== "revoked") {
      requirePublished(release);
      await recordRevocation(tx, app, release, reason);
    }
    return releaseRecord(tx, context, app, (await tx.first(releaseById, { id: release.id }))!);
  });
}

async function recordRevocation(
  tx: Transaction,
  app: AppTable,
  release: ReleaseTable,
  reason: string | null,
): Promise<void> {
  const data = { app_id: app.id, release_id: release.id, reason };
  await tx.record({ type: "v1.release.revoked", subject: release.id, data });
  for (const channel of await tx.all(channelsPointingAt, { release_id: release.id })) {
    const target = await rollbackTarget(tx, channel);
    await recordRollback(tx, app, channel, target, { cause: "revocation", reason });
  }
}
