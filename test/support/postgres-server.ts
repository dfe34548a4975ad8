import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const script = join(import.meta.dirname, "../../scripts/services/postgres");
const MEMORY = "/dev/shm";
/** What a cluster and the stores of a run need, with room. */
const NEEDED_BYTES = 2 * 1024 ** 3;

/** True where PostgreSQL's programs are. */
export function hasPostgres(): boolean {
  return spawnSync(script, ["programs", "-"]).status === 0;
}

/**
 * Starts a PostgreSQL in a fresh directory. `fast`: in memory where the system has room for it, for tests that prove
 * nothing about durability.
 */
export function startPostgres(options: { fast: boolean }): PostgresServer {
  const base = options.fast && hasRoom(MEMORY) ? MEMORY : tmpdir();
  const directory = mkdtempSync(join(base, "dist-postgres-"));
  return { directory, url: run("up", directory, String(process.pid)) };
}

export interface PostgresServer {
  readonly directory: string;
  /** As the user dist, who may make databases. */
  readonly url: string;
}

/** Over its socket, where it believes every name: `dist`, or the superuser `postgres`. */
export function socketUrl({ directory, url }: PostgresServer, user: "dist" | "postgres"): string {
  return `postgres://${user}@localhost:${new URL(url).port}/dist?host=${directory}`;
}

/** Stops it as a power cut would, keeping its files; whoever uses it goes on meanwhile. */
export async function crashPostgres({ directory }: PostgresServer): Promise<void> {
  await promisify(execFile)(script, ["crash", directory]);
}

/** Starts it again after a crash. */
export async function restartPostgres({ directory }: PostgresServer): Promise<void> {
  await promisify(execFile)(script, ["up", directory]);
}

/** Stops it and removes its directory. */
export function removePostgres({ directory }: PostgresServer): void {
  run("down", directory);
}

function run(verb: string, directory: string, ...more: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(script, [verb, directory, ...more], {
    encoding: "utf8",
  });
  if (status !== 0)
    throw new Error(`scripts/services/postgres ${verb} failed.\n${stdout}${stderr}`, { cause: error });
  return stdout.trim();
}

function hasRoom(path: string): boolean {
  if (!existsSync(path)) return false;
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize > NEEDED_BYTES;
}
