import { resolve } from "node:path";

import { loadConfig } from "../../config/load-config.ts";
import type { Run } from "../command.ts";
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
  const load = () =>
    loadConfig({
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
  const { output, signal, serve } = context;
  if (options.check) {
    const { checkServer } = await import("./server-check.ts");
    return checkServer(output, directory, load);
  }
  await serve({
    ...(await load()),
    directory,
    write: (line) => output.text(line),
    onFirstToken: (secret) => output.note(`First administrator token, shown this once: ${secret}`),
    signal,
  });
  return undefined;
};
