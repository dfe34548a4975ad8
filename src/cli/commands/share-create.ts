import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import type { shareCreate } from "../specs/access.ts";
import { shareText } from "../views.ts";

export const run: Run<typeof shareCreate> = async ({ output, registry }, { options }) => {
  const share = await (
    await registry()
  ).createShare(options.app, { channel: options.channel ?? null, expires_in: options.expiresIn });
  const once =
    share.url === null
      ? say`Secret, shown this once: ${share.secret}`
      : say`Link, shown this once: ${share.url}`;
  output.result(share, () => `${shareText(share)}\n\n${once}`);
};
