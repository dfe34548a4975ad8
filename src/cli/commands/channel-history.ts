import type { Run } from "../command.ts";
import { pageRequest } from "../page-request.ts";
import type { channelHistory } from "../specs/channel.ts";
import { table } from "../table.ts";
import { printPage, versionOf } from "../views.ts";

export const run: Run<typeof channelHistory> = async ({ output, registry }, { options }) => {
  const page = await (await registry()).channelHistory(options.app, options.channel, pageRequest(options));
  printPage(output, page, "The channel never moved.", (moves) =>
    table(
      ["WHEN", "MOVE", "TO", "RELEASE", "BY", "REASON"],
      moves.map((move) => [
        move.at,
        move.action,
        move.version === null ? null : versionOf({ version: move.version, build: move.build ?? "" }),
        move.release_id,
        move.actor,
        move.reason,
      ]),
    ),
  );
};
