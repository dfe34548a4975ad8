import type { Run } from "../command.ts";
import { namedRelease } from "../release-head.ts";
import type { releaseDraft } from "../specs/release.ts";
import { releaseText } from "../views.ts";

export const run: Run<typeof releaseDraft> = async ({ output, directory, registry }, { options }) => {
  const named = await namedRelease(options, directory);
  const release = await (
    await registry()
  ).draftRelease({
    app: named.app,
    display_name: named.display_name,
    version: named.version,
    build: named.build,
    channel: options.channel === undefined ? named.channel : options.channel,
    notes: options.notes ?? named.notes,
  });
  output.result(release, () => releaseText(release));
};
