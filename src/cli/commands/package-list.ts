import type { PackageFilter } from "../../registry/records/packages.ts";
import type { InputOf, Run } from "../command.ts";
import { given } from "../given.ts";
import { packagesText } from "../package-views.ts";
import { pageRequest } from "../page-request.ts";
import { onePerKey } from "../pairs.ts";
import type { packageList } from "../specs/package.ts";
import { printPage } from "../views.ts";

export const run: Run<typeof packageList> = async ({ output, registry }, { options }) => {
  const request = { ...packageFilter(options), ...pageRequest(options) };
  const page = await (await registry()).listPackages(request);
  printPage(output, page, "No packages.", packagesText);
};

function packageFilter(options: InputOf<typeof packageList>["options"]): PackageFilter {
  const metadata = onePerKey("--metadata", options.metadata);
  return {
    ...given("status", options.status),
    ...given("kind", options.kind),
    ...given("producer", options.producer),
    ...given("subject", options.subject),
    ...given("retention_class", options.retentionClass),
    ...(options.metadata.length > 0 && { metadata }),
    ...(options.eligible && { eligible: true }),
    ...given("since", options.since),
    ...given("until", options.until),
  };
}
