import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { S3 } from "@aws-sdk/client-s3";

const scripts = fileURLToPath(new URL("../scripts/services/", import.meta.url));
const USER = { accessKeyId: "dist", secretAccessKey: "dist-secret" };

/** What the scripts of `scripts/services` started. */
const started: { readonly script: string; readonly directory: string }[] = [];
// A benchmark that fails must not leave them behind.
process.once("exit", () => {
  for (const { script, directory } of started) {
    spawnSync(`${scripts}${script}`, ["down", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
});

/** A real PostgreSQL, durable, until this process ends. Answers the URL of its database. */
export function startPostgres(): string {
  const directory = placeFor("postgres");
  return run("postgres", ["up", directory, `${process.pid}`]);
}

/** How to reach an object store. */
export interface ObjectStore {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * A real Ceph object gateway that keeps its objects in memory, 2 GiB of them unless it is told otherwise, with one bucket, until
 * this process ends or it is stopped.
 */
export async function startGateway({ memoryGib }: { readonly memoryGib?: number } = {}): Promise<
  ObjectStore & { stop(): void }
> {
  const port = await freePort();
  const directory = placeFor("ceph-rgw");
  const args = ["up", directory, `${port}`, `${process.pid}`];
  run("ceph-rgw", args, memoryGib === undefined ? {} : { CEPH_MEMORY_GIB: `${memoryGib}` });
  const endpoint = `http://127.0.0.1:${port}`;
  const s3 = new S3({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: USER });
  await s3.createBucket({ Bucket: "dist" });
  s3.destroy();
  return { endpoint, bucket: "dist", ...USER, stop: () => void run("ceph-rgw", ["down", directory]) };
}

/** rclone without a configuration file, for this store. */
export function rcloneFlags({ endpoint, accessKeyId, secretAccessKey }: ObjectStore): readonly string[] {
  return [
    "--config=",
    "--s3-provider=Ceph",
    `--s3-endpoint=${endpoint}`,
    `--s3-access-key-id=${accessKeyId}`,
    `--s3-secret-access-key=${secretAccessKey}`,
    "--s3-no-check-bucket",
  ];
}

/** The environment that puts a store on these. */
export function environmentOf(on: {
  readonly database?: string;
  readonly objects?: ObjectStore;
}): Readonly<Record<string, string>> {
  const { database, objects } = on;
  return {
    ...(database === undefined ? {} : { DIST_DATABASE_URL: database }),
    ...(objects === undefined
      ? {}
      : {
          DIST_STORAGE_KIND: "s3",
          DIST_STORAGE_ENDPOINT: objects.endpoint,
          DIST_STORAGE_BUCKET: objects.bucket,
          DIST_STORAGE_ACCESS_KEY_ID: objects.accessKeyId,
          DIST_STORAGE_SECRET_ACCESS_KEY: objects.secretAccessKey,
        }),
  };
}

/** A place of its own in a PostgreSQL, for one more store: the URL of an empty schema. */
export function schemaIn(url: string, name: string): string {
  const { status, stderr } = spawnSync("psql", [url, "-qc", `CREATE SCHEMA ${name}`], { encoding: "utf8" });
  if (status !== 0) throw new Error(`CREATE SCHEMA failed: ${stderr}`);
  return `${url}?options=-c%20search_path%3D${name}`;
}

/** A directory of its own: it outlives the benchmark's, and PostgreSQL is another user, who may not enter that one. */
function placeFor(script: string): string {
  const directory = mkdtempSync(join(tmpdir(), "dist-service-"));
  started.push({ script, directory });
  return directory;
}

function run(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = spawnSync(`${scripts}${script}`, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`scripts/services/${script} failed: ${stderr}`);
  return stdout.trim();
}

/** With two more free after it, most likely: the monitor takes those. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
