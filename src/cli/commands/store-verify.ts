import { naturalBytes } from "../../base/text.ts";
import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { printReport } from "../print-report.ts";
import type { storeVerify } from "../specs/store.ts";
import { watchReport } from "../watch-report.ts";

export const run: Run<typeof storeVerify> = async ({ output, registry, signal }) => {
  const opened = await registry();
  const report = await watchReport(output, signal, (options) => opened.verifyStore(options));
  return printReport(output, report, ({ ok, checked, collectable }) => {
    const bytes = collectable.reduce((sum, entry) => sum + entry.bytes, 0);
    return [
      ok ? "Everything is as it was recorded." : "The store is damaged.",
      say`Checked ${checked.events} events, ${checked.references} references, ${checked.objects} files, ${naturalBytes(checked.bytes)}.`,
      ...(collectable.length === 0
        ? []
        : [
            say`${collectable.length} things that nothing needs, ${naturalBytes(bytes)}: dist store cleanup takes them away.`,
          ]),
    ].join("\n");
  });
};
