import type { StoreStatistics } from "../../registry/records/statistics.ts";
import type { Run } from "../command.ts";
import type { stats } from "../specs/overview.ts";
import { fields, table } from "../table.ts";

export const run: Run<typeof stats> = async ({ output, registry }, { options: { days } }) => {
  const statistics = await (await registry()).storeStatistics(days === undefined ? {} : { days });
  output.result(statistics, () => statisticsText(statistics));
};

/** By app, most downloaded first; a day by itself is for programs. */
function statisticsText({ from, to, downloads, published, events }: StoreStatistics): string {
  const apps = new Map<string | null, { downloads: number; releases: number }>();
  const add = (app: string | null, row: { downloads?: number; releases?: number }): void => {
    const sums = apps.get(app) ?? { downloads: 0, releases: 0 };
    sums.downloads += row.downloads ?? 0;
    sums.releases += row.releases ?? 0;
    apps.set(app, sums);
  };
  for (const { app, downloads: count } of downloads) add(app, { downloads: count });
  for (const { app, releases } of published) add(app, { releases });
  const rows = [...apps].toSorted(([, a], [, b]) => b.downloads - a.downloads || b.releases - a.releases);
  const sum = (counts: readonly { events: number }[]) => counts.reduce((all, row) => all + row.events, 0);
  const head = fields([
    ["From", from],
    ["To", to],
    ["Events", sum(events.days)],
    ["Events in 24 h", sum(events.hours.slice(-24))],
  ]);
  if (rows.length === 0) return head;
  const cells = rows.map(([app, sums]) => [app ?? "(others)", sums.downloads, sums.releases]);
  return `${head}\n\n${table(["APP", "DOWNLOADS", "RELEASES"], cells)}`;
}
