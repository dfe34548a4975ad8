import type { SearchResult } from "../../registry/records/search.ts";
import type { Run } from "../command.ts";
import type { search } from "../specs/overview.ts";
import { table } from "../table.ts";

export const run: Run<typeof search> = async ({ output, registry }, { args: { query } }) => {
  const found = await (await registry()).search(query);
  output.result(found, () => hitsText(found));
};

function hitsText({ hits, more }: SearchResult): string {
  if (hits.length === 0) return "Nothing is called so, as far as the token may see.";
  const cells = hits.map(({ kind, name, app, status, id }) => [kind, name, app ?? "", status ?? "", id]);
  const found = table(["KIND", "NAME", "APP", "STATUS", "ID"], cells);
  return more.length === 0 ? found : `${found}\nThere are more of ${more.join(", ")}.`;
}
