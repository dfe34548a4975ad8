import { naturalBytes } from "../../base/text.ts";
import { migrationVariables } from "../../config/environment.ts";
import type { MigrationReport } from "../../registry/records/store.ts";
import type { Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { counted, say } from "../escape.ts";
import type { storeMigrate } from "../specs/store.ts";
import { storeDirectory } from "../store-directory.ts";
import { watchReport } from "../watch-report.ts";

export const run: Run<typeof storeMigrate> = async (context, { options }) => {
  const { output, environment, signal } = context;
  const { source, target } = migrationVariables(environment.variables);
  const from = await side(context, "--from", options.from, source);
  const to = await side(context, "--to", options.to, target);
  const { migrateStore } = await import("../../registry/migrate/migrate-store.ts");
  const report = await watchReport(output, signal, (watch) =>
    migrateStore({ source: from, target: to }, watch),
  );
  output.result(report, () => migrationText(report, from.directory, to.directory));
};

/** One side's directory, with the settings that its `dist.toml` and these variables give it. */
async function side(
  { directory: base }: CommandContext,
  flag: string,
  place: string,
  env: CommandContext["environment"]["variables"],
) {
  const directory = storeDirectory(flag, place, base);
  const { loadConfig } = await import("../../config/load-config.ts");
  const { store: settings, storage } = await loadConfig({ directory, env });
  return { directory, settings, storage };
}

function migrationText(report: MigrationReport, from: string, to: string): string {
  const { head, log_id: logId, events, objects, write_stop_ms: stopMs, uploads_left: left } = report;
  const uploads = counted(left, "upload");
  return [
    say`Moved the log ${logId} to ${to}: ${counted(head, "event")}, of which this run brought ${events};`,
    say`${counted(objects.total, "object")} (${naturalBytes(objects.total_bytes)}), of which it sent ${objects.copied} (${naturalBytes(objects.copied_bytes)}).`,
    say`Every object was hashed on its way, and the log ends as the source's does. Nobody could write to the source for ${stopMs} ms.`,
    ...(left === 0 ? [] : [say`${uploads} in pieces stayed behind: whoever sends them begins anew.`]),
    say`\nPoint servers and clients at ${to} now. ${from} stays as it was; what is written there from now on is not in the copy.`,
  ].join("\n");
}
