import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { openEventStream } from "../server/event-stream-client.ts";
import { eventually, SHOWN } from "../server/distd-program.ts";
import { freePort, makeCertificates, type Nginx, startNginxForNodes } from "../server/nginx.ts";
import { type Answer, ask } from "../server/transfer-server.ts";
import { rgwTools, s3Variables, testS3Settings } from "../support/object-store.ts";
import { killPrograms, type Program, runDist, startProgram } from "../support/programs.ts";
import { writeRelease } from "../support/release-files.ts";
import { needs } from "../support/required-tools.ts";
import { freshSchema, postgresUrl } from "../support/test-database.ts";
import { tarGzBytes } from "../support/test-store.ts";

const MIB = 1024 * 1024;

let directory: string;
let url: string;
let ca: Buffer;
let nginx: Nginx;
let admin: string;
/** Two nodes that share database and bucket. nginx knows of a third one, which is dead. */
let nodes: readonly { readonly program: Program; readonly port: number }[];

/** A request through nginx. */
const through = (
  path: string,
  {
    method = "GET",
    headers = {},
    body,
  }: { method?: string; headers?: object; body?: Uint8Array | string } = {},
): Promise<Answer> =>
  ask(new URL(path, url).href, {
    method,
    headers: { Authorization: `Bearer ${admin}`, ...headers },
    ...(body !== undefined && { body: Buffer.from(body) }),
    connection: { ca },
  });

const createApp = (slug: string) =>
  through("/api/apps", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ slug, visibility: "public" }),
  });

/** The command line, as a CI job would use it. */
const dist = (...args: readonly string[]) =>
  runDist([...args, "--server", url, "--ca-file", join(directory, "ca.pem")], { DIST_TOKEN: admin });

const tus = { "Tus-Resumable": "1.0.0" };
const piece = (offset: number) => ({
  ...tus,
  "Content-Type": "application/offset+octet-stream",
  "Upload-Offset": `${offset}`,
});

/** The ports that nginx asked about addresses which begin like this, a list for each request. */
const askedFor = (path: string): string[][] =>
  nginx
    .accessLog()
    .split("\n")
    .filter((line) => line.includes(` ${path}`))
    .map((line) => [...line.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port!));

needs(
  "nginx",
  "openssl",
  ...rgwTools,
)("several nodes behind nginx", () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "dist-nodes-"));
    const [httpPort, httpsPort, deadPort] = [await freePort(), await freePort(), await freePort()];
    url = `https://localhost:${httpsPort}`;
    const env = {
      ...s3Variables(await testS3Settings()),
      DIST_DATABASE_URL: postgresUrl(freshSchema()),
      DIST_TRUSTED_PROXIES: "127.0.0.1",
      DIST_PUBLIC_URL: url,
    };
    const start = async (name: string) => {
      const store = ["--local-store", join(directory, name)];
      // A directory of its own, as on a machine of its own.
      const program = startProgram("distd", [...store, "--port", "0"], {
        ...env,
        DIST_STORAGE_SPOOL_DIRECTORY: join(directory, name, "spool"),
      });
      return { program, port: Number(new URL(await program.url).port) };
    };
    const first = await start("one");
    admin = await eventually(() => {
      const shown = SHOWN.exec(first.program.stderr())?.[1];
      if (shown === undefined) throw new Error("No token was shown.");
      return shown;
    });
    nodes = [first, await start("two")];
    ca = await readFile(makeCertificates(directory));
    const ports = [nodes[0]!.port, nodes[1]!.port, deadPort] as const;
    nginx = await startNginxForNodes({ directory, httpPort, httpsPort }, ports);
  });
  afterAll(async () => {
    await nginx.close();
    await killPrograms();
    await rm(directory, { recursive: true, force: true });
  });

  it("a release that one took is downloaded from any, byte for byte", async () => {
    const bytes = tarGzBytes(randomBytes(20 * MIB));
    expect((await createApp("acme")).status).toBe(201);
    const manifest = await writeRelease(directory, { version: "1.0.0", channel: "beta", bytes });
    const published = await dist("ci", "publish", "--manifest", manifest);
    expect([published.exit, published.json?.status]).toEqual([0, "published"]);
    for (const { port } of nodes) {
      const path = `/download/${published.json.artifacts[0].sha256}`;
      expect((await ask(`http://127.0.0.1:${port}${path}`)).body.equals(bytes)).toBe(true);
    }
    const output = join(directory, "downloaded.tar.gz");
    const args = ["--app", "acme", "--channel", "beta", "--output", output];
    expect((await dist("release", "download", ...args)).exit).toBe(0);
    expect((await readFile(output)).equals(bytes)).toBe(true);
  });

  it("what happens on any shows in every stream, at once", async () => {
    const streams = nodes.map(() => openEventStream(`${url}/api/events`, { secret: admin, ca }));
    try {
      for (const stream of streams) await stream.until("event: hello");
      for (const [index, { port }] of nodes.entries()) {
        const slug = `while-listening-${index}`;
        const created = await ask(`http://127.0.0.1:${port}/api/apps`, {
          method: "POST",
          headers: { Authorization: `Bearer ${admin}`, "Content-Type": "application/json" },
          body: Buffer.from(JSON.stringify({ slug })),
        });
        expect(created.status).toBe(201);
        for (const stream of streams) await stream.until(slug);
      }
    } finally {
      for (const stream of streams) stream.close();
    }
  });

  it("the figures of one node are nobody's business", async () => {
    expect((await through("/metrics")).status).toBe(404);
  });

  // Kills a node, and must be the last.
  it("one that dies is passed by, and its uploads go on elsewhere", async () => {
    const bytes = randomBytes(3 * MIB);
    const begun = await through("/api/uploads", {
      method: "POST",
      headers: { ...tus, "Upload-Length": `${bytes.length}` },
    });
    expect(begun.status).toBe(201);
    const upload = new URL(String(begun.headers.location)).pathname;
    const send = (start: number, stop: number) =>
      through(upload, { method: "PATCH", headers: piece(start), body: bytes.subarray(start, stop) });
    expect((await send(0, MIB)).status).toBe(204);
    expect((await send(MIB, 2 * MIB)).status).toBe(204);
    // While they live, the pieces of one upload come to one node.
    const takers = new Set(askedFor(upload).map((asked) => asked.at(-1)));
    expect(takers.size).toBe(1);

    const [port] = takers;
    const victim = nodes.find((node) => `${node.port}` === port)!;
    victim.program.child.kill("SIGKILL");
    await victim.program.code;
    // Reads and writes alike: one that was not reached did nothing.
    for (let count = 0; count < 10; count += 1) {
      expect((await through("/api/apps")).status).toBe(200);
      expect((await createApp(`after-${count}`)).status).toBe(201);
    }
    const head = await through(upload, { method: "HEAD", headers: tus });
    expect(head.headers["upload-offset"]).toBe(`${2 * MIB}`);
    const last = await send(2 * MIB, 3 * MIB);
    expect(last.status).toBe(204);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect((await through(`/api/objects/${sha256}`, { method: "HEAD" })).status).toBe(200);
    // It was met dead, and then another one was asked.
    expect(askedFor("/").some(([asked, ...others]) => asked === port && others.length > 0)).toBe(true);
  });
});
