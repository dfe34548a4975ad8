import type { Run } from "../command.ts";
import { ingest } from "../ingest.ts";
import type { packageIngest } from "../specs/ingest.ts";

export const run: Run<typeof packageIngest> = (context, { args, options }) =>
  ingest(context, args.directory, { ...options, profile: options.profile ?? null });
