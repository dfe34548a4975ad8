import type { Logger } from "pino";

import { pause } from "../../base/async.ts";
import { NODE_LIVE_MS, type NodePresence } from "../../registry/store/nodes.ts";

/** Often enough that one may fail, and another be slow. */
const ANNOUNCE_EVERY_MS = NODE_LIVE_MS / 3;

/** Makes the server known to the others of its store until it is stopped. Raises what the first announcement raises. */
export async function startHeartbeat(node: NodePresence, log: Logger): Promise<{ stop(): Promise<void> }> {
  await node.announce();
  const stopping = new AbortController();
  const beating = beat(node, log, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await beating;
      await node.leave().catch((error: unknown) => log.warn({ err: error }, "node not withdrawn"));
    },
  };
}

async function beat(node: NodePresence, log: Logger, signal: AbortSignal): Promise<void> {
  while (await pause(ANNOUNCE_EVERY_MS, signal)) {
    await node.announce().catch((error: unknown) => log.error({ err: error }, "node not announced"));
  }
}
