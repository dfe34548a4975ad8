import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { plainS3, rgwTools } from "../support/object-store.ts";
import {
  crashPostgres,
  type PostgresServer,
  removePostgres,
  restartPostgres,
  startPostgres,
} from "../support/postgres-server.ts";
import { killPrograms, type Program, startProgram } from "../support/programs.ts";
import { SHOWN } from "../server/distd-program.ts";
import { freePort } from "../server/nginx.ts";

/** The commands that a cluster needs, for `needs`. PostgreSQL itself is where `scripts/services/postgres` finds it. */
export const clusterTools = [...rgwTools, "nginx"] as const;

const rgwScript = join(import.meta.dirname, "../../scripts/services/ceph-rgw");
const BUCKET = "dist-cluster";

/** Several `distd` on a PostgreSQL and a Ceph gateway of their own, behind nginx. */
export interface Cluster {
  /** Where clients are: a wire that can be cut, to nginx. */
  readonly url: string;
  /** The nodes' own addresses. */
  readonly nodes: readonly string[];
  /** The first administrator token. */
  readonly admin: string;
  /** What `dist` and `distd` need in their environment to work on this store. */
  readonly env: Readonly<Record<string, string>>;
  /** A store directory for commands of the test's own. */
  readonly directory: string;
  /** Kills a node, as a power cut would. */
  killNode(index: number): Promise<void>;
  /** Starts it again on its old address, and answers once it listens. */
  startNode(index: number): Promise<void>;
  /** Stops PostgreSQL `immediate` and starts it again. */
  crashDatabase(pauseMs: number): Promise<void>;
  /** Kills the object gateway and starts it again. */
  crashGateway(pauseMs: number): Promise<void>;
  /** Cuts every connection of every client. */
  cutConnections(): void;
  close(): Promise<void>;
}

export async function startCluster({ nodes: count }: { nodes: number }): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), "dist-cl-"));
  const postgres = startPostgres({ fast: false });
  const gateway = await startGateway(join(directory, "rgw"));
  const env = environment(postgres, gateway);
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const programs: Program[] = [];
  const startNode = async (index: number): Promise<void> => {
    const args = ["--local-store", join(directory, `node-${index}`), "--port", `${ports[index]}`];
    programs[index] = startProgram("distd", args, env);
    await programs[index].url;
  };
  // The first one makes the store and shows the token.
  await startNode(0);
  while (!SHOWN.test(programs[0]!.stderr())) await sleep(10);
  const admin = SHOWN.exec(programs[0]!.stderr())![1]!;
  for (let index = 1; index < count; index += 1) await startNode(index);
  const balancer = await startBalancer(join(directory, "nginx"), ports);
  const wire = await openWire(balancer.port);
  return {
    url: `http://127.0.0.1:${wire.port}`,
    nodes: ports.map((port) => `http://127.0.0.1:${port}`),
    admin,
    env,
    directory: join(directory, "commands"),
    startNode,
    killNode: async (index) => {
      programs[index]!.child.kill("SIGKILL");
      await programs[index]!.code;
    },
    crashDatabase: async (pauseMs) => {
      await crashPostgres(postgres);
      await sleep(pauseMs);
      await restartPostgres(postgres);
    },
    crashGateway: async (pauseMs) => {
      await gateway.crash();
      await sleep(pauseMs);
      await gateway.again();
    },
    cutConnections: wire.cut,
    close: async () => {
      await wire.close();
      await balancer.close();
      await killPrograms();
      await gateway.close();
      removePostgres(postgres);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function environment(postgres: PostgresServer, gateway: { endpoint: string }): Record<string, string> {
  return {
    DIST_DATABASE_URL: postgres.url,
    DIST_STORAGE_KIND: "s3",
    DIST_STORAGE_ENDPOINT: gateway.endpoint,
    DIST_STORAGE_BUCKET: BUCKET,
    DIST_STORAGE_ACCESS_KEY_ID: "dist",
    DIST_STORAGE_SECRET_ACCESS_KEY: "dist-secret",
  };
}

/** A gateway of the test's own: the one that other tests share is not to be killed under them. */
async function startGateway(directory: string) {
  const run = promisify(execFile);
  const port = await freePort();
  await run(rgwScript, ["up", directory, `${port}`, `${process.pid}`]);
  const endpoint = `http://127.0.0.1:${port}`;
  const s3 = plainS3({ endpoint });
  await s3.createBucket({ Bucket: BUCKET });
  s3.destroy();
  return {
    endpoint,
    crash: () => run(rgwScript, ["crash", directory]),
    again: () => run(rgwScript, ["up", directory, `${port}`]),
    close: () => run(rgwScript, ["down", directory]),
  };
}

/** nginx that spreads requests over the nodes, and asks another one where a node does not answer and nothing was sent yet. */
async function startBalancer(directory: string, ports: readonly number[]) {
  mkdirSync(directory);
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  writeFileSync(
    join(directory, "nginx.conf"),
    `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${join(directory, "nginx.pid")};
events { worker_connections 512; }
http {
  ${temporary.join("\n  ")}
  access_log off;
  upstream distd {
    ${ports.map((node) => `server 127.0.0.1:${node} max_fails=1 fail_timeout=1s;`).join("\n    ")}
    keepalive 16;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://distd;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      client_max_body_size 0;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_connect_timeout 2s;
      proxy_read_timeout 300s;
    }
  }
}
`,
  );
  const child = spawn("nginx", ["-p", directory, "-e", "stderr", "-c", join(directory, "nginx.conf")], {
    stdio: "ignore",
  });
  const ended = once(child, "close");
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error("nginx does not start.");
    await sleep(20);
  }
  return {
    port,
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Passes everything on, until it is cut. */
async function openWire(target: number) {
  const sockets = new Set<Socket>();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
