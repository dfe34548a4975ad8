import { resolve } from "node:path";

import { naturalBytes } from "../base/text.ts";
import type { IngestProfile } from "../ingest/profiles.ts";
import { ingestDirectory, type IngestResult } from "../ingest/ingest-directory.ts";
import type { Pair } from "./command.ts";
import type { CommandContext } from "./context.ts";
import { counted, say } from "./escape.ts";
import { onePerKey } from "./pairs.ts";
import { fields } from "./table.ts";
import { watchReport } from "./watch-report.ts";

/** Of what was skipped, this many are named to people. */
const NAMED_SKIPS = 5;

export interface IngestOptions {
  readonly profile: IngestProfile | null;
  readonly retentionClass: string | undefined;
  readonly producer: string | undefined;
  readonly subject: string | undefined;
  readonly metadata: readonly Pair[];
}

/** Ingests a directory that the command line names, with progress, and prints what came of it. */
export async function ingest(context: CommandContext, path: string, options: IngestOptions): Promise<void> {
  const { output, signal } = context;
  const { metadata, ...request } = options;
  const directory = resolve(context.directory, path);
  const result = await watchReport(output, signal, (watch) =>
    ingestDirectory(
      context.registry,
      { ...request, directory, metadata: onePerKey("--metadata", metadata) },
      watch,
    ),
  );
  if (!output.json) warnOfSkipped(context, result);
  output.result(result, () => ingestText(result));
}

function warnOfSkipped({ output }: CommandContext, { skipped }: IngestResult): void {
  if (skipped.length === 0) return;
  const named = skipped.slice(0, NAMED_SKIPS).map(({ path, kind }) => `${path} (${kind})`);
  const more = skipped.length > NAMED_SKIPS ? ["…"] : [];
  output.warn(say`${counted(skipped.length, "special file")} left out: ${[...named, ...more].join(", ")}.`);
}

function ingestText({ status, package: record, summary }: IngestResult): string {
  const counts = (of: Readonly<Record<string, number>> | null) =>
    of === null
      ? null
      : Object.entries(of)
          .map(([name, count]) => `${count} ${name}`)
          .join(", ");
  const isRun = summary.run_id !== null;
  return fields([
    ["Package", record.id],
    ["Status", status === "created" ? "created and finalized" : "unchanged: it was there"],
    ["Kind", record.kind],
    ["Producer", record.producer],
    ["Subject", record.subject],
    ["Retention class", record.retention_class],
    ["Files", `${counted(record.file_count, "file")}, ${naturalBytes(record.size_bytes)}`],
    ["Manifest", summary.manifest_sha256],
    ...(isRun
      ? ([
          ["Run", summary.run_id],
          ["Target", summary.target_profile],
          ["Assessment", summary.assessment_profile],
          ["Results", counts(summary.evidence_result_counts)],
          ["Findings", counts(summary.finding_counts)],
          [
            "Reports",
            Object.values(summary.reports)
              .flat()
              .map(({ path }) => path)
              .join(", "),
          ],
        ] as const)
      : []),
  ]);
}
