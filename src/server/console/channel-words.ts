import { durationWords } from "../../base/duration.ts";
import type { ChannelRecord } from "../../registry/records/channels.ts";
import type { ReleaseRecord } from "../../registry/records/releases.ts";

/** Who or what moves a channel, and when: `by hand, from beta after 3 d`. */
export function policyWords({ policy }: Pick<ChannelRecord, "policy">): string {
  const by = policy.promote === "auto" ? "on publish" : "by hand";
  const from = policy.from === null ? "" : `, from ${policy.from}`;
  const after = policy.min_time_seconds > 0 ? ` after ${durationWords(policy.min_time_seconds)}` : "";
  const checked = policy.require_validation ? ", all checks passed" : "";
  return `${by}${from}${after}${checked}`;
}

/** Channels in the order in which releases reach them: those that take from another one stand before it. */
export function orderedChannels(channels: readonly ChannelRecord[]): ChannelRecord[] {
  const byName = new Map(channels.map((channel) => [channel.name, channel]));
  const depth = ({ policy }: ChannelRecord, seen: number): number => {
    const from = policy.from === null ? undefined : byName.get(policy.from);
    // A circle of channels ends the walk.
    return from === undefined || seen > channels.length ? 0 : 1 + depth(from, seen + 1);
  };
  return channels.toSorted((a, b) => depth(b, 0) - depth(a, 0) || (a.name < b.name ? -1 : 1));
}

/** How many of the releases, newest first, are newer than the one a channel points at; null when it is not among them. */
export function releasesAhead(
  channel: Pick<ChannelRecord, "current_release_id">,
  releases: readonly ReleaseRecord[],
): number | null {
  const published = releases.filter(({ status }) => status === "published");
  const at = published.findIndex(({ id }) => id === channel.current_release_id);
  return at === -1 ? null : at;
}
