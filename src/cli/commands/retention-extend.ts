import type { Run } from "../command.ts";
import { retentionText } from "../package-views.ts";
import type { retentionExtend } from "../specs/retention.ts";

export const run: Run<typeof retentionExtend> = async ({ output, registry }, { args, options }) => {
  const record = await (
    await registry()
  ).extendRetention(args.package, { new_expires_at: options.until, reason: options.reason ?? "" });
  output.result(record, () => retentionText(record));
};
