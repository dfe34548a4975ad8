import type { PromotionCheck } from "../../registry/records/status.ts";
import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { releaseRef } from "../release-head.ts";
import type { releasePromote } from "../specs/release.ts";
import { table } from "../table.ts";
import { channelText, versionOf } from "../views.ts";

export const run: Run<typeof releasePromote> = async ({ output, registry }, { args, options }) => {
  const { app, channel: name, reason, rolloutPercent, expect, dryRun } = options;
  const ref = releaseRef(args.release, options.build);
  if (dryRun) {
    const check = await (await registry()).checkPromotion(app, name, ref);
    output.result(check, () => checkText(check));
    return check.allowed ? undefined : "conflict";
  }
  const channel = await (
    await registry()
  ).promote(app, name, {
    ...ref,
    ...(reason !== undefined && { reason }),
    ...(rolloutPercent !== undefined && { rollout_percent: rolloutPercent }),
    ...(expect !== undefined && { expect }),
  });
  if (channel.moved === false && !output.json)
    output.note(say`${name} pointed at it already; nothing changed.`);
  output.result(channel, () => channelText(channel));
  return undefined;
};

function checkText({ channel, from, to, rules, allowed }: PromotionCheck): string {
  const before = from === null ? "nothing" : versionOf(from);
  const head = say`${channel.app} ${channel.name}: from ${before} to ${versionOf(to)}`;
  const rows = rules.map(({ rule, passed, fact, message }) => [
    rule,
    passed ? "passes" : "refuses",
    fact,
    message,
  ]);
  const verdict = allowed ? "It would be promoted." : "It would be refused.";
  return `${head}\n\n${table(["RULE", "", "FACT", "WHY"], rows)}\n\n${verdict}`;
}
