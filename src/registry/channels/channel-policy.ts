import { fromTimestamp } from "../../base/clock.ts";
import { durationWords } from "../../base/duration.ts";
import type { Reader, Transaction } from "../../catalog/database.ts";
import { timeInChannel } from "../../catalog/queries/channels.ts";
import { artifactsOfRelease } from "../../catalog/queries/releases.ts";
import type { AppTable, ChannelTable, ReleaseTable } from "../../catalog/tables.ts";
import { channelErrors, releaseErrors } from "../errors.ts";

/** How a release is to come into a channel. */
type By = "publication" | "promotion";

/** One rule of a channel's policy, held against a release. */
export interface JudgedRule {
  readonly rule: "manual" | "require_validation" | "from" | "min_time";
  readonly passed: boolean;
  /** What it was decided by, in words. */
  readonly fact: string;
  /** What a refusal says. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Whether the channel's policy lets this release in: null, or the refusal, with `details.rule` one of `manual` (a
 * publication only), `require_validation`, `from`, `min_time`.
 */
export async function policyRefusal(
  tx: Transaction,
  app: AppTable,
  channel: ChannelTable,
  release: Pick<ReleaseTable, "id">,
  by: By,
) {
  const rules = await judgeRelease(tx, app, channel, release, { by, nowMs: tx.nowMs });
  const refused = rules.find(({ passed }) => !passed);
  if (refused === undefined) return null;
  const { rule, message, details } = refused;
  return channelErrors.error("channel.policy_refused", message, {
    details: { rule, channel: channel.name, ...details },
  });
}

/** Every rule that the channel has, held against the release: the first that does not pass is why it is refused. */
export async function judgeRelease(
  reader: Reader,
  app: AppTable,
  channel: ChannelTable,
  release: Pick<ReleaseTable, "id">,
  { by, nowMs }: { readonly by: By; readonly nowMs: number },
): Promise<readonly JudgedRule[]> {
  return [
    ...(by === "publication" && channel.promote === "manual" ? [manualRule(channel)] : []),
    ...(channel.require_validation === 1 ? [await validationRule(reader, channel, release)] : []),
    ...(channel.from_channel === null
      ? []
      : await originRules(reader, app, { ...channel, from_channel: channel.from_channel }, release, nowMs)),
  ];
}

function manualRule({ name }: ChannelTable): JudgedRule {
  const message = `${name} is promoted by hand only.`;
  return { rule: "manual", passed: false, fact: "a publication moves nothing here", message, details: {} };
}

async function validationRule(
  reader: Reader,
  channel: ChannelTable,
  release: Pick<ReleaseTable, "id">,
): Promise<JudgedRule> {
  const artifacts = await reader.all(artifactsOfRelease, { release_id: release.id });
  const count = (wanted: string) => artifacts.filter((artifact) => artifact.validation_status === wanted);
  const failed = count("failed").map(({ id }) => id);
  const pending = count("pending").length;
  const others = [
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(pending > 0 ? [`${pending} not inspected`] : []),
  ];
  return {
    rule: "require_validation",
    passed: failed.length === 0,
    fact: [`${count("passed").length} of ${artifacts.length} artifacts passed`, ...others].join(", "),
    message: `${channel.name} takes validated artifacts only.`,
    details: { artifacts: failed },
  };
}

async function originRules(
  reader: Reader,
  app: AppTable,
  channel: ChannelTable & { readonly from_channel: string },
  release: Pick<ReleaseTable, "id">,
  nowMs: number,
): Promise<readonly JudgedRule[]> {
  const { name, from_channel: from, min_time_seconds: wanted } = channel;
  const time = await reader.first(timeInChannel, {
    app_id: app.id,
    channel: from,
    release_id: release.id,
  });
  const sinceMs =
    time === undefined || time.current_since === null ? 0 : nowMs - fromTimestamp(time.current_since);
  const seconds = time === undefined ? 0 : Math.floor((time.current_ms + sinceMs) / 1000);
  const origin: JudgedRule = {
    rule: "from",
    passed: time !== undefined,
    fact:
      time === undefined ? `never current in ${from}` : `current in ${from} for ${durationWords(seconds)}`,
    message: `${name} takes releases from ${from} only.`,
    details: { from },
  };
  if (wanted === 0) return [origin];
  const minTime: JudgedRule = {
    rule: "min_time",
    passed: time !== undefined && seconds >= wanted,
    fact: `${durationWords(seconds)} of ${durationWords(wanted)}`,
    message: `${name} takes releases that were current in ${from} for long enough.`,
    details: { from, min_time_seconds: wanted, time_seconds: seconds },
  };
  return [origin, minTime];
}

/** Raises `release.revoked` or `release.not_published` unless a channel may point at the release. */
export function requirePublished(release: ReleaseTable): void {
  const refusal = unpublishedRefusal(release);
  if (refusal !== null) throw refusal;
}

/** `release.revoked` or `release.not_published`; null for a release that a channel may point at. */
export function unpublishedRefusal(release: ReleaseTable) {
  if (release.status === "published") return null;
  const details = { release_id: release.id, status: release.status };
  if (release.status === "revoked") {
    return releaseErrors.error("release.revoked", `${release.version} was revoked.`, { details });
  }
  return releaseErrors.error("release.not_published", `${release.version} is not published.`, { details });
}
