import { DistError } from "../../base/errors.ts";
import { releaseById } from "../../catalog/queries/releases.ts";
import type { ReleaseTable } from "../../catalog/tables.ts";
import { mayInApp, requireScope } from "../access.ts";
import { findApp } from "../apps.ts";
import type { Context } from "../context.ts";
import type { ReleaseRef } from "../records/releases.ts";
import type { PromotionCheck, PromotionRule, ReleaseName } from "../records/status.ts";
import { findRelease } from "../releases/find-release.ts";
import { judgeRelease, unpublishedRefusal } from "./channel-policy.ts";
import { channelRecord, requireChannel } from "./find-channel.ts";

/**
 * What `promote` would say, without moving anything; needs `read`. Raises `app.not_found`, `channel.not_found`, `release.not_found`,
 * `release.ambiguous`.
 */
export async function checkPromotion(
  context: Context,
  slug: string,
  name: string,
  ref: ReleaseRef,
): Promise<PromotionCheck> {
  const { principal } = context;
  return context.database.read(async (reader) => {
    const app = await findApp(reader, context, slug);
    if (!mayInApp(principal, "read", slug)) requireScope(principal, "read", { app: slug });
    const channel = await requireChannel(reader, app, name);
    const release = await findRelease(reader, context, app, ref);
    const nowMs = context.clock.nowMs();
    const judged = await judgeRelease(reader, app, channel, release, { by: "promotion", nowMs });
    const rules: readonly PromotionRule[] = [
      ofRefusal("published", unpublishedRefusal(release), `it is ${release.status}`),
      ...judged.map(({ rule, passed, fact, message }) => ({
        rule,
        passed,
        fact,
        code: passed ? null : "channel.policy_refused",
        message: passed ? null : message,
      })),
      ofRefusal("permission", missingPermission(context, slug, name), principal.actor),
    ];
    const current =
      channel.current_release_id === null
        ? undefined
        : await reader.first(releaseById, { id: channel.current_release_id });
    return {
      channel: await channelRecord(reader, app, channel),
      from: current === undefined ? null : releaseName(current),
      to: releaseName(release),
      rules,
      allowed: rules.every(({ passed }) => passed),
      event_seq: channel.current_seq,
    };
  });
}

function releaseName({ id, version, build }: ReleaseTable): ReleaseName {
  return { release_id: id, version, build };
}

function ofRefusal(rule: PromotionRule["rule"], refusal: DistError | null, fact: string): PromotionRule {
  const { code = null, message = null } = refusal ?? {};
  return { rule, passed: refusal === null, fact, code, message };
}

/** What `promote` raises to somebody who may not. */
function missingPermission({ principal }: Context, app: string, channel: string): DistError | null {
  try {
    requireScope(principal, "promote", { app, channel });
    return null;
  } catch (error) {
    if (error instanceof DistError) return error;
    throw error;
  }
}
