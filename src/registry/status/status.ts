import { toTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import { appBySlug } from "../../catalog/queries/apps.ts";
import { logHead } from "../../catalog/transaction.ts";
import { hasScope, mayInStore, requireToken } from "../access.ts";
import type { Context } from "../context.ts";
import type { Principal } from "../principal.ts";
import type { Decision, DecisionKind, StoreDecisions } from "../records/status.ts";
import type { Scope } from "../records/tokens.ts";
import { expiringSignatures, findings, rollouts, waitingReleases } from "./channel-decisions.ts";
import { storeHealth } from "./health.ts";
import { eligiblePackages, endingTokens, forgottenDrafts } from "./store-decisions.ts";

/** Decisions of a kind that are shown. */
const MAX_OF_A_KIND = 25;

/**
 * What needs a decision, as far as the caller may see it: of releases with `read`, of tokens with `token`, of packages that may go with
 * `retention`, of drafts with `publish`; of the app and channel that the caller is limited to. Any token may ask.
 */
export async function storeDecisions(context: Context): Promise<StoreDecisions> {
  const { principal } = context;
  requireToken(principal);
  const nowMs = context.clock.nowMs();
  const found = await context.database.read(async (reader) => {
    const head = (await reader.first(logHead, {}))!.head;
    return { head, lists: await decisionLists(reader, principal, nowMs) };
  });
  const shown = found.lists.flatMap((list) => list.slice(0, MAX_OF_A_KIND));
  const more = found.lists.flatMap((list) => list.slice(MAX_OF_A_KIND).map(({ kind }) => kind));
  return {
    log_head: found.head,
    at: toTimestamp(nowMs),
    decisions: shown.toSorted(latestFirst),
    more: [...new Set<DecisionKind>(more)],
    health: mayInStore(principal, "audit") ? await storeHealth(context) : null,
  };
}

/** By kind; one more than is shown where there are more. */
async function decisionLists(
  reader: Reader,
  principal: Principal,
  nowMs: number,
): Promise<readonly (readonly Decision[])[]> {
  const { app: slug, channel } = principal;
  const app = slug === null ? undefined : await reader.first(appBySlug, { slug });
  // A token's app need not exist yet; until then there is nothing to decide.
  if (slug !== null && app === undefined) return [];
  const appId = app?.id ?? null;
  const limit = MAX_OF_A_KIND + 1;
  const scope = { appId, channel, limit };
  const may = (wanted: Scope) => hasScope(principal, wanted);
  return [
    ...(may("read")
      ? [
          await waitingReleases(reader, scope, nowMs),
          await rollouts(reader, scope),
          await findings(reader, scope),
          await expiringSignatures(reader, scope, nowMs),
        ]
      : []),
    ...(may("token") ? [await endingTokens(reader, { app: slug, limit }, nowMs)] : []),
    ...(may("retention") && channel === null ? [await eligiblePackages(reader, appId)] : []),
    ...(may("publish") ? [await forgottenDrafts(reader, scope, nowMs)] : []),
  ];
}

function latestFirst(a: Decision, b: Decision): number {
  const [left, right] = [a.since ?? "", b.since ?? ""];
  return left < right ? 1 : left > right ? -1 : 0;
}
