import { connect } from "node:net";

import { createApp, type Mount } from "../../src/server/app.ts";
import { createLogger } from "../../src/server/logger.ts";
import { type ConnectionLimits, type RunningServer, startServer } from "../../src/server/serve.ts";
import type { ServerSettings } from "../../src/config/server-settings.ts";
import { testServerSettings } from "../support/test-server.ts";
import { openTestStore, type TestStore, type TestStoreOptions } from "../support/test-store.ts";

export interface TestServer extends TestStore {
  readonly server: RunningServer;
  /** What was logged so far, one object a line. */
  readonly log: readonly { readonly [key: string]: unknown }[];
}

/** A server on a free port with parts of the test's own, or with all that a server has. Closing it twice is fine. */
export async function startTestServer(
  mounts: readonly Mount[] | undefined,
  settings: Partial<ServerSettings> = {},
  limits?: ConnectionLimits,
  store: TestStoreOptions = {},
): Promise<TestServer> {
  const test = await openTestStore(store);
  const log: { [key: string]: unknown }[] = [];
  const deps = {
    store: test.store,
    clock: test.clock,
    log: createLogger((line) => void log.push(JSON.parse(line) as { [key: string]: unknown })),
    settings: { ...testServerSettings, ...settings },
  };
  const server = await startServer(deps, createApp(deps, mounts), limits);
  return {
    ...test,
    server,
    log,
    close: async () => {
      await server.close();
      await test.close();
    },
  };
}

/** Sends these bytes and answers all that comes back until the server closes the connection. */
export function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (received += chunk));
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
  });
}
