import { toTimestamp } from "../../base/clock.ts";
import type { Reader } from "../../catalog/database.ts";
import { appBySlug } from "../../catalog/queries/apps.ts";
import {
  currentExpiring,
  currentFindings,
  type DecisionScope,
  partialRollouts,
  waitingAsPublished,
  waitingFromChannel,
} from "../../catalog/queries/decisions.ts";
import { judgeRelease } from "../channels/channel-policy.ts";
import { requireChannel } from "../channels/find-channel.ts";
import type { Decision } from "../records/status.ts";
import { about, artifactsWords, releaseWords, type Subject, timeWords } from "./sentences.ts";

/** How long before their end certificates and profiles are named. */
const EXPIRING_MS = 30 * 24 * 3600 * 1000;

/** Releases that may go to a channel, now or later. */
export async function waitingReleases(
  reader: Reader,
  scope: DecisionScope,
  nowMs: number,
): Promise<readonly Decision[]> {
  const found = [
    ...(await reader.fetch(waitingFromChannel(scope))),
    ...(await reader.fetch(waitingAsPublished(scope))),
  ].toSorted((a, b) => (a.since < b.since ? 1 : -1));
  const decisions: Decision[] = [];
  for (const subject of found.slice(0, scope.limit)) decisions.push(await waiting(reader, subject, nowMs));
  return decisions;
}

async function waiting(reader: Reader, subject: Subject, nowMs: number): Promise<Decision> {
  const { slug, name, id } = subject;
  const app = (await reader.first(appBySlug, { slug }))!;
  const channel = await requireChannel(reader, app, name);
  const rules = await judgeRelease(reader, app, channel, { id }, { by: "promotion", nowMs });
  const refused = rules.find(({ passed }) => !passed);
  const promote = `dist release promote --app ${slug} --channel ${name} ${id}`;
  const head = { ...about(subject), kind: "release.waiting" } as const;
  const what = releaseWords(subject);
  if (refused === undefined) {
    const from = channel.from_channel;
    const message =
      from === null
        ? `${what} was published for ${name} and waits to be promoted by hand.`
        : `${what} can go from ${from} to ${name}: every rule passes.`;
    return { ...head, severity: "act", message, command: promote };
  }
  const command = `${promote} --dry-run`;
  if (refused.rule === "min_time") {
    const { min_time_seconds: wanted, time_seconds: spent } = refused.details as Record<string, number>;
    const due = toTimestamp(nowMs + (wanted! - spent!) * 1000);
    const message = `${what} may go from ${channel.from_channel} to ${name} from ${timeWords(due)} on.`;
    return { ...head, severity: "info", due_at: due, message, command };
  }
  const message = `${what} does not get into ${name}: ${refused.message} (${refused.fact})`;
  return { ...head, severity: "warn", message, command };
}

/** Channels whose release is not offered to all. */
export async function rollouts(reader: Reader, scope: DecisionScope): Promise<readonly Decision[]> {
  const rows = await reader.fetch(partialRollouts(scope));
  return rows.map((row): Decision => {
    const what = `${row.name} offers ${releaseWords(row)}`;
    const set = `dist channel set --app ${row.slug} --channel ${row.name} --rollout-percent`;
    return row.rollout_percent === 0
      ? {
          ...about(row),
          kind: "rollout.halted",
          severity: "act",
          message: `${what} to nobody: its rollout is halted.`,
          command: `${set} 100`,
        }
      : {
          ...about(row),
          kind: "rollout.partial",
          severity: "warn",
          message: `${what} to ${row.rollout_percent} % of devices; it does not widen by itself.`,
          command: `${set} 100`,
        };
  });
}

/** Current releases that inspection has something to say against, or has not looked at. */
export async function findings(reader: Reader, scope: DecisionScope): Promise<readonly Decision[]> {
  const rows = await reader.fetch(currentFindings(scope));
  return rows.map((row): Decision => {
    const [count, failed, pending] = [row.artifacts, row.failed, row.pending].map(Number) as [
      number,
      number,
      number,
    ];
    const others = count - failed - pending;
    const parts = [
      ...(failed > 0 ? [`${artifactsWords(failed)} that failed inspection`] : []),
      ...(pending > 0 ? [`${artifactsWords(pending)} not inspected yet`] : []),
      ...(others > 0 ? [`${artifactsWords(others)} with warnings`] : []),
    ];
    return {
      ...about(row),
      kind: "release.findings",
      severity: failed > 0 ? "act" : "warn",
      count,
      message: `${row.name} points at ${releaseWords(row)}, which has ${parts.join(" and ")}.`,
      command: `dist release show --app ${row.slug} ${row.id}`,
    };
  });
}

/** Current releases whose signature or profile ends soon, or has ended. */
export async function expiringSignatures(
  reader: Reader,
  scope: DecisionScope,
  nowMs: number,
): Promise<readonly Decision[]> {
  const until = toTimestamp(nowMs + EXPIRING_MS);
  const rows = await reader.fetch(currentExpiring({ ...scope, until }));
  return rows.map((row): Decision => {
    const isOver = row.due_at <= toTimestamp(nowMs);
    const message = `A certificate or profile of ${releaseWords(row)} on ${row.name} ${isOver ? "ended" : "ends"} on ${row.due_at.slice(0, 10)}.`;
    return {
      ...about(row),
      kind: "certificate.expiring",
      severity: isOver ? "act" : "warn",
      count: row.artifacts,
      due_at: row.due_at,
      message,
      command: `dist release show --app ${row.slug} ${row.id}`,
    };
  });
}
