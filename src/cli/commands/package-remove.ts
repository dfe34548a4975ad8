import type { Run } from "../command.ts";
import { filesText } from "../package-views.ts";
import type { packageRemove } from "../specs/package.ts";

export const run: Run<typeof packageRemove> = async ({ output, registry }, { args }) => {
  const removed = [await (await registry()).removePackageFile(args.package, args.path)];
  output.result(removed, () => filesText(removed));
};
