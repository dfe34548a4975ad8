import { naturalBytes } from "../../base/text.ts";
import type { Run } from "../command.ts";
import { printReport } from "../print-report.ts";
import type { storeStatus } from "../specs/store.ts";
import { fields } from "../table.ts";

export const run: Run<typeof storeStatus> = async ({ output, registry }) => {
  const status = await (await registry()).storeStatus();
  return printReport(output, status, ({ database, storage, counts, ...store }) =>
    fields([
      ["Store", store.ok ? "ok" : "has problems"],
      ["Log", `${store.log_id}, ${store.head} events`],
      [
        "Database",
        `${database.engine}, schema ${store.schema_version}, ${naturalBytes(database.size_bytes)}`,
      ],
      ["Files", `${storage.objects} in ${storage.backend}, ${naturalBytes(storage.bytes)}`],
      ["Apps", counts.apps],
      ["Releases", counts.releases],
      ["Drafts", counts.drafts],
      ["Packages", counts.packages],
      ["Tokens", counts.tokens],
    ]),
  );
};
