import type { Problem } from "../registry/records/store.ts";
import { counted } from "./escape.ts";
import type { ExitReason } from "./exit-codes.ts";
import type { Output } from "./output.ts";
import { table } from "./table.ts";

/** A report of the store's care: prints it, and ends with exit code 4 when it is not ok. */
export function printReport<R extends { readonly ok: boolean; readonly problems: readonly Problem[] }>(
  output: Output,
  report: R,
  text: (report: R) => string,
): ExitReason | void {
  output.result(report, () => [text(report), problemText(report.problems)].filter(Boolean).join("\n\n"));
  return report.ok ? undefined : "corrupt";
}

function problemText(problems: readonly Problem[]): string {
  if (problems.length === 0) return "";
  const rows = problems.map(({ code, target, message }) => [code, target, message]);
  return `${counted(problems.length, "problem")}\n${table(["CODE", "WHERE", "WHAT"], rows)}`;
}
