import type { ChannelTable } from "../../catalog/tables.ts";
import type { ChannelSettings } from "../../log/events.ts";
import { isRetentionKeep, RETENTION_KEEP_RULE } from "../app-settings.ts";
import { channelErrors } from "../errors.ts";
import type { ChannelChanges } from "../records/channels.ts";
import { checkChannelName } from "../rules.ts";

const MAX_MIN_TIME_SECONDS = 10 * 365 * 24 * 3600;

/** A channel nobody has set anything on: promoted by every publication, open to any release. */
export const freshSettings: ChannelSettings = {
  promote: "auto",
  require_validation: false,
  from: null,
  min_time_seconds: 0,
  rollout_percent: 100,
  retention_keep: null,
};

/** The settings as a channel has them now. */
export function settingsOf(row: ChannelTable): ChannelSettings {
  return {
    promote: row.promote,
    require_validation: row.require_validation === 1,
    from: row.from_channel,
    min_time_seconds: row.min_time_seconds,
    rollout_percent: row.rollout_percent,
    retention_keep: row.retention_keep,
  };
}

/** Applies changes to a channel's settings and checks the whole. Raises `channel.invalid_setting`. */
export function applyChannelChanges(
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

/** 0 (halted) to 100. Raises `channel.invalid_setting`. */
export function checkRollout(percent: number): number {
  if (Number.isInteger(percent) && percent >= 0 && percent <= 100) return percent;
  throw invalid("rollout_percent", percent, "A whole number from 0 (halted) to 100.");
}

function invalid(setting: string, value: unknown, hint: string) {
  return channelErrors.error("channel.invalid_setting", `${setting} cannot be ${JSON.stringify(value)}.`, {
    details: { setting, value },
    hint,
  });
}
