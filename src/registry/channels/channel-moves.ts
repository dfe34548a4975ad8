import type { Reader, Transaction } from "../../catalog/database.ts";
import { moveWithStatus } from "../../catalog/queries/channels.ts";
import type { AppTable, ChannelTable } from "../../catalog/tables.ts";
import { recordReleaseNeededAgain } from "../retention/marks.ts";

/** A place in the history that a channel can point at again. */
export interface RollbackTarget {
  readonly seq: number;
  readonly releaseId: string;
}

/**
 * Where a rollback would go: down the stack of pointings to the first that is another release than the current one and
 * is neither revoked nor deleted. Null when there is none.
 */
export async function rollbackTarget(reader: Reader, channel: ChannelTable): Promise<RollbackTarget | null> {
  if (channel.current_seq === null) return null;
  const current = await reader.first(moveWithStatus, { seq: channel.current_seq });
  let seq = current!.back_seq;
  while (seq !== null) {
    const move = await reader.first(moveWithStatus, { seq });
    if (move!.status === "published" && move!.release_id !== channel.current_release_id) {
      return { seq, releaseId: move!.release_id! };
    }
    seq = move!.back_seq;
  }
  return null;
}

export async function recordPromotion(
  tx: Transaction,
  app: AppTable,
  channel: ChannelTable,
  releaseId: string,
  options: { rollout: number; reason: string | null },
): Promise<void> {
  await tx.record({
    type: "v1.channel.promoted",
    subject: channelSubject(app, channel.name),
    data: {
      app_id: app.id,
      channel: channel.name,
      release_id: releaseId,
      previous_release_id: channel.current_release_id,
      rollout_percent: options.rollout,
      reason: options.reason,
    },
  });
  await recordReleaseNeededAgain(tx, releaseId);
}

/** `target` null leaves the channel pointing at nothing: the last release it had was revoked. */
export async function recordRollback(
  tx: Transaction,
  app: AppTable,
  channel: ChannelTable,
  target: RollbackTarget | null,
  options: { cause: "rollback" | "revocation"; reason: string | null },
): Promise<void> {
  await tx.record({
    type: "v1.channel.rolled_back",
    subject: channelSubject(app, channel.name),
    data: {
      app_id: app.id,
      channel: channel.name,
      release_id: target?.releaseId ?? null,
      previous_release_id: channel.current_release_id!,
      to_seq: target?.seq ?? null,
      cause: options.cause,
      reason: options.reason,
    },
  });
  if (target !== null) await recordReleaseNeededAgain(tx, target.releaseId);
}

/** The id of a channel in events: channels have no id of their own. */
export function channelSubject(app: AppTable, name: string): string {
  return `${app.id}/${name}`;
}
