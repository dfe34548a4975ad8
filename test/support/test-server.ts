import { pino } from "pino";

import type { ServerSettings } from "../../src/config/server-settings.ts";
import { type RunningServer, startServer } from "../../src/server/serve.ts";
import type { TestStore } from "./test-store.ts";

/** A server of this machine's own, on a free port. */
export const testServerSettings: ServerSettings = {
  host: "127.0.0.1",
  port: 0,
  publicUrl: null,
  trustedProxies: [],
  maxUploadBytes: 1024 ** 3,
  workers: 1,
  sendFile: "off",
  oidc: null,
};

/** A whole server on a test's store, in this process: with the test's clock, on a free port. */
export function serveTestStore({ store, clock }: TestStore): Promise<RunningServer> {
  return startServer({
    store,
    settings: testServerSettings,
    log: pino({ enabled: false }),
    clock,
  });
}
