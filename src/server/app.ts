import { Hono } from "hono";

import { mountApi } from "./api/mount-api.ts";
import { mountAssets } from "./assets.ts";
import { mountConsole } from "./console/mount-console.ts";
import { errorHandler, notFoundHandler } from "./errors-answer.ts";
import { mountHealth } from "./health.ts";
import { identify } from "./identify.ts";
import { createMetrics } from "./metrics.ts";
import { observe } from "./observe.ts";
import { mountPages } from "./pages/mount-pages.ts";
import type { PartDeps, ServerDeps, ServerEnv } from "./server-context.ts";
import { mountStream } from "./stream/mount-stream.ts";
import { mountTransfer } from "./transfer/mount-transfer.ts";

/** Adds the routes of one part of the server. What it answers ends what the part keeps open without an end of its own. */
export type Mount = (app: Hono<ServerEnv>, deps: PartDeps) => { close(): void } | void;

const parts: readonly Mount[] = [mountTransfer, mountStream, mountApi, mountPages, mountConsole, mountAssets];

/** The whole server as one function from request to answer. */
export interface App {
  readonly hono: Hono<ServerEnv>;
  /** Ends the streams that would never end by themselves: called when the server is told to stop. */
  stop(): void;
}

/** Puts the server together. `mounts` are its parts, in the order in which they are asked. */
export function createApp(deps: ServerDeps, mounts: readonly Mount[] = parts): App {
  const app = new Hono<ServerEnv>();
  const metrics = createMetrics(deps.store, deps.peers);
  app.onError(errorHandler(deps));
  app.notFound(notFoundHandler);
  app.use(observe(deps, metrics));
  // Before credentials are looked at: monitors have none, and are not to be locked out.
  mountHealth(app, deps, metrics);
  app.use(identify(deps));
  const mounted = mounts.map((mount) => mount(app, { ...deps, metrics }));
  return {
    hono: app,
    stop: () => {
      for (const part of mounted) part?.close();
    },
  };
}
