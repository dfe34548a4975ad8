import type { Run } from "../command.ts";
import { packageText } from "../package-views.ts";
import type { packageFail } from "../specs/package.ts";

export const run: Run<typeof packageFail> = async ({ output, registry }, { args, options }) => {
  const record = await (await registry()).failPackage(args.package, { reason: options.reason ?? "" });
  output.result(record, () => packageText(record));
};
