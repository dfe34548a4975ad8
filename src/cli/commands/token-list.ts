import type { Run } from "../command.ts";
import { pageRequest } from "../page-request.ts";
import type { tokenList } from "../specs/access.ts";
import { table } from "../table.ts";
import { printPage } from "../views.ts";

export const run: Run<typeof tokenList> = async ({ output, registry }, { options }) => {
  const page = await (await registry()).listTokens(pageRequest(options));
  printPage(output, page, "No tokens yet.", (tokens) =>
    table(
      ["TOKEN", "NAME", "STATUS", "SCOPES", "APP", "CHANNEL", "EXPIRES", "LAST USED"],
      tokens.map((token) => [
        token.id,
        token.name,
        token.status,
        token.scopes.join(","),
        token.app,
        token.channel,
        token.expires_at,
        token.last_used_at,
      ]),
    ),
  );
};
