import { naturalBytes } from "../../base/text.ts";
import type { Run } from "../command.ts";
import { counted, say } from "../escape.ts";
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
      say`Checked ${counted(checked.events, "event")}, ${counted(checked.references, "reference")}, ${counted(checked.objects, "file")}, ${naturalBytes(checked.bytes)}.`,
      ...(collectable.length === 0
        ? []
        : [
            say`${counted(collectable.length, "thing")} that nothing needs, ${naturalBytes(bytes)}: dist store cleanup takes them away.`,
          ]),
    ].join("\n");
  });
};
