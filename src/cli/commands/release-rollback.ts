import type { Run } from "../command.ts";
import type { releaseRollback } from "../specs/release.ts";
import { channelText } from "../views.ts";

export const run: Run<typeof releaseRollback> = async ({ output, registry }, { options }) => {
  const { app, channel: name, reason, expect } = options;
  const channel = await (
    await registry()
  ).rollback(app, name, {
    ...(reason !== undefined && { reason }),
    ...(expect !== undefined && { expect }),
  });
  output.result(channel, () => channelText(channel));
};
