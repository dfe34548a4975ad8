import type { Run } from "../command.ts";
import type { tokenRevoke } from "../specs/access.ts";
import { tokenText } from "../views.ts";

export const run: Run<typeof tokenRevoke> = async ({ output, registry }, { args }) => {
  const token = await (await registry()).revokeToken(args.id);
  output.result(token, () => tokenText(token));
};
