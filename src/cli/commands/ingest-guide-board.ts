import type { Run } from "../command.ts";
import { ingest } from "../ingest.ts";
import type { ingestGuideBoard } from "../specs/ingest.ts";

export const run: Run<typeof ingestGuideBoard> = (context, { args, options }) =>
  ingest(context, args.directory, { ...options, profile: "guide-board" });
