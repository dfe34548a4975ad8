import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { sizeText } from "../package-views.ts";
import type { packageFinalize } from "../specs/package.ts";

export const run: Run<typeof packageFinalize> = async ({ output, registry }, { args }) => {
  const record = await (await registry()).finalizePackage(args.package);
  output.result(
    record,
    () =>
      say`Finalized ${record.id}: ${sizeText(record)}.\nThe SHA-256 of its manifest is ${record.manifest_sha256 ?? "-"}.`,
  );
};
