import type { Run } from "../command.ts";
import { releaseRef } from "../release-head.ts";
import type { releaseShow } from "../specs/release.ts";
import { releaseText } from "../views.ts";

export const run: Run<typeof releaseShow> = async ({ output, registry }, { args, options }) => {
  const release = await (await registry()).getRelease(options.app, releaseRef(args.release, options.build));
  output.result(release, () => releaseText(release));
};
