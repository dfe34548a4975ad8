import { readFile } from "node:fs/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

import type { GetObjectCommandInput, S3 } from "@aws-sdk/client-s3";

import { holdsCertificates } from "../../base/certificates.ts";
import { hasCode } from "../../base/errors.ts";
import { blobErrors } from "../errors.ts";
import { isPassing, s3Error } from "./s3-errors.ts";
import type { S3Settings, S3Timing } from "./s3-settings.ts";

/** Connections to the store at once: what 64 uploads and some hundred downloads need. */
const MAX_CONNECTIONS = 512;
const MAX_WAIT_MS = 5_000;

/** The SDK would warn on standard error of what is raised here anyhow. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The one way to the store: loads the SDK with the first request, repeats what may pass, wraps what does not. */
export class S3Connection {
  readonly #settings: S3Settings;
  readonly #timing: S3Timing;
  #client: Promise<S3> | undefined;
  #keepsVersions: Promise<boolean> | undefined;

  constructor(settings: S3Settings, timing: S3Timing) {
    this.#settings = settings;
    this.#timing = timing;
  }

  /** Bucket and full key, as requests want them. */
  at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#settings.bucket, Key: this.#settings.prefix + key };
  }

  /** Bucket and full prefix, as listings want them. */
  under(prefix: string): { Bucket: string; Prefix: string } {
    return { Bucket: this.#settings.bucket, Prefix: this.#settings.prefix + prefix };
  }

  /** What `CopySource` calls a key. */
  copySource(key: string): string {
    return `${this.#settings.bucket}/${encodeURI(this.#settings.prefix + key)}`;
  }

  /** The adapter's key of a full one. */
  keyOf(fullKey: string): string {
    return fullKey.slice(this.#settings.prefix.length);
  }

  /**
   * Makes one request, anew after failures that may pass: `request` is called for every attempt and so makes its body anew.
   * Only for what may be done twice. Raises `blob.read_failed` or `blob.write_failed` by `mode`, `blob.bucket_missing`,
   * `blob.access_denied`, `blob.clock_skewed`, `store.full`; the signal's reason.
   */
  async run<T>(
    attempt: string,
    mode: "read" | "write",
    request: (s3: S3) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const s3 = await this.#connected();
    for (let count = 1; ; count += 1) {
      signal?.throwIfAborted();
      try {
        return await request(s3);
      } catch (error) {
        signal?.throwIfAborted();
        if (count === this.#timing.attempts || !isPassing(error)) throw s3Error(attempt, mode, error);
        await this.pause(count);
      }
    }
  }

  /** How often a failure that may pass is met before it counts. */
  get attempts(): number {
    return this.#timing.attempts;
  }

  /** Waits before the attempt after the `count`-th: half to all of a growing time, so that many do not come back together. */
  async pause(count: number): Promise<void> {
    const waitMs = Math.min(this.#timing.firstWaitMs * 2 ** (count - 1), MAX_WAIT_MS);
    await sleep(waitMs * (0.5 + Math.random() / 2));
  }

  /** True when the bucket keeps what is deleted as a version. Asked once. Who may not ask is taken for not having any. */
  keepsVersions(): Promise<boolean> {
    this.#keepsVersions ??= this.run("ask for the bucket's versioning", "read", async (client) => {
      const { Status } = await client.getBucketVersioning({ Bucket: this.#settings.bucket });
      return Status !== undefined;
    }).catch((error: unknown) => {
      this.#keepsVersions = undefined;
      if (hasCode(error, "blob.access_denied")) return false;
      throw error;
    });
    return this.#keepsVersions;
  }

  /** An address at which anybody can read the object for that long. */
  async presign(input: GetObjectCommandInput, expiresInSeconds: number): Promise<string> {
    const s3 = await this.#connected();
    const { GetObjectCommand, getSignedUrl } = await import("./aws-sdk.ts");
    return getSignedUrl(s3, new GetObjectCommand(input), { expiresIn: expiresInSeconds });
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    client?.destroy();
  }

  #connected(): Promise<S3> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<S3> {
    const { endpoint, region, pathStyle, accessKeyId, secretAccessKey, caFile } = this.#settings;
    const { connectMs, idleMs } = this.#timing;
    const [{ S3: Client }, ca] = await Promise.all([
      import("./aws-sdk.ts"),
      caFile === null ? undefined : readAuthorities(caFile),
    ]);
    const agent = { keepAlive: true, maxSockets: MAX_CONNECTIONS };
    return new Client({
      ...(endpoint === null ? {} : { endpoint }),
      region,
      forcePathStyle: pathStyle,
      credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() },
      // Compatible stores refuse or ignore the SDK's own checksums; Content-MD5 goes with every body instead.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      // Bodies are streams, which the SDK cannot send twice.
      maxAttempts: 1,
      // It would take a connection of its own for every part.
      expectContinueHeader: false,
      logger: silent,
      requestHandler: {
        connectionTimeout: connectMs,
        socketTimeout: idleMs,
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent({ ...agent, ...(ca === undefined ? {} : { ca }) }),
      },
    });
  }
}

async function readAuthorities(path: string): Promise<string> {
  const unreadable = (what: string, cause?: unknown) =>
    blobErrors.error("blob.ca_unreadable", `The file ${path} of storage.ca_file ${what}.`, { cause });
  const pem = await readFile(path, "utf8").catch((cause: unknown) => {
    throw unreadable("cannot be read", cause);
  });
  if (!holdsCertificates(pem)) throw unreadable("holds no certificates as PEM");
  return pem;
}
