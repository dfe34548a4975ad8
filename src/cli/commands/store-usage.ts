import { naturalBytes } from "../../base/text.ts";
import type { PackageSum, StorageUsage } from "../../registry/records/statistics.ts";
import type { Run } from "../command.ts";
import type { storeUsage } from "../specs/store.ts";
import { fields, table } from "../table.ts";

export const run: Run<typeof storeUsage> = async ({ output, registry }) => {
  const usage = await (await registry()).storageUsage();
  output.result(usage, () => usageText(usage));
};

function usageText(usage: StorageUsage): string {
  const { objects, by_class: classes, by_state: states, by_app: apps, by_month: months } = usage;
  const head = fields([
    ["Stored", `${objects.objects} files, ${naturalBytes(objects.size_bytes)}`],
    ["Packages", words(usage)],
    ["Held", words(states.held)],
    ["May go", words(states.eligible)],
    ["Permanent", words(states.permanent)],
    ["Kept by rule or date", words(states.kept)],
  ]);
  const named = [
    ...apps,
    { app: "(other apps)", ...usage.other_apps },
    { app: "(evidence)", ...usage.evidence },
  ].filter(({ packages }) => packages > 0);
  return [
    head,
    sums(
      "CLASS",
      classes.map((row) => [row.retention_class ?? "(none)", row] as const),
    ),
    sums(
      "APP",
      named.map((row) => [row.app, row] as const),
    ),
    sums(
      "MONTH",
      months.map((row) => [row.month, row] as const),
    ),
  ].join("\n\n");
}

function words({ packages, size_bytes: bytes }: PackageSum): string {
  return `${packages}, ${naturalBytes(bytes)}`;
}

function sums(heading: string, rows: readonly (readonly [name: string, sum: PackageSum])[]): string {
  return table(
    [heading, "PACKAGES", "SIZE"],
    rows.map(([name, { packages, size_bytes: bytes }]) => [name, packages, naturalBytes(bytes)]),
  );
}
