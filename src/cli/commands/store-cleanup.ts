import { naturalBytes } from "../../base/text.ts";
import type { CleanupEntry, CleanupReport } from "../../registry/records/store.ts";
import type { Run } from "../command.ts";
import { counted, say } from "../escape.ts";
import { printReport } from "../print-report.ts";
import type { storeCleanup } from "../specs/store.ts";
import { table } from "../table.ts";
import { watchReport } from "../watch-report.ts";

export const run: Run<typeof storeCleanup> = async ({ output, registry, signal }, { options }) => {
  const opened = await registry();
  const report = await watchReport(output, signal, (watch) =>
    opened.cleanupStore({ ...watch, apply: options.apply }),
  );
  return printReport(output, report, cleanupText);
};

function cleanupText(report: CleanupReport): string {
  const { applied, kept, deleted } = report;
  const bytes = deleted.reduce((sum, entry) => sum + entry.bytes, 0);
  const what = applied ? "Deleted" : "Would delete";
  const parts = [
    entries(deleted, what, report),
    entries(kept, "Kept", report),
    say`${what} ${counted(deleted.length, "thing")}, ${naturalBytes(bytes)}; kept ${counted(kept.length, "thing")}.`,
    !applied && deleted.length > 0 ? "Nothing was deleted: add --apply to do it." : "",
  ];
  return parts.filter(Boolean).join("\n\n");
}

function entries(list: readonly CleanupEntry[], heading: string, { reasons }: CleanupReport): string {
  if (list.length === 0) return "";
  const rows = list.map(({ id, kind, bytes }) => [
    kind,
    id,
    naturalBytes(bytes),
    (reasons[id] ?? []).map(({ text }) => text).join(" "),
  ]);
  return `${heading}\n${table(["KIND", "ID", "SIZE", "WHY"], rows)}`;
}
