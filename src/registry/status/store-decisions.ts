import { toTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import {
  type DecisionScope,
  eligibleSums,
  expiringTokens,
  idleDrafts,
} from "../../catalog/queries/decisions.ts";
import { lastSweep } from "../../catalog/queries/retention.ts";
import { DRAFT_IDLE_MS } from "../../retention/planner.ts";
import type { Decision } from "../records/status.ts";
import { nothing, packagesWords, releaseWords, timeWords } from "./sentences.ts";

const DAY_MS = 24 * 3600 * 1000;

/** How long before their end tokens are named. */
const TOKEN_ENDS_MS = 14 * DAY_MS;

/** A draft that nobody touched for so long may have been forgotten. */
const DRAFT_FORGOTTEN_MS = DAY_MS;

export async function endingTokens(
  reader: Reader,
  only: { readonly app: string | null; readonly limit: number },
  nowMs: number,
): Promise<readonly Decision[]> {
  const until = toTimestamp(nowMs + TOKEN_ENDS_MS);
  const rows = await reader.fetch(expiringTokens(only, { now: toTimestamp(nowMs), until }));
  return rows.map((row) => ({
    ...nothing,
    kind: "token.expiring",
    severity: "warn",
    app: row.app,
    channel: row.channel,
    token_id: row.id,
    since: row.created_at,
    due_at: row.expires_at,
    message: `The token ${row.name} ends at ${timeWords(row.expires_at)}.`,
    command: "dist token list",
  }));
}

/** One decision about all packages that may go, as of the last sweep. */
export async function eligiblePackages(reader: Reader, appId: string | null): Promise<readonly Decision[]> {
  const [sums] = await reader.fetch(eligibleSums(appId));
  const count = sums!.packages;
  if (count === 0) return [];
  const sizeBytes = sums!.size_bytes;
  return [
    {
      ...nothing,
      kind: "package.eligible",
      severity: "info",
      count,
      size_bytes: sizeBytes,
      since: (await reader.first(lastSweep, {}))?.at ?? null,
      message: `Nothing keeps ${packagesWords(count, sizeBytes)} any more. Nothing is deleted until somebody says so.`,
      command: "dist store cleanup",
    },
  ];
}

export async function forgottenDrafts(
  reader: Reader,
  scope: DecisionScope,
  nowMs: number,
): Promise<readonly Decision[]> {
  const rows = await reader.fetch(idleDrafts(scope, toTimestamp(nowMs - DRAFT_FORGOTTEN_MS)));
  return rows.map((row) => {
    const due = toTimestamp(Date.parse(row.since) + DRAFT_IDLE_MS);
    return {
      ...nothing,
      kind: "draft.idle",
      severity: "info",
      app: row.slug,
      channel: row.name,
      release_id: row.id,
      version: row.version,
      build: row.build,
      since: row.since,
      due_at: due,
      message: `The draft of ${releaseWords(row)} was touched last at ${timeWords(row.since)}; cleanup may take it from ${timeWords(due)} on.`,
      command: `dist release publish --app ${row.slug} ${row.id}`,
    };
  });
}
