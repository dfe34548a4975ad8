import type { Run } from "../command.ts";
import { filesText } from "../package-views.ts";
import { pageRequest } from "../page-request.ts";
import type { packageFiles } from "../specs/package.ts";
import { printPage } from "../views.ts";

export const run: Run<typeof packageFiles> = async ({ output, registry }, { args, options }) => {
  const page = await (await registry()).listPackageFiles(args.package, pageRequest(options));
  printPage(output, page, "The package has no files.", filesText);
};
