import type { Logger } from "pino";

import { pause } from "../../base/async.ts";
import type { DownloadCounts } from "../../registry/statistics/download-counts.ts";

/** As much as a killed process loses; seldom enough that downloads cost the database next to nothing. */
const FLUSH_EVERY_MS = 5_000;

/** Has downloads' counts written every few seconds, and once more when it is stopped. */
export function flushDownloads(counts: DownloadCounts, log: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const flush = () =>
    counts.flush().catch((error: unknown) => log.error({ err: error }, "downloads not counted yet"));
  const repeating = (async () => {
    while (await pause(FLUSH_EVERY_MS, stopping.signal)) await flush();
  })();
  return {
    stop: async () => {
      stopping.abort();
      await repeating;
      await flush();
    },
  };
}
