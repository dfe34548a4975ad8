import type { Run } from "../command.ts";
import { packageText, retentionText } from "../package-views.ts";
import type { packageShow } from "../specs/package.ts";

export const run: Run<typeof packageShow> = async ({ output, registry }, { args }) => {
  const opened = await registry();
  const record = await opened.getPackage(args.package);
  const isThere = record.deleted_at === null;
  const retention =
    isThere && !output.json ? `\n\n${retentionText(await opened.getRetention(record.id))}` : "";
  output.result(record, () => `${packageText(record)}${retention}`);
};
