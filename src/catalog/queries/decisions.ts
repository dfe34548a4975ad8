import { sql } from "kysely";

import type { QueryBuilder } from "../query.ts";

/** Of which app and channel, and how many at most. */
export interface DecisionScope {
  readonly appId: string | null;
  readonly channel: string | null;
  readonly limit: number;
}

/**
 * Releases that are current where a channel takes its releases from, newer than what it points at, and were never there themselves. Looks at the
 * channels with such a rule, by `channel_from`; the latest first.
 */
export function waitingFromChannel({ appId, channel, limit }: DecisionScope) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("channel as target")
      .innerJoin("app", "app.id", "target.app_id")
      .innerJoin("channel as origin", (join) =>
        join.onRef("origin.app_id", "=", "target.app_id").onRef("origin.name", "=", "target.from_channel"),
      )
      .innerJoin("release as found", "found.id", "origin.current_release_id")
      .innerJoin("channel_move as move", "move.seq", "origin.current_seq")
      .leftJoin("release as present", "present.id", "target.current_release_id")
      .leftJoin("channel_release as seen", (join) =>
        join
          .onRef("seen.app_id", "=", "target.app_id")
          .onRef("seen.channel", "=", "target.name")
          .onRef("seen.release_id", "=", "found.id"),
      )
      .select(["app.slug", "target.name", "found.id", "found.version", "found.build", "move.at as since"])
      .where(sql<boolean>`target.from_channel IS NOT NULL`)
      .where("seen.release_id", "is", null)
      .where((eb) =>
        eb.or([eb("present.id", "is", null), eb("found.published_at", ">", eb.ref("present.published_at"))]),
      )
      .orderBy("move.seq", "desc")
      .limit(limit);
    const ofApp = appId === null ? rows : rows.where("target.app_id", "=", appId);
    return channel === null ? ofApp : ofApp.where("target.name", "=", channel);
  };
}

/**
 * The latest release published for a channel that did not let it in by itself, newer than what it points at. Looks at the channels with
 * such a policy, by `channel_guarded`, and for each at one release, by `release_for_channel`.
 */
export function waitingAsPublished({ appId, channel, limit }: DecisionScope) {
  return (db: QueryBuilder) => {
    const latest = sql<string>`(SELECT id FROM release WHERE release.app_id = target.app_id AND release.channel = target.name
      AND status = 'published' AND release.channel IS NOT NULL ORDER BY published_at DESC LIMIT 1)`;
    const rows = db
      .selectFrom("channel as target")
      .innerJoin("app", "app.id", "target.app_id")
      .innerJoin("release as found", (join) => join.on("found.id", "=", latest))
      .leftJoin("release as present", "present.id", "target.current_release_id")
      .leftJoin("channel_release as seen", (join) =>
        join
          .onRef("seen.app_id", "=", "target.app_id")
          .onRef("seen.channel", "=", "target.name")
          .onRef("seen.release_id", "=", "found.id"),
      )
      .select(["app.slug", "target.name", "found.id", "found.version", "found.build"])
      .select(sql<string>`found.published_at`.as("since"))
      .where(
        sql<boolean>`target.from_channel IS NULL AND (target.promote = 'manual' OR target.require_validation = 1)`,
      )
      .where("seen.release_id", "is", null)
      .where((eb) =>
        eb.or([eb("present.id", "is", null), eb("found.published_at", ">", eb.ref("present.published_at"))]),
      )
      .orderBy("found.published_at", "desc")
      .limit(limit);
    const ofApp = appId === null ? rows : rows.where("target.app_id", "=", appId);
    return channel === null ? ofApp : ofApp.where("target.name", "=", channel);
  };
}

/** Channels whose release is not for all, by `channel_rollout`; the latest change first. */
export function partialRollouts({ appId, channel, limit }: DecisionScope) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("channel")
      .innerJoin("app", "app.id", "channel.app_id")
      .innerJoin("release", "release.id", "channel.current_release_id")
      .select(["app.slug", "channel.name", "channel.rollout_percent", "channel.updated_at as since"])
      .select(["release.id", "release.version", "release.build"])
      .where(sql<boolean>`rollout_percent < 100`)
      .orderBy("channel.updated_at", "desc")
      .limit(limit);
    const ofApp = appId === null ? rows : rows.where("channel.app_id", "=", appId);
    return channel === null ? ofApp : ofApp.where("channel.name", "=", channel);
  };
}

/** Current releases with artifacts that have warnings or did not pass: one look by `artifact_attention` for each channel. */
export function currentFindings({ appId, channel, limit }: DecisionScope) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("channel")
      .innerJoin("artifact", "artifact.release_id", "channel.current_release_id")
      .innerJoin("app", "app.id", "channel.app_id")
      .innerJoin("release", "release.id", "channel.current_release_id")
      .innerJoin("channel_move as move", "move.seq", "channel.current_seq")
      .select([
        "app.slug",
        "channel.name",
        "release.id",
        "release.version",
        "release.build",
        "move.at as since",
      ])
      .select([
        sql<number>`count(*)`.as("artifacts"),
        sql<number>`sum(CASE WHEN artifact.validation_status = 'failed' THEN 1 ELSE 0 END)`.as("failed"),
        sql<number>`sum(CASE WHEN artifact.validation_status = 'pending' THEN 1 ELSE 0 END)`.as("pending"),
      ])
      .where(sql<boolean>`(artifact.warnings > 0 OR artifact.validation_status <> 'passed')`)
      .groupBy(["app.slug", "channel.name", "release.id", "release.version", "release.build"])
      .groupBy(["move.at", "move.seq"])
      .orderBy("move.seq", "desc")
      .limit(limit);
    const ofApp = appId === null ? rows : rows.where("channel.app_id", "=", appId);
    return channel === null ? ofApp : ofApp.where("channel.name", "=", channel);
  };
}

/** Current releases whose signer's certificate or profile ends by then: one look by `artifact_signed_until` for each channel. */
export function currentExpiring({
  appId,
  channel,
  limit,
  until,
}: DecisionScope & { readonly until: string }) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("channel")
      .innerJoin("artifact", "artifact.release_id", "channel.current_release_id")
      .innerJoin("app", "app.id", "channel.app_id")
      .innerJoin("release", "release.id", "channel.current_release_id")
      .innerJoin("channel_move as move", "move.seq", "channel.current_seq")
      .select([
        "app.slug",
        "channel.name",
        "release.id",
        "release.version",
        "release.build",
        "move.at as since",
      ])
      .select([sql<number>`count(*)`.as("artifacts"), sql<string>`min(artifact.signed_until)`.as("due_at")])
      .where(sql<boolean>`artifact.signed_until IS NOT NULL`)
      .where("artifact.signed_until", "<=", until)
      .groupBy(["app.slug", "channel.name", "release.id", "release.version", "release.build"])
      .groupBy(["move.at", "move.seq"])
      .orderBy("move.seq", "desc")
      .limit(limit);
    const ofApp = appId === null ? rows : rows.where("channel.app_id", "=", appId);
    return channel === null ? ofApp : ofApp.where("channel.name", "=", channel);
  };
}

/** Live tokens that end by then, the soonest first; by `token_expires`. */
export function expiringTokens(
  only: { readonly app: string | null; readonly limit: number },
  { now, until }: { readonly now: string; readonly until: string },
) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("token")
      .select(["id", "name", "app", "channel", "created_at", sql<string>`expires_at`.as("expires_at")])
      .where(sql<boolean>`expires_at IS NOT NULL AND revoked_at IS NULL`)
      .where("expires_at", ">", now)
      .where("expires_at", "<=", until)
      .orderBy("expires_at")
      .limit(only.limit);
    return only.app === null ? rows : rows.where("app", "=", only.app);
  };
}

/** Drafts that nobody touched since then, the latest first; by `release_drafts`. */
export function idleDrafts({ appId, channel, limit }: DecisionScope, before: string) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("release")
      .innerJoin("app", "app.id", "release.app_id")
      .select(["app.slug", "release.channel as name", "release.id", "release.version", "release.build"])
      .select("release.touched_at as since")
      .where(sql<boolean>`release.status = 'draft'`)
      .where("release.touched_at", "<=", before)
      .orderBy("release.touched_at", "desc")
      .limit(limit);
    const ofApp = appId === null ? rows : rows.where("release.app_id", "=", appId);
    return channel === null ? ofApp : ofApp.where("release.channel", "=", channel);
  };
}

/** What the last sweep marked, from the sums of `package_usage`, and since when the first of it is due. */
export function eligibleSums(appId: string | null) {
  return (db: QueryBuilder) => {
    const rows = db
      .selectFrom("package_usage")
      .select([
        sql<number>`coalesce(sum(eligible_packages), 0)`.as("packages"),
        sql<number>`coalesce(sum(eligible_bytes), 0)`.as("size_bytes"),
      ]);
    return appId === null ? rows : rows.where("app_id", "=", appId);
  };
}
