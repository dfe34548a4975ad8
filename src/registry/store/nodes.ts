import { hostname } from "node:os";

import { toTimestamp } from "../../base/clock.ts";
import { NODE_LIVE_MS } from "../../catalog/live-nodes.ts";
import { dropNode, dropUnseenNodes, putNode } from "../../catalog/queries/nodes.ts";
import { known } from "../../catalog/schema/state.ts";
import type { Context } from "../context.ts";
import { systemPrincipal } from "../principal.ts";

export { NODE_LIVE_MS };

/** A node that has not shown itself for so long will not come back under its id. */
const FORGET_AFTER_MS = 24 * 3600 * 1000;

/** How a server makes itself known to the others of its store, so that a newer version does not pull the store from under it. */
export interface NodePresence {
  /**
   * Says that this process lives and what it knows: again at least every `NODE_LIVE_MS`. Raises `store.newer_schema` once the store is not
   * for this version any more.
   */
  announce(): Promise<void>;
  /** Takes it back, when the process stops. */
  leave(): Promise<void>;
}

export function nodePresence({ database }: Pick<Context, "database">, id: string): NodePresence {
  const name = `${hostname()}:${process.pid}`;
  return {
    announce: () =>
      database.write(systemPrincipal, async (tx) => {
        await tx.run(putNode, { id, name, ...known, seen_at: tx.now });
        await tx.run(dropUnseenNodes, { before: toTimestamp(tx.nowMs - FORGET_AFTER_MS) });
      }),
    leave: () =>
      database.write(systemPrincipal, async (tx) => {
        await tx.run(dropNode, { id });
      }),
  };
}
