import type { Run } from "../command.ts";
import { classesText } from "../package-views.ts";
import type { retentionClasses } from "../specs/retention.ts";
import { printPage } from "../views.ts";

export const run: Run<typeof retentionClasses> = async ({ output, registry }) => {
  printPage(output, await (await registry()).retentionClasses(), "No classes.", classesText);
};
