import type { ServerDeps } from "../server-context.ts";
import type { Job } from "./scheduler.ts";

const HOUR_MS = 3600 * 1000;

/** What a server does by itself. */
export function allJobs({ store, log }: Pick<ServerDeps, "store" | "log">): readonly Job[] {
  return [
    {
      name: "drop-expired-state",
      intervalMs: HOUR_MS,
      run: async () => {
        const rows = await store.dropExpiredState();
        if (rows > 0) log.info({ rows }, "expired state dropped");
      },
    },
  ];
}
