import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** `distd` as built. */
const distd = fileURLToPath(new URL("../build/main/distd.js", import.meta.url));
const START_TIMEOUT_MS = 20_000;
const START_POLL_MS = 2;

/** A server in a process of its own, listening on loopback. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** From the start of the process to its first answer below 500, in milliseconds. */
  readonly startMs: number;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
// A benchmark that fails must not leave its servers behind.
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Ends the benchmark when a program it measures against is not installed. */
export function requirePrograms(...names: readonly string[]): void {
  const missing = names.filter((name) => spawnSync("which", [name]).status !== 0);
  if (missing.length === 0) return;
  console.error(
    `Not installed, but needed here: ${missing.join(", ")} (CONTRIBUTING.md names the packages).`,
  );
  process.exit(2);
}

/** Our server on a store directory, ready. Its log goes into a file beside the store, as peers' logs do. */
export async function startDistd(
  store: string,
  options: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ServerProcess> {
  const port = await freePort();
  const args = [distd, "--local-store", store, "--port", `${port}`, ...(options.args ?? [])];
  const started = { log: `${store}.log`, env: options.env, probe: "/readyz" };
  return startServer(process.execPath, args, port, started);
}

/** Docker's registry (Distribution) with its blobs below `directory`. */
export async function startDockerRegistry(directory: string): Promise<ServerProcess> {
  const port = await freePort();
  mkdirSync(directory, { recursive: true });
  const config = join(directory, "config.yml");
  writeFileSync(
    config,
    `version: 0.1
log: { level: info }
storage: { cache: { blobdescriptor: inmemory }, filesystem: { rootdirectory: ${join(directory, "data")} } }
http: { addr: "127.0.0.1:${port}" }
`,
  );
  const started = { log: join(directory, "log"), probe: "/v2/" };
  return startServer("docker-registry", ["serve", config], port, started);
}

/** One nginx process with these `location` blocks. */
export async function startNginx(directory: string, locations: string): Promise<ServerProcess> {
  const port = await freePort();
  mkdirSync(directory, { recursive: true });
  const config = join(directory, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(directory, kind)};`,
  );
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${join(directory, "pid")}; error_log ${join(directory, "error.log")};
events { worker_connections 256; }
http {
  access_log ${join(directory, "access.log")};
  ${temporary.join(" ")}
  sendfile on;
  server {
    listen 127.0.0.1:${port};
    location = /up { return 204; }
    ${locations}
  }
}
`,
  );
  const args = ["-p", directory, "-c", config, "-e", join(directory, "error.log")];
  return startServer("nginx", args, port, { log: join(directory, "out.log"), probe: "/up" });
}

/** A program of the benchmarks' own that listens on the port it is given. */
export async function startScript(file: string, log: string): Promise<ServerProcess> {
  const port = await freePort();
  const script = fileURLToPath(new URL(file, import.meta.url));
  return startServer(process.execPath, [script, `${port}`], port, { log, probe: "/" });
}

async function startServer(
  command: string,
  args: readonly string[],
  port: number,
  options: {
    readonly log: string;
    readonly probe: string;
    readonly env?: Readonly<Record<string, string>> | undefined;
  },
): Promise<ServerProcess> {
  const log = openSync(options.log, "a");
  const startedMs = performance.now();
  const child = spawn(command, args, {
    stdio: ["ignore", log, log],
    env: { PATH: process.env["PATH"], ...options.env },
  });
  running.add(child);
  const url = `http://127.0.0.1:${port}`;
  await answering(child, `${url}${options.probe}`, options.log);
  const startMs = performance.now() - startedMs;
  return { url, pid: child.pid!, startMs, stop: () => stop(child) };
}

async function answering(child: ChildProcess, url: string, log: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const status = await fetch(url).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 599,
    );
    if (status < 500) return;
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`${child.spawnfile} does not answer; its log is ${log}.`);
    }
    await delay(START_POLL_MS);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
