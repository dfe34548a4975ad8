import type { Logger } from "pino";

import { systemClock } from "../base/clock.ts";
import type { ServerSettings } from "../config/server-settings.ts";
import { openStore, type Store } from "../registry/open-store.ts";
import type { StorageSettings } from "../registry/storage-settings.ts";
import type { StoreSettings } from "../registry/store-settings.ts";
import { allJobs } from "./jobs/all-jobs.ts";
import { flushDownloads } from "./jobs/flush-downloads.ts";
import { startHeartbeat } from "./jobs/heartbeat.ts";
import { type RunningJobs, startJobs } from "./jobs/scheduler.ts";
import type { Peers } from "./peers.ts";
import { type RunningServer, startServer } from "./serve.ts";

export interface ServeStoreOptions {
  readonly directory: string;
  readonly store: StoreSettings;
  readonly storage: StorageSettings;
  readonly server: ServerSettings;
  /** Make a store that is missing. */
  readonly create: boolean;
  /**
   * Whether this process does what one does for all of a server: the first administrator token, asking for background jobs,
   * being known to other nodes.
   */
  readonly leads: boolean;
  /** The other processes of the same server, when there are any. */
  readonly peers?: Peers;
  readonly log: Logger;
  /** Told the secret of the first administrator token, when this start makes it. */
  readonly onFirstToken: (secret: string) => void;
}

/** A store that is served. */
export interface ServedStore {
  /** Where it listens, for this machine: `http://127.0.0.1:8787`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those under way finish for 30 s at most, ends the jobs, and closes the store. */
  close(): Promise<void>;
}

/** Opens a store and serves it in this process. Raises `server.cannot_listen` and what opening the store raises. */
export async function serveStore(options: ServeStoreOptions): Promise<ServedStore> {
  const { directory, create, store: settings, storage } = options;
  const store = await openStore({ directory, create, settings, storage });
  try {
    // A place for bytes that can never work stops the start; one that does not answer now is waited for, as `/readyz` says.
    await store.requireStorage();
    return await serve(store, options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function serve(store: Store, options: ServeStoreOptions): Promise<ServedStore> {
  const { server: settings, peers, log, leads, onFirstToken } = options;
  const heartbeat = leads ? await startHeartbeat(store.node, log) : undefined;
  const counting = flushDownloads(store.downloads, log);
  let server: RunningServer | undefined;
  let jobs: RunningJobs | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([server?.close(), jobs?.stop()]);
    await counting.stop();
    await heartbeat?.stop();
  };
  try {
    server = await startServer({ store, settings, log, clock: systemClock, ...(peers && { peers }) });
    if (leads) {
      // Once it listens: a start that fails must not use up the one time the token is shown.
      const secret = await store.createFirstAdministrator();
      if (secret !== null) onFirstToken(secret);
      jobs = startJobs(allJobs({ store, log, settings: options.store }), store.jobs, log);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: server.url,
    port: server.port,
    close: async () => {
      await close();
      await store.close();
    },
  };
}
