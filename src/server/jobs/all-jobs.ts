import type { ServerDeps } from "../server-context.ts";
import { systemPrincipal } from "../../registry/principal.ts";
import type { Job } from "./job.ts";

const HOUR_MS = 3600 * 1000;
const MINUTE_MS = 60 * 1000;

/** What a server does by itself. */
export function allJobs({
  store,
  sweepIntervalMs,
  log,
}: Pick<ServerDeps, "store" | "log"> & { readonly sweepIntervalMs: number }): readonly Job[] {
  return [
    {
      name: "expire-uploads",
      intervalMs: MINUTE_MS,
      run: async (signal) => {
        const uploads = await store.expireUploads(signal);
        if (uploads > 0) log.info({ uploads }, "uploads expired");
      },
    },
    {
      name: "drop-expired-state",
      intervalMs: HOUR_MS,
      run: async () => {
        const rows = await store.dropExpiredState();
        if (rows > 0) log.info({ rows }, "expired state dropped");
      },
    },
    {
      name: "sweep-retention",
      intervalMs: sweepIntervalMs,
      run: async () => {
        const { marked, unmarked } = await store.as(systemPrincipal).sweepRetention();
        if (marked.length + unmarked.length === 0) return;
        log.info({ eligible: marked.length, needed_again: unmarked.length }, "retention swept");
      },
    },
    {
      name: "fill-views",
      intervalMs: MINUTE_MS,
      run: async (signal) => {
        if (await store.fillViews(signal)) log.info("views filled");
      },
    },
  ];
}
