#!/usr/bin/env node
import { fileURLToPath } from "node:url";

import { runProcess } from "../cli/process.ts";

await runProcess(process.env, async (options) => {
  // Loaded when it is asked for: the other commands start faster without it.
  const { runServer } = await import("../server/run-server.ts");
  await runServer({ ...options, workerProgram: fileURLToPath(new URL("./worker.js", import.meta.url)) });
});
