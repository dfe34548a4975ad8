import type { ServerDeps } from "../server-context.ts";
import { systemPrincipal } from "../../registry/principal.ts";
import type { StoreSettings } from "../../registry/store-settings.ts";
import type { Job } from "./job.ts";

const HOUR_MS = 3600 * 1000;
const MINUTE_MS = 60 * 1000;

/** What a server does by itself. */
export function allJobs({
  store,
  settings: { sweepIntervalMs, lockAheadMs },
  log,
}: Pick<ServerDeps, "store" | "log"> & {
  readonly settings: Pick<StoreSettings, "sweepIntervalMs" | "lockAheadMs">;
}): readonly Job[] {
  return [
    ...(lockAheadMs === null ? [] : [lockMirror({ store, log }, lockAheadMs)]),
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

/** How often what was closed or held is looked for: until then it can be deleted with the store's credentials. */
const LOCK_EVERY_MS = 10_000;

/** Well before what is to be renewed counts as pending, which is after a quarter of `aheadMs`. */
function lockMirror({ store, log }: Pick<ServerDeps, "store" | "log">, aheadMs: number): Job {
  return {
    name: "mirror-locks",
    intervalMs: Math.max(1_000, Math.min(LOCK_EVERY_MS, aheadMs / 8)),
    run: async (signal) => {
      const { objects, pending, problems } = await store.mirrorLocks(signal);
      if (pending > 0) log.error({ objects, packages: pending, problems }, "packages not locked");
      else if (objects > 0) log.info({ objects }, "objects locked");
    },
  };
}
