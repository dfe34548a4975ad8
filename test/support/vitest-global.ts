import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hasGateway, rgwTools, RUN_PID, SERVICES_DIRECTORY, stopGateway } from "./object-store.ts";
import {
  hasPostgres,
  type PostgresServer,
  removePostgres,
  socketUrl,
  startPostgres,
} from "./postgres-server.ts";
import { NOT_RUN_FILE } from "./required-tools.ts";
import { POSTGRES_URL } from "./test-database.ts";

const root = join(import.meta.dirname, "../..");
let directory: string | undefined;
let postgres: PostgresServer | undefined;

/**
 * Before all tests: builds the program that some of them start, so that none runs yesterday's, and starts the PostgreSQL
 * that the project `postgres` runs on.
 */
export function setup(): void {
  const built = spawnSync("npm", ["run", "-s", "build"], { cwd: root, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`The program does not build.\n${built.stdout}${built.stderr}`);
  directory = mkdtempSync(join(tmpdir(), "dist-run-"));
  process.env[NOT_RUN_FILE] = join(directory, "list");
  process.env[SERVICES_DIRECTORY] = directory;
  process.env[RUN_PID] = `${process.pid}`;
  if (hasPostgres()) {
    postgres = startPostgres({ fast: true });
    process.env[POSTGRES_URL] = socketUrl(postgres, "dist");
  } else if (process.env["DIST_TEST_SERVICES"] === "required") {
    throw new Error("Not installed: PostgreSQL.");
  } else {
    appendFileSync(process.env[NOT_RUN_FILE], "every suite on PostgreSQL (needs postgresql)\n");
  }
  if (!hasGateway()) {
    const missing = `every suite with its bytes on Ceph RGW (needs ${rgwTools.join(", ")})`;
    if (process.env["DIST_TEST_SERVICES"] === "required") throw new Error(`Not run: ${missing}.`);
    appendFileSync(process.env[NOT_RUN_FILE], `${missing}\n`);
  }
}

/** After all tests: stops the services they started, and names what did not run. */
export function teardown(): void {
  if (postgres !== undefined) removePostgres(postgres);
  if (directory === undefined) return;
  stopGateway(directory);
  const file = join(directory, "list");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  for (const line of lines.toSorted()) console.log(`did not run: ${line}`);
  rmSync(directory, { recursive: true });
}
