import type { Run } from "../command.ts";
import { pageRequest } from "../page-request.ts";
import type { shareList } from "../specs/access.ts";
import { table } from "../table.ts";
import { printPage } from "../views.ts";

export const run: Run<typeof shareList> = async ({ output, registry }, { options }) => {
  const page = await (await registry()).listShares(options.app, pageRequest(options));
  printPage(output, page, "No share links yet.", (shares) =>
    table(
      ["LINK", "STATUS", "CHANNEL", "EXPIRES", "CREATED", "BY"],
      shares.map((share) => [
        share.id,
        share.status,
        share.channel,
        share.expires_at,
        share.created_at,
        share.created_by,
      ]),
    ),
  );
};
