import { randomBytes } from "node:crypto";

import { toTimestamp } from "../base/clock.ts";
import { sha256Hex } from "../base/digest.ts";
import { addDuration, parseDuration } from "../base/duration.ts";
import { newId } from "../base/ids.ts";
import type { Reader } from "../catalog/database.ts";
import { shareById, shareBySecret, sharePage } from "../catalog/queries/shares.ts";
import type { AppTable, ShareTable } from "../catalog/tables.ts";
import { requireScope } from "./access.ts";
import { findApp } from "./apps.ts";
import { requireChannel } from "./channels/find-channel.ts";
import type { Context } from "./context.ts";
import { shareErrors } from "./errors.ts";
import { once } from "./idempotency.ts";
import { keysetOf, pageLimit, pageOf } from "./paging.ts";
import type { Principal } from "./principal.ts";
import type { ShareRecord } from "./records/links.ts";
import type { Page, PageRequest } from "./records/pages.ts";
import { checkChannelName } from "./rules.ts";

/** How long a share link works when nothing is said, and at most. */
const DEFAULT_PERIOD = "7d";
const LONGEST_PERIOD = "1y";

/** Makes a link that opens an app's page, or one channel's, to whoever has it. Its secret is in this answer only. */
export async function createShare(
  context: Context,
  slug: string,
  request: { channel?: string | null; expires_in?: string },
): Promise<ShareRecord & { secret: string }> {
  const channel =
    request.channel === undefined || request.channel === null ? null : checkChannelName(request.channel);
  requireScope(context.principal, "promote", { app: slug, channel });
  const period = parseDuration(request.expires_in ?? DEFAULT_PERIOD);
  const secret = `share_${randomBytes(32).toString("hex")}`;
  const id = newId("shr");
  return once(context, async (tx) => {
    const app = await findApp(tx, context, slug);
    if (channel !== null) await requireChannel(tx, app, channel);
    const expiresAtMs = addDuration(tx.nowMs, period);
    if (expiresAtMs > addDuration(tx.nowMs, parseDuration(LONGEST_PERIOD))) {
      throw shareErrors.error("share.too_long", "A share link works for a year at most.", {
        details: { expires_in: request.expires_in },
      });
    }
    const data = {
      app_id: app.id,
      share_id: id,
      channel,
      secret_hash: sha256Hex(Buffer.from(secret)),
      expires_at: toTimestamp(expiresAtMs),
    };
    await tx.record({ type: "v1.share.created", subject: id, data });
    return { ...shareRecord(app, (await tx.first(shareById, { id }))!, tx.now), secret };
  });
}

export async function listShares(
  context: Context,
  slug: string,
  page: PageRequest,
): Promise<Page<ShareRecord>> {
  requireScope(context.principal, "promote", { app: slug, channel: context.principal.channel });
  const now = toTimestamp(context.clock.nowMs());
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    const rows = await reader.fetch(sharePage(keysetOf(page), app.id));
    return pageOf(
      rows,
      pageLimit(page),
      (row) => shareRecord(app, row, now),
      (row) => [row.created_at, row.id],
    );
  });
}

/** Ends a link now. Ending one that was ended before changes nothing. Raises `share.not_found`. */
export async function revokeShare(context: Context, slug: string, id: string): Promise<ShareRecord> {
  requireScope(context.principal, "promote", { app: slug, channel: context.principal.channel });
  return context.database.write(context.principal, async (tx) => {
    const app = await findApp(tx, context, slug);
    const share = await findShare(tx, app, id);
    requireScope(context.principal, "promote", { app: slug, channel: share.channel });
    if (share.revoked_at === null) {
      await tx.record({ type: "v1.share.revoked", subject: id, data: { app_id: app.id, share_id: id } });
    }
    return shareRecord(app, (await tx.first(shareById, { id }))!, tx.now);
  });
}

/**
 * The principal behind a link: somebody who may see the page it opens and the artifacts that are current there, no more.
 * Raises `share.not_found`, `share.expired`, `share.revoked`.
 */
export async function authenticateShare(
  context: Omit<Context, "principal">,
  secret: string,
): Promise<Principal> {
  const share = await context.database.read((reader) =>
    reader.first(shareBySecret, { secret_hash: sha256Hex(Buffer.from(secret)) }),
  );
  if (share === undefined) throw shareErrors.error("share.not_found", "There is no such share link.");
  if (share.revoked_at !== null) throw shareErrors.error("share.revoked", "The share link was revoked.");
  if (share.expires_at <= toTimestamp(context.clock.nowMs())) {
    throw shareErrors.error("share.expired", "The share link has expired.", {
      details: { expires_at: share.expires_at },
    });
  }
  return {
    actor: `share:${share.id}`,
    actorId: null,
    scopes: new Set(),
    app: null,
    channel: null,
    expiresAt: share.expires_at,
    share: { app: share.slug, channel: share.channel },
  };
}

async function findShare(reader: Reader, app: AppTable, id: string): Promise<ShareTable> {
  const share = await reader.first(shareById, { id });
  if (share !== undefined && share.app_id === app.id) return share;
  throw shareErrors.error("share.not_found", `${app.slug} has no share link ${id}.`, {
    details: { share: id },
  });
}

function shareRecord(app: AppTable, row: ShareTable, now: string): ShareRecord {
  return {
    id: row.id,
    app: app.slug,
    channel: row.channel,
    status: row.revoked_at !== null ? "revoked" : row.expires_at <= now ? "expired" : "active",
    created_by: row.created_by,
    created_at: row.created_at,
    expires_at: row.expires_at,
    revoked_at: row.revoked_at,
    url: null,
  };
}
