import { createReadStream } from "node:fs";
import { join, resolve } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";

import type { Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { counted, say } from "../escape.ts";
import { fileSource } from "../../registry/file-source.ts";
import { printReport } from "../print-report.ts";
import { readLines } from "../read-lines.ts";
import type { storeImport } from "../specs/store.ts";
import { watchReport } from "../watch-report.ts";

export const run: Run<typeof storeImport> = async (context, { args }) => {
  // A pipe may stay silent for ever: a signal ends the wait.
  const source = addAbortSignal(context.signal, await importSource(context, args.file));
  const opened = await context.registry();
  const report = await watchReport(context.output, context.signal, (options) =>
    opened.importStore(readLines(source), options),
  );
  return printReport(context.output, report, ({ log_id, events, objects }) =>
    [
      say`Imported ${counted(events, "event")} of the log ${log_id}; ${counted(objects.adopted, "file")} adopted, ${objects.missing.length} missing.`,
      ...objects.missing.map((sha256) => say`  missing: ${sha256}`),
    ].join("\n"),
  );
};

async function importSource(context: CommandContext, file: string | undefined): Promise<Readable> {
  if (file === "-") return context.stdin();
  const connection = context.connection();
  const path =
    file === undefined && connection.kind === "store"
      ? join(resolve(context.directory, connection.directory), "db.json")
      : resolve(context.directory, file ?? "db.json");
  // Raises what is wrong with the file before a store is made.
  await fileSource(path);
  return createReadStream(path);
}
