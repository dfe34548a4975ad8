import type { Run } from "../command.ts";
import { holdText } from "../package-views.ts";
import type { retentionRelease } from "../specs/retention.ts";

export const run: Run<typeof retentionRelease> = async ({ output, registry }, { args, options }) => {
  const hold = await (
    await registry()
  ).releaseHold(args.package, args.hold, { reason: options.reason ?? "" });
  output.result(hold, () => holdText(hold));
};
