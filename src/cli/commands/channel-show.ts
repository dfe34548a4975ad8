import type { Run } from "../command.ts";
import type { channelShow } from "../specs/channel.ts";
import { channelText } from "../views.ts";

export const run: Run<typeof channelShow> = async ({ output, registry }, { options }) => {
  const channel = await (await registry()).getChannel(options.app, options.channel);
  output.result(channel, () => channelText(channel));
};
