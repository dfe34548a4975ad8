import { toTimestamp } from "../base/clock.ts";
import type { Reader, TextConnection } from "./database.ts";
import { catalogErrors } from "./errors.ts";
import { olderNodes } from "./queries/nodes.ts";
import { known } from "./schema/state.ts";
import type { NodeTable } from "./tables.ts";

/** How long a node counts as alive after it showed itself. */
export const NODE_LIVE_MS = 60_000;

/** The nodes of older versions that live. A time further ahead than that was written before a clock was set back. */
export function liveOlderNodes(reader: Reader, nowMs: number): Promise<NodeTable[]> {
  const after = toTimestamp(nowMs - NODE_LIVE_MS);
  return reader.all(olderNodes, { ...known, after, until: toTimestamp(nowMs + NODE_LIVE_MS) });
}

/** Raises `store.older_nodes` while nodes of older versions live: what is to be done would pull the store from under them. */
export async function refuseBesideOlderNodes(connection: TextConnection, nowMs: number): Promise<void> {
  if ((await connection.columnsOf("node")).length === 0) return;
  const nodes = await liveOlderNodes(connection, nowMs);
  if (nodes.length === 0) return;
  const names = nodes.map(({ name }) => name);
  throw catalogErrors.error(
    "store.older_nodes",
    `The store must be upgraded, and servers of an older version use it: ${names.join(", ")}.`,
    {
      details: { nodes: nodes.map(({ name, seen_at: seenAt }) => ({ name, seen_at: seenAt })) },
      hint: `Stop them, then start this version. One that was killed counts for ${NODE_LIVE_MS / 1000} s more.`,
    },
  );
}
