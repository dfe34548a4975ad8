import { pino } from "pino";

import { type RunningServer, startServer } from "../../src/server/serve.ts";
import type { TestStore } from "./test-store.ts";

/** A whole server on a test's store, in this process: with the test's clock, on a free port. */
export function serveTestStore({ store, clock }: TestStore): Promise<RunningServer> {
  return startServer({
    store,
    settings: {
      host: "127.0.0.1",
      port: 0,
      publicUrl: null,
      trustedProxies: [],
      maxUploadBytes: 1024 ** 3,
      workers: 1,
      sendFile: "off",
    },
    log: pino({ enabled: false }),
    clock,
  });
}
