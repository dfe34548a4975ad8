import type { Run } from "../command.ts";
import { given } from "../given.ts";
import { pageRequest } from "../page-request.ts";
import type { sessionList } from "../specs/access.ts";
import { table } from "../table.ts";
import { printPage } from "../views.ts";

export const run: Run<typeof sessionList> = async ({ output, registry }, { options }) => {
  const request = { ...given("actor", options.actor), ...pageRequest(options) };
  const page = await (await registry()).listSessions(request);
  printPage(output, page, "Nobody is signed in.", (sessions) =>
    table(
      ["SESSION", "ACTOR", "SINCE", "LAST SEEN", "ENDS", "BROWSER"],
      sessions.map((session) => [
        session.id,
        session.actor,
        session.created_at,
        session.last_seen_at,
        session.expires_at,
        session.user_agent,
      ]),
    ),
  );
};
