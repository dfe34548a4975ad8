import { fromTimestamp } from "../../base/clock.ts";
import type { Transaction } from "../../catalog/database.ts";
import { timeInChannel } from "../../catalog/queries/channels.ts";
import { artifactsOfRelease } from "../../catalog/queries/releases.ts";
import type { AppTable, ChannelTable, ReleaseTable } from "../../catalog/tables.ts";
import { channelErrors, releaseErrors } from "../errors.ts";

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
