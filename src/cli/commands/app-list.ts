import type { Run } from "../command.ts";
import { pageRequest } from "../page-request.ts";
import type { appList } from "../specs/app.ts";
import { appsText, printPage } from "../views.ts";

export const run: Run<typeof appList> = async ({ output, registry }, { options }) => {
  const page = await (await registry()).listApps(pageRequest(options));
  printPage(output, page, "No apps yet.", appsText);
};
