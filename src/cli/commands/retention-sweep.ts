import type { SweepReport } from "../../registry/records/packages.ts";
import type { Run } from "../command.ts";
import { counted, say } from "../escape.ts";
import type { retentionSweep } from "../specs/retention.ts";

export const run: Run<typeof retentionSweep> = async ({ output, registry }) => {
  const report = await (await registry()).sweepRetention();
  output.result(report, () => sweepText(report));
};

function sweepText({ at, marked, unmarked }: SweepReport): string {
  return [
    say`As of ${at}: ${counted(marked.length, "package")} may go that had to stay before, ${counted(unmarked.length, "package")} must stay again.`,
    ...marked.map((id) => say`  ${id}  may go`),
    ...unmarked.map((id) => say`  ${id}  stays`),
    "Nothing was deleted: dist store cleanup does that.",
  ].join("\n");
}
