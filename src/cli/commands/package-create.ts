import type { PackageRequest } from "../../registry/records/packages.ts";
import type { InputOf, Run } from "../command.ts";
import { cliErrors } from "../errors.ts";
import { given } from "../given.ts";
import { packageText } from "../package-views.ts";
import { onePerKey } from "../pairs.ts";
import { readJsonObject } from "../read-text-file.ts";
import type { packageCreate } from "../specs/package.ts";

export const run: Run<typeof packageCreate> = async ({ output, registry, directory }, { options }) => {
  const metadata = await metadataOf(options, directory);
  const created = await (
    await registry()
  ).createPackage({
    kind: options.kind,
    ...given("producer", options.producer),
    ...given("subject", options.subject),
    ...given("retention_class", options.retentionClass),
    ...given("metadata", metadata),
    ...given("key", options.key),
  });
  if (!created.created && !output.json) output.note("There is a package with this key already:");
  output.result(created, () => packageText(created));
};

async function metadataOf(
  { metadata: pairs, metadataFile: file }: InputOf<typeof packageCreate>["options"],
  directory: string,
): Promise<PackageRequest["metadata"]> {
  if (file === undefined) return pairs.length === 0 ? undefined : onePerKey("--metadata", pairs);
  if (pairs.length === 0) return readJsonObject(file, directory);
  throw cliErrors.error("usage.conflicting_options", "--metadata and --metadata-file exclude each other.");
}
