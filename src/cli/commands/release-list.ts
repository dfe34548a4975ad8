import type { Run } from "../command.ts";
import { pageRequest } from "../page-request.ts";
import type { releaseList } from "../specs/release.ts";
import { printPage, releasesText } from "../views.ts";

export const run: Run<typeof releaseList> = async ({ output, registry }, { options }) => {
  const { app, channel } = options;
  const page = await (
    await registry()
  ).listReleases(app, {
    ...pageRequest(options),
    ...(channel !== undefined && { channel }),
  });
  printPage(output, page, "No releases yet.", releasesText);
};
