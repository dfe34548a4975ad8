import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SERVICES_DIRECTORY, stopGateway } from "./object-store.ts";
import { NOT_RUN_FILE } from "./required-tools.ts";

const root = join(import.meta.dirname, "../..");
let directory: string | undefined;

/** Before all tests: builds the program that some of them start, so that none runs yesterday's. */
export function setup(): void {
  const tsc = join(root, "node_modules/.bin/tsc");
  const built = spawnSync(tsc, ["-p", "tsconfig.build.json"], { cwd: root, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`The program does not build.\n${built.stdout}${built.stderr}`);
  directory = mkdtempSync(join(tmpdir(), "dist-run-"));
  process.env[NOT_RUN_FILE] = join(directory, "list");
  process.env[SERVICES_DIRECTORY] = directory;
}

/** After all tests: stops the services they started, and names what did not run. */
export function teardown(): void {
  if (directory === undefined) return;
  stopGateway(directory);
  const file = join(directory, "list");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  for (const line of lines.toSorted()) console.log(`did not run: ${line}`);
  rmSync(directory, { recursive: true });
}
