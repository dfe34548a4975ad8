import { toTimestamp } from "../../base/clock.ts";
import type { BlobLocation } from "../../blob/blob-store.ts";
import type { Context } from "../context.ts";
import type { Reason } from "../records/store.ts";

/**
 * What keeps bytes although nothing needs them: the store's own lock, which outlives the reason it was set for. The store is asked
 * unless the row knows: a store that was restored or moved does not know what was locked before. Undefined when it may go.
 */
export async function lockReason(
  { blobs, clock }: Pick<Context, "blobs" | "clock">,
  location: BlobLocation,
  known: string | null = null,
): Promise<Reason | undefined> {
  const nowMs = clock.nowMs();
  if (known !== null && known > toTimestamp(nowMs)) return reason(known);
  const untilMs = await blobs.lockedUntil(location);
  if (untilMs === null || untilMs <= nowMs) return undefined;
  return reason(untilMs === Infinity ? null : toTimestamp(untilMs));
}

function reason(until: string | null): Reason {
  const end = until === null ? "while it is held there" : `before ${until}`;
  return { rule: "lock", until, ref: null, text: `The object store refuses to delete it ${end}.` };
}
