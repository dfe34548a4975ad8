import type { Run } from "../command.ts";
import type { shareRevoke } from "../specs/access.ts";
import { shareText } from "../views.ts";

export const run: Run<typeof shareRevoke> = async ({ output, registry }, { args, options }) => {
  const share = await (await registry()).revokeShare(options.app, args.id);
  output.result(share, () => shareText(share));
};
