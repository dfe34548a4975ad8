import type { AppStatistics } from "../../registry/records/statistics.ts";
import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import type { appStats } from "../specs/app.ts";
import { table } from "../table.ts";

export const run: Run<typeof appStats> = async ({ output, registry }, { options }) => {
  const { app, days, channel } = options;
  const statistics = await (
    await registry()
  ).appStatistics(app, {
    ...(days !== undefined && { days }),
    ...(channel !== undefined && { channel }),
  });
  output.result(statistics, () => statisticsText(statistics));
};

function statisticsText({ app, from, to, downloads, published }: AppStatistics): string {
  const total = downloads.reduce((sum, row) => sum + row.downloads, 0);
  const releases = published.reduce((sum, row) => sum + row.releases, 0);
  const head = say`${app}, ${from} to ${to}: ${total} downloads, ${releases} releases published`;
  if (downloads.length === 0) return head;
  const rows = downloads.map((row) => [
    row.day,
    row.channel,
    row.release_id === null ? "(others)" : row.version,
    row.build,
    row.platform,
    row.downloads,
  ]);
  return `${head}\n\n${table(["DAY", "CHANNEL", "VERSION", "BUILD", "PLATFORM", "DOWNLOADS"], rows)}`;
}
