import { durationSeconds, parseDuration } from "../../base/duration.ts";
import type { ChannelChanges } from "../../registry/records/channels.ts";
import type { InputOf, Run } from "../command.ts";
import type { channelSet } from "../specs/channel.ts";
import { channelText } from "../views.ts";

export const run: Run<typeof channelSet> = async ({ output, registry }, { options }) => {
  const changes = channelChanges(options);
  const channel = await (await registry()).setChannel(options.app, options.channel, changes);
  output.result(channel, () => channelText(channel));
};

function channelChanges(options: InputOf<typeof channelSet>["options"]): ChannelChanges {
  const { policy: promote, requireValidation, from, minTime, rolloutPercent, retentionKeep } = options;
  const policy = {
    ...(promote !== undefined && { promote }),
    ...(requireValidation !== undefined && { require_validation: requireValidation }),
    ...(from !== undefined && { from }),
    ...(minTime !== undefined && { min_time_seconds: secondsOf(minTime) }),
  };
  return {
    ...(Object.keys(policy).length > 0 && { policy }),
    ...(rolloutPercent !== undefined && { rollout_percent: rolloutPercent }),
    ...(retentionKeep !== undefined && { retention_keep: retentionKeep }),
  };
}

/** A duration is never zero; no minimum time is. */
function secondsOf(text: string): number {
  return text === "0" ? 0 : durationSeconds(parseDuration(text));
}
