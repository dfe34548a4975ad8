import type { Run } from "../command.ts";
import { given } from "../given.ts";
import { holdText } from "../package-views.ts";
import type { retentionHold } from "../specs/retention.ts";

export const run: Run<typeof retentionHold> = async ({ output, registry }, { args, options }) => {
  const hold = await (
    await registry()
  ).holdPackage(args.package, { reason: options.reason ?? "", ...given("case", options.case) });
  output.result(hold, () => holdText(hold));
};
