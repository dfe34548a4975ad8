import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { releaseRef } from "../release-head.ts";
import type { releasePromote } from "../specs/release.ts";
import { channelText } from "../views.ts";

export const run: Run<typeof releasePromote> = async ({ output, registry }, { args, options }) => {
  const { app, channel: name, reason, rolloutPercent, expect } = options;
  const channel = await (
    await registry()
  ).promote(app, name, {
    ...releaseRef(args.release, options.build),
    ...(reason !== undefined && { reason }),
    ...(rolloutPercent !== undefined && { rollout_percent: rolloutPercent }),
    ...(expect !== undefined && { expect }),
  });
  if (channel.moved === false && !output.json)
    output.note(say`${name} pointed at it already; nothing changed.`);
  output.result(channel, () => channelText(channel));
};
