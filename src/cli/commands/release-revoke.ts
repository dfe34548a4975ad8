import type { Run } from "../command.ts";
import { releaseRef } from "../release-head.ts";
import type { releaseRevoke } from "../specs/release.ts";
import { releaseText } from "../views.ts";

export const run: Run<typeof releaseRevoke> = async ({ output, registry }, { args, options }) => {
  const release = await (
    await registry()
  ).revokeRelease(
    options.app,
    releaseRef(args.release, options.build),
    options.reason === undefined ? {} : { reason: options.reason },
  );
  output.result(release, () => releaseText(release));
};
