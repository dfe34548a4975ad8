import type { Run } from "../command.ts";
import { historyText } from "../package-views.ts";
import { pageRequest } from "../page-request.ts";
import type { retentionHistory } from "../specs/retention.ts";
import { printPage } from "../views.ts";

export const run: Run<typeof retentionHistory> = async ({ output, registry }, { args, options }) => {
  const page = await (await registry()).retentionHistory(args.package, pageRequest(options));
  printPage(output, page, "Nothing happened yet.", historyText);
};
