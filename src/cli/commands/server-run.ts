import { resolve } from "node:path";

import { hasCode } from "../../base/errors.ts";
import { type Config, loadConfig } from "../../config/load-config.ts";
import { openStore } from "../../registry/open-store.ts";
import type { Run } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { cliErrors } from "../errors.ts";
import type { serverRun } from "../specs/server.ts";

export const run: Run<typeof serverRun> = async (context, { options }) => {
  const named = options.localStore ?? context.environment.localStore;
  if (named === undefined) {
    throw cliErrors.error("usage.store_required", "The server needs a store directory.", {
      hint: "Give --local-store DIR, or set DIST_STORE.",
    });
  }
  const directory = resolve(context.directory, named);
  const config = await loadConfig({
    directory,
    env: context.environment.variables,
    file: options.config === undefined ? undefined : resolve(context.directory, options.config),
    flags: {
      "server.host": options.host,
      "server.port": options.port,
      "server.workers": options.workers,
      public_url: options.publicUrl,
    },
  });
  if (options.check) await check(context, directory, config);
  else {
    const { output, signal, serve } = context;
    await serve({
      ...config,
      directory,
      write: (line) => output.text(line),
      onFirstToken: (secret) => output.note(`First administrator token, shown this once: ${secret}`),
      signal,
    });
  }
};

/** A missing store is fine: it will be made. One that is there must open. */
async function check({ output }: CommandContext, directory: string, config: Config): Promise<void> {
  const { store: settings, storage } = config;
  const store = await openStore({ directory, create: false, settings, storage }).catch((error: unknown) => {
    if (hasCode(error, "store.load")) return undefined;
    throw error;
  });
  try {
    await store?.requireStorage();
  } finally {
    await store?.close();
  }
  const report = { ok: true, store: directory, exists: store !== undefined, settings: config.server };
  output.result(report, () => {
    const { host, port, workers, publicUrl } = config.server;
    const place = store === undefined ? `${directory} (will be created)` : directory;
    return [
      "The configuration is sound.",
      `store: ${place}`,
      `listen: ${host}, port ${port}`,
      `workers: ${workers}`,
      `public URL: ${publicUrl ?? "as each request came"}`,
    ].join("\n");
  });
}
