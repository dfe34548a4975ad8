import { fromTimestamp, toTimestamp } from "../base/clock.ts";
import { logHead } from "../catalog/transaction.ts";
import type { Context } from "./context.ts";

/**
 * The time for what is made before the transaction that records it, such as a manifest: now, and as in a transaction never earlier than
 * the last event, so that no period begins in the past because a clock was set back.
 */
export async function recordingTime({
  database,
  clock,
}: Pick<Context, "database" | "clock">): Promise<string> {
  const head = (await database.first(logHead, {}))!;
  return toTimestamp(Math.max(clock.nowMs(), fromTimestamp(head.last_at)));
}
