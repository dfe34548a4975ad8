import { once } from "node:events";

import { systemClock } from "../base/clock.ts";
import { openStore } from "../registry/open-store.ts";
import type { StorageSettings } from "../registry/storage-settings.ts";
import type { StoreSettings } from "../registry/store-settings.ts";
import { createLogger } from "./logger.ts";
import { type RunningServer, startServer } from "./serve.ts";
import type { ServerDeps } from "./server-context.ts";
import type { ServerSettings } from "../config/server-settings.ts";

export interface RunOptions {
  /** The store directory; made when it is missing. */
  readonly directory: string;
  readonly store: StoreSettings;
  readonly storage: StorageSettings;
  readonly server: ServerSettings;
  /** Takes the log's lines. */
  readonly write: (line: string) => void;
  /** Told the secret of the first administrator token, when this start makes it; nobody else ever is. */
  readonly onFirstToken: (secret: string) => void;
  /** Aborted to stop. */
  readonly signal: AbortSignal;
}

/** Serves a store until it is told to stop. Raises `server.cannot_listen` and what opening the store raises. */
export async function runServer(options: RunOptions): Promise<void> {
  const { directory, signal, server: settings } = options;
  const log = createLogger(options.write);
  const store = await openStore({
    directory,
    create: true,
    settings: options.store,
    storage: options.storage,
  });
  const server = await start({ store, settings, log, clock: systemClock }, options);
  log.info({ url: server.url, public_url: settings.publicUrl, store: directory }, "listening");
  if (!signal.aborted) await once(signal, "abort");
  log.info("stopping");
  await server.close();
  log.info("stopped");
}

/**
 * Listens first: a start that fails must not use up the one time the token is shown. A place for bytes that can never work
 * stops it; one that does not answer now is waited for, as `/readyz` says.
 */
async function start(deps: ServerDeps, { onFirstToken }: RunOptions): Promise<RunningServer> {
  const begun = deps.store.requireStorage().then(() => startServer(deps));
  const server = await begun.catch(async (error: unknown) => {
    await deps.store.close();
    throw error;
  });
  try {
    const secret = await deps.store.createFirstAdministrator();
    if (secret !== null) onFirstToken(secret);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}
