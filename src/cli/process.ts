import process from "node:process";

import type { Serve } from "./context.ts";
import { exitCodes, type ExitReason } from "./exit-codes.ts";
import { artifactstore, dist } from "./programs.ts";
import { main } from "./run.ts";

const programs = { dist, artifactstore };

/**
 * Runs this process's command line as one of the programs, and sets its exit code. The first SIGINT or SIGTERM asks the command to stop and clean up;
 * the second ends the process at once.
 */
export async function runProcess(
  env: NodeJS.ProcessEnv,
  program: keyof typeof programs,
  serve: Serve,
): Promise<void> {
  const stop = new AbortController();
  const onSignal = (reason: ExitReason) => () => {
    if (stop.signal.aborted) process.exit(exitCodes[reason]);
    stop.abort(reason);
  };
  process.on("SIGINT", onSignal("interrupted"));
  process.on("SIGTERM", onSignal("terminated"));
  process.exitCode = await main({
    argv: process.argv.slice(2),
    program: programs[program],
    env,
    serve,
    streams: { stdin: () => process.stdin, stdout: process.stdout, stderr: process.stderr },
    directory: process.cwd(),
    signal: stop.signal,
  });
}
