import type { Run } from "../command.ts";
import { counted, say } from "../escape.ts";
import { printReport } from "../print-report.ts";
import type { storeRebuild } from "../specs/store.ts";
import { watchReport } from "../watch-report.ts";

export const run: Run<typeof storeRebuild> = async ({ output, registry, signal }) => {
  const opened = await registry();
  const report = await watchReport(output, signal, (options) => opened.rebuildStore(options));
  return printReport(output, report, ({ ok, events, views }) => {
    const rows = Object.values(views).reduce((sum, count) => sum + count, 0);
    const outcome = ok ? "The views were right." : "The views differed from the log; they are right now.";
    return `${outcome}\n${say`Replayed ${counted(events, "event")}, compared ${counted(rows, "row")} of ${counted(Object.keys(views).length, "view")}.`}`;
  });
};
