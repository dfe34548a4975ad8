import type { Run } from "../command.ts";
import { retentionText } from "../package-views.ts";
import type { retentionShow } from "../specs/retention.ts";

export const run: Run<typeof retentionShow> = async ({ output, registry }, { args }) => {
  const record = await (await registry()).getRetention(args.package);
  output.result(record, () => retentionText(record));
};
