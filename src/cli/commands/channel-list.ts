import type { Run } from "../command.ts";
import type { channelList } from "../specs/channel.ts";
import { channelsText, printPage } from "../views.ts";

export const run: Run<typeof channelList> = async ({ output, registry }, { options }) => {
  const page = await (await registry()).listChannels(options.app);
  printPage(output, page, "No channels yet.", channelsText);
};
