import type { Run } from "../command.ts";
import { cliErrors } from "../errors.ts";
import { say } from "../escape.ts";
import type { tokenCreate } from "../specs/access.ts";
import { tokenText } from "../views.ts";

export const run: Run<typeof tokenCreate> = async ({ output, registry }, { options }) => {
  if (options.scope.length === 0) {
    throw cliErrors.error("usage.missing_option", "A token needs at least one --scope.", {
      hint: "A CI job that publishes needs --scope publish.",
    });
  }
  const token = await (
    await registry()
  ).createToken({
    name: options.name,
    scopes: options.scope,
    app: options.app ?? null,
    channel: options.channel ?? null,
    expires_in: options.expiresIn ?? null,
  });
  output.result(token, () => `${tokenText(token)}\n\n${say`Secret, shown this once: ${token.secret}`}`);
};
