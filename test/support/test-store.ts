import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SQLInputValue } from "node:sqlite";
import { gzipSync } from "node:zlib";

import type { Clock } from "../../src/base/clock.ts";
import { parseDurationOrNever } from "../../src/base/duration.ts";
import { DistError } from "../../src/base/errors.ts";
import { tarEntry, tarFile } from "../../src/inspect/inspect-fixtures.ts";
import { openStore, type Store } from "../../src/registry/open-store.ts";
import { anonymousPrincipal, localPrincipal, type Principal } from "../../src/registry/principal.ts";
import type { AuditFilter, AuditRecord } from "../../src/registry/records/events.ts";
import type { UploadSource } from "../../src/registry/records/objects.ts";
import type { ArtifactRequest } from "../../src/registry/records/releases.ts";
import type { Scope } from "../../src/registry/records/tokens.ts";
import type { Registry } from "../../src/registry/registry.ts";
import type { StorageSettings } from "../../src/registry/storage-settings.ts";
import type { StoreSettings } from "../../src/registry/store-settings.ts";
import { plainS3, testS3Settings } from "./object-store.ts";
import { databaseFor, runSql } from "./test-database.ts";

/** A clock that tests move by hand. Starts at a fixed moment, so that printed times are the same in every run. */
export class TestClock implements Clock {
  #nowMs = Date.parse("2026-11-20T15:00:00.000Z");

  nowMs(): number {
    return this.#nowMs;
  }

  /** Lets this many milliseconds pass; negative sets the clock back. */
  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

/** The machine's, for what another system judges by its own. */
export class RunningClock extends TestClock {
  override nowMs(): number {
    return Date.now();
  }
}

/** What a token made for a test is limited to, and what it is called. */
export interface TokenLimits {
  readonly app?: string;
  readonly channel?: string;
  readonly name?: string;
  readonly expiresAt?: string;
}

export interface TestStore {
  readonly directory: string;
  /** Where its bytes are; a second store over the same ones is opened with it. */
  readonly storage: StorageSettings;
  readonly clock: TestClock;
  /** What it was opened with; another process opens the same store with it. */
  readonly settings: StoreSettings;
  readonly store: Store;
  /** As the person on the store's machine: every scope. */
  readonly registry: Registry;
  /** As a token with these scopes and limits, without making one. */
  as(scopes: readonly Scope[], limits?: TokenLimits): Registry;
  anonymous(): Registry;
  close(): Promise<void>;
}

export const testSettings: StoreSettings = {
  database: { engine: "sqlite", file: "dist.db" },
  defaultVisibility: "unlisted",
  expireAfterMs: 24 * 3600 * 1000,
  maxUploadBytes: 16 * 1024 ** 3,
  retentionClasses: {
    transient: parseDurationOrNever("7d"),
    "raw-evidence": parseDurationOrNever("180d"),
    "summary-evidence": parseDurationOrNever("3y"),
    "release-evidence": parseDurationOrNever("7y"),
    "permanent-record": null,
  },
  defaultRetentionClass: "raw-evidence",
  sweepIntervalMs: 3600 * 1000,
  lockAheadMs: null,
};

/** Set by the project that runs on the services: stores keep their bytes in a bucket, unless they say. */
const usualBlobs = process.env["DIST_TEST_STORAGE"] === "s3" ? "s3" : "directory";

export interface TestStoreOptions {
  readonly settings?: Partial<StoreSettings>;
  readonly directory?: string;
  readonly blobs?: "directory" | "s3";
  readonly storage?: StorageSettings;
  readonly clock?: TestClock;
}

/** A fresh store in a directory of its own, removed by `close`; its bytes in a part of the bucket that is its own. */
export async function openTestStore(options: TestStoreOptions = {}): Promise<TestStore> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "dist-test-")));
  const clock = options.clock ?? new TestClock();
  const settings = { ...testSettings, database: databaseFor(directory), ...options.settings };
  const blobs = options.blobs ?? usualBlobs;
  const storage =
    options.storage ?? (blobs === "s3" ? { kind: blobs, ...(await testS3Settings()) } : { kind: blobs });
  const store = await openStore({ directory, create: true, settings, storage, clock });
  const principal = (scopes: readonly Scope[], limits: TokenLimits): Principal => ({
    actor: `token:${limits.name ?? "test"}`,
    actorId: `tok_${limits.name ?? "test"}`,
    scopes: new Set(scopes),
    app: limits.app ?? null,
    channel: limits.channel ?? null,
    expiresAt: limits.expiresAt ?? null,
  });
  return {
    directory,
    storage,
    clock,
    settings,
    store,
    registry: store.as(localPrincipal("tester")),
    as: (scopes, limits = {}) => store.as(principal(scopes, limits)),
    anonymous: () => store.as(anonymousPrincipal),
    close: async () => {
      await store.close();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** An upload source over bytes in memory. */
export function sourceOf(bytes: Uint8Array): UploadSource {
  return {
    sizeBytes: bytes.length,
    open: async function* (start = 0) {
      yield bytes.subarray(start);
    },
  };
}

/** A tar.gz of one file with this text, a little larger than it: nothing is compressed. */
export function tarGzBytes(content: string | Uint8Array): Uint8Array {
  return gzipSync(tarFile(tarEntry("text", content)), { level: 0 });
}

/** A Linux tar.gz as a publication names it. */
export function tarArtifact(sha256: string, changes: Partial<ArtifactRequest> = {}): ArtifactRequest {
  return { platform: "linux", filename: "acme.tar.gz", sha256, ...changes };
}

/** Uploads a tar.gz of this text; answers its digest. */
export async function uploadTar(registry: Registry, text: string): Promise<string> {
  return (await registry.uploadObject(sourceOf(tarGzBytes(text)))).sha256;
}

/** Every event that the filter lets through, oldest first. */
export async function eventsOf(registry: Registry, filter: AuditFilter = {}): Promise<AuditRecord[]> {
  const events: AuditRecord[] = [];
  let after: string | null | undefined;
  while (after !== null) {
    const request = { ...filter, order: "ascending", limit: 1000 } as const;
    const page = await registry.listAudit(after === undefined ? request : { ...request, after });
    events.push(...page.items);
    after = page.next;
  }
  return events;
}

/** What `work` added to the log: its events, oldest first. */
export async function eventsDuring(registry: Registry, work: () => Promise<unknown>): Promise<AuditRecord[]> {
  const before = (await eventsOf(registry)).length;
  await work();
  return (await eventsOf(registry)).slice(before);
}

export function actionsOf(events: readonly AuditRecord[]): string[] {
  return events.map(({ action }) => action);
}

/** `ok`, or the code that a call is refused with. Anything else that is thrown is a bug, and stays thrown. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (error) {
    if (error instanceof DistError) return error.code;
    throw error;
  }
}

/** The bytes of an object, read to their end. */
export async function bytesOf(registry: Registry, sha256: string): Promise<Buffer> {
  const object = await registry.openObject(sha256);
  return Buffer.concat(await Array.fromAsync((await object.read()) as AsyncIterable<Uint8Array>));
}

/** The same as text. */
export async function textOf(registry: Registry, sha256: string): Promise<string> {
  return (await bytesOf(registry, sha256)).toString();
}

/** Runs one statement on the store's database behind its back, to see state or to forge what no use case makes. */
export function sqlOn(test: TestStore, statement: string, ...values: SQLInputValue[]) {
  return runSql(test.directory, statement, ...values);
}

/** Names of everything that is staged: uploads on a directory, every key of an upload in S3. */
export async function stagedNames({ directory, storage }: TestStore): Promise<string[]> {
  if (storage.kind === "directory") return readdir(join(directory, "staging")).catch(() => []);
  const s3 = plainS3(storage);
  try {
    const under = { Bucket: storage.bucket, Prefix: `${storage.prefix}staging/` };
    const { Contents = [] } = await s3.listObjectsV2(under);
    const { Uploads = [] } = await s3.listMultipartUploads(under);
    return [...Contents, ...Uploads].map(({ Key }) => Key!);
  } finally {
    s3.destroy();
  }
}

/** The digests on which anybody holds a lease, in order. */
export function leasedDigests(test: TestStore): string[] {
  return sqlOn(test, "SELECT sha256 FROM lease ORDER BY sha256").map(({ sha256 }) => String(sha256));
}

/** Uploads `text` as a Linux tar.gz and publishes it as `version` of `app`. */
export async function publishTar(
  registry: Registry,
  release: {
    app?: string;
    version: string;
    build?: string;
    channel?: string | null;
    text?: string;
    if_exists?: "skip";
  },
) {
  const { text = release.version, ...head } = release;
  const sha256 = await uploadTar(registry, text);
  return registry.publish({ app: "acme", ...head, artifacts: [tarArtifact(sha256)] });
}
