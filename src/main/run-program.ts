import * as modules from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 26;

/** Runs this process as the program of that name. */
export async function runProgram(name: "dist" | "artifactstore"): Promise<void> {
  // Before anything is loaded that an older one may not understand.
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    process.stderr.write(
      `error: ${name} needs Node.js ${OLDEST_NODE} or later; this is ${process.versions.node}.\n`,
    );
    process.exit(1);
  }
  // As built, what V8 made of the program is kept beside it, for the next start; where nobody may write, starts are slower.
  if (import.meta.url.endsWith(".js")) {
    modules.enableCompileCache({ directory: besideThis("./compiled"), portable: true });
  }
  const { runProcess } = await import("../cli/process.ts");
  await runProcess(process.env, name, async (options) => {
    // Loaded when it is asked for: the other commands start faster without it.
    const { runServer } = await import("../server/run-server.ts");
    await runServer({ ...options, workerProgram: besideThis("./worker.js") });
  });
}

/** A file of `main`; as built, this module is a part beside the programs. */
function besideThis(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
