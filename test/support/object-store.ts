import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { S3 } from "@aws-sdk/client-s3";

import type { S3Settings } from "../../src/blob/s3/s3-settings.ts";
import { Secret } from "../../src/base/secret.ts";

/** The commands that a real Ceph object gateway is made of, for `needs`. */
export const rgwTools = ["ceph-mon", "ceph-osd", "radosgw"] as const;

/** True where a gateway can be started. */
export function hasGateway(): boolean {
  return rgwTools.every((tool) => spawnSync("which", [tool]).status === 0);
}

/** The process of this run, with which its services go. */
export const RUN_PID = "DIST_TEST_RUN_PID";

/** A directory of this run, made by `vitest-global.ts`, which stops at the end what was started in it. */
export const SERVICES_DIRECTORY = "DIST_TEST_SERVICES_DIRECTORY";

const script = join(import.meta.dirname, "../../scripts/services/ceph-rgw");
/** How long a start may take on a machine that has other things to do. */
const START_TRIES = 600;

/** A gateway that runs, as everybody who uses it in this run sees it. */
interface Gateway {
  readonly endpoint: string;
  readonly bucket: string;
}

const credentials = { accessKeyId: "dist", secretAccessKey: "dist-secret" };

/** How to reach the gateway of this run, in a part of its bucket that nobody else uses. The first to ask starts it. */
export async function testS3Settings(changes: Partial<S3Settings> = {}): Promise<S3Settings> {
  const { endpoint, bucket } = await gateway();
  return {
    endpoint,
    region: "us-east-1",
    bucket,
    prefix: `${randomUUID()}/`,
    pathStyle: true,
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: new Secret(credentials.secretAccessKey),
    caFile: null,
    downloads: "proxy",
    spoolDirectory: join(servicesDirectory(), "spool"),
    ...changes,
  };
}

/** The same in a bucket of its own, whose objects can be locked. */
export async function lockingS3Settings(): Promise<S3Settings> {
  const settings = await testS3Settings({ bucket: `lock-${randomUUID()}` });
  const s3 = plainS3(settings);
  await s3.createBucket({ Bucket: settings.bucket, ObjectLockEnabledForBucket: true });
  s3.destroy();
  return settings;
}

/** The same as a program is told it. */
export function s3Variables(settings: Omit<S3Settings, "spoolDirectory">): Record<string, string> {
  return {
    DIST_STORAGE_KIND: "s3",
    DIST_STORAGE_ENDPOINT: settings.endpoint!,
    DIST_STORAGE_BUCKET: settings.bucket,
    DIST_STORAGE_PREFIX: settings.prefix,
    DIST_STORAGE_ACCESS_KEY_ID: settings.accessKeyId,
    DIST_STORAGE_SECRET_ACCESS_KEY: settings.secretAccessKey.reveal(),
  };
}

/** A client of the store's own, to look at and change things behind the product's back. */
export function plainS3({ endpoint }: Pick<S3Settings, "endpoint">): S3 {
  return new S3({
    endpoint: endpoint!,
    region: "us-east-1",
    forcePathStyle: true,
    credentials,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

async function gateway(): Promise<Gateway> {
  const directory = servicesDirectory();
  const ready = join(directory, "rgw.json");
  const failed = join(directory, "rgw.failed");
  try {
    mkdirSync(join(directory, "rgw.lock"));
  } catch {
    return waitFor(ready, failed);
  }
  try {
    const port = await freePort();
    const { status, stderr } = spawnSync(
      script,
      ["up", join(directory, "rgw"), String(port), process.env[RUN_PID]!],
      {
        encoding: "utf8",
      },
    );
    if (status !== 0) throw new Error(stderr);
    const found = { endpoint: `http://127.0.0.1:${port}`, bucket: "dist-test" };
    const s3 = plainS3(found);
    await s3.createBucket({ Bucket: found.bucket });
    s3.destroy();
    writeFileSync(`${ready}.new`, JSON.stringify(found));
    renameSync(`${ready}.new`, ready);
    return found;
  } catch (error) {
    writeFileSync(failed, String(error));
    throw error;
  }
}

/** Another worker is starting it. */
async function waitFor(ready: string, failed: string): Promise<Gateway> {
  for (let tries = 0; tries < START_TRIES; tries++) {
    if (existsSync(ready)) return JSON.parse(readFileSync(ready, "utf8")) as Gateway;
    if (existsSync(failed)) break;
    await sleep(200);
  }
  throw new Error(
    `The object gateway did not start. ${existsSync(failed) ? readFileSync(failed, "utf8") : ""}`,
  );
}

/** Stops the gateway that this run started, if it did. */
export function stopGateway(directory: string): void {
  const place = join(directory, "rgw");
  if (existsSync(place)) spawnSync(script, ["down", place]);
}

function servicesDirectory(): string {
  const directory = process.env[SERVICES_DIRECTORY];
  if (directory === undefined) throw new Error("Tests that need services run under vitest-global.ts.");
  return directory;
}

/** One with two free ports after it, for the monitor. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if (port < 65_000 && (await listenOnce(port + 1)) > 0 && (await listenOnce(port + 2)) > 0) return port;
  }
}

/** The port that could be listened on; 0 when it could not. */
function listenOnce(port: number): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(0));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
