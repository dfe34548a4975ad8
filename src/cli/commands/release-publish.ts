import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { publishText } from "../publish-text.ts";
import { namedRelease, refOf } from "../release-head.ts";
import type { releasePublish } from "../specs/release.ts";

export const run: Run<typeof releasePublish> = async ({ output, directory, registry }, { options }) => {
  const named = await namedRelease(options, directory);
  const opened = await registry();
  const channel = options.channel === undefined ? named.channel : options.channel;
  const result = await opened.publishDraft(named.app, refOf(named), channel === undefined ? {} : { channel });
  const release = await opened.getRelease(named.app, { release: result.release.id });
  if (result.channel !== null && "refusal" in result.channel && !output.json) {
    output.warn(say`${result.channel.name} was not moved: ${result.channel.refusal.message}`);
  }
  // The release as everywhere, with what this publishing did.
  const { status, channel: moved } = result;
  output.result({ ...release, publish: { status, channel: moved } }, () => publishText(result));
};
