import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

type Changes = readonly (readonly [string, string])[];

export interface Nginx {
  /** What it wrote about requests. */
  accessLog(): string;
  close(): Promise<void>;
}

interface Place {
  /** An empty directory that is removed with the test. */
  readonly directory: string;
  readonly httpPort: number;
  readonly httpsPort: number;
}

export interface NginxOptions extends Place {
  readonly distdPort: number;
  readonly store: string;
  /** Further pairs of text to put in the place of text of `deploy/nginx.conf`. */
  readonly changes?: Changes;
}

/**
 * Runs nginx on the recommended configuration, `deploy/nginx.conf`, with addresses and places of the test's own in it. The
 * certificate is that of `makeCertificates` in the same directory.
 */
export function startNginx({ distdPort, store, changes = [], ...place }: NginxOptions): Promise<Nginx> {
  return runNginx("nginx.conf", place, [
    ["127.0.0.1:8787", `127.0.0.1:${distdPort}`],
    ["/srv/dist/objects/", `${join(store, "objects")}/`],
    ...changes,
  ]);
}

/** The same on `deploy/nginx-nodes.conf`, in front of three nodes by their ports; somebody need not listen on each. */
export function startNginxForNodes(
  place: Place,
  nodePorts: readonly [number, number, number],
): Promise<Nginx> {
  const addresses = ["10.0.0.11:8787", "10.0.0.12:8787", "10.0.0.13:8787"];
  return runNginx(
    "nginx-nodes.conf",
    place,
    addresses.map((address, index) => [address, `127.0.0.1:${nodePorts[index]}`]),
  );
}

async function runNginx(file: string, place: Place, own: Changes): Promise<Nginx> {
  const { directory, httpPort, httpsPort } = place;
  const accessLog = join(directory, "access.log");
  const changes = [
    ["listen 80;", `listen 127.0.0.1:${httpPort};`],
    ["listen 443 ssl", `listen 127.0.0.1:${httpsPort} ssl`],
    ["https://dist.example.org$request_uri", `https://localhost:${httpsPort}$request_uri`],
    ["server_name dist.example.org", "server_name localhost"],
    ["/etc/ssl/dist/fullchain.pem", join(directory, "server.pem")],
    ["/etc/ssl/dist/privkey.pem", join(directory, "server.key")],
    ["/var/log/nginx/dist.log", accessLog],
    ...own,
  ] as const;
  const recommended = readFileSync(join(import.meta.dirname, "../../deploy", file), "utf8");
  writeFileSync(join(directory, "dist.conf"), changes.reduce(replaced, recommended));
  writeFileSync(join(directory, "nginx.conf"), mainConfiguration(directory));
  const child = spawn("nginx", ["-p", directory, "-e", "stderr", "-c", join(directory, "nginx.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(child, "close");
  while (!(await isListening(httpsPort))) {
    if (child.exitCode !== null) throw new Error(`nginx does not start.\n${said}`);
    await setTimeout(20);
  }
  return {
    accessLog: () => readFileSync(accessLog, "utf8"),
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Every place must be there: a configuration that was renamed would otherwise be tested with its example values. */
function replaced(text: string, [from, to]: readonly [string, string]): string {
  if (!text.includes(from)) throw new Error(`The configuration has no ${from}.`);
  return text
    .split("\n")
    .map((line) => (line.trimStart().startsWith("#") ? line : line.replaceAll(from, to)))
    .join("\n");
}

/** What a distribution's nginx.conf has around the files of conf.d, in one process that needs no privileges. */
function mainConfiguration(directory: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => {
    mkdirSync(join(directory, name), { recursive: true });
    return `${name}_temp_path ${join(directory, name)};`;
  });
  return `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${join(directory, "nginx.pid")};
error_log stderr warn;
events { worker_connections 512; }
http {
  ${temporary.join("\n  ")}
  access_log off;
  include ${join(directory, "dist.conf")};
}
`;
}

/** Writes `ca.pem`, and `server.pem` with `server.key` for localhost, which that authority signed. */
export function makeCertificates(directory: string): string {
  const openssl = (...args: readonly string[]) =>
    execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=A test's authority");
  openssl("req", "-new", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  writeFileSync(join(directory, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
  openssl("x509", "-req", "-in", "server.csr", ...signing, "-out", "server.pem");
  return join(directory, "ca.pem");
}

/** A port of the loopback address on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
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
