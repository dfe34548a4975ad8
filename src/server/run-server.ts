import { aborted } from "../base/async.ts";
import type { ServerSettings } from "../config/server-settings.ts";
import type { StorageSettings } from "../registry/storage-settings.ts";
import type { StoreSettings } from "../registry/store-settings.ts";
import { startLog } from "./logger.ts";
import { serveStore } from "./serve-store.ts";

export interface RunOptions {
  /** The store directory; made when it is missing. */
  readonly directory: string;
  readonly store: StoreSettings;
  readonly storage: StorageSettings;
  readonly server: ServerSettings;
  /** The program of one of several workers: a file that calls `runWorker`. */
  readonly workerProgram: string;
  /** Takes the log's lines, one or several at once. With several workers, those of this process: theirs go to standard output. */
  readonly write: (line: string) => void;
  /** Told the secret of the first administrator token, when this start makes it; nobody else ever is. */
  readonly onFirstToken: (secret: string) => void;
  /** Aborted to stop. */
  readonly signal: AbortSignal;
}

/**
 * Serves a store until it is told to stop: in this process, or in as many workers as the settings say. Raises
 * `server.cannot_listen`, `server.worker_failed` and what opening the store raises.
 */
export async function runServer(options: RunOptions): Promise<void> {
  if (options.server.workers > 1) {
    const { supervise } = await import("./workers/supervise.ts");
    return supervise(options);
  }
  const { log, flush } = startLog(options.write);
  const served = await serveStore({ ...options, create: true, leads: true, log });
  log.info({ url: served.url, public_url: options.server.publicUrl, store: options.directory }, "listening");
  await aborted(options.signal);
  log.info("stopping");
  await served.close();
  log.info("stopped");
  flush();
}
