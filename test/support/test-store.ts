import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Clock } from "../../src/base/clock.ts";
import { parseDurationOrNever } from "../../src/base/duration.ts";
import { openStore, type Store, type StoreSettings } from "../../src/registry/open-store.ts";
import { localPrincipal, type Principal } from "../../src/registry/principal.ts";
import type { Registry, Scope, UploadSource } from "../../src/registry/registry.ts";

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

export interface TestStore {
  readonly directory: string;
  readonly clock: TestClock;
  readonly store: Store;
  /** As the person on the store's machine: every scope. */
  readonly registry: Registry;
  /** As a token with these scopes and limits, without making one. */
  as(scopes: readonly Scope[], limits?: { app?: string; channel?: string; name?: string }): Registry;
  anonymous(): Registry;
  close(): Promise<void>;
}

export const testSettings: StoreSettings = {
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
};

/** A fresh store in a directory of its own, removed by `close`. */
export async function openTestStore(
  options: { settings?: Partial<StoreSettings>; directory?: string } = {},
): Promise<TestStore> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "dist-test-")));
  const clock = new TestClock();
  const settings = { ...testSettings, ...options.settings };
  const store = await openStore({ directory, create: true, settings, clock });
  const principal = (
    scopes: readonly Scope[],
    limits: { app?: string; channel?: string; name?: string },
  ): Principal => ({
    actor: `token:${limits.name ?? "test"}`,
    actorId: `tok_${limits.name ?? "test"}`,
    scopes: new Set(scopes),
    app: limits.app ?? null,
    channel: limits.channel ?? null,
    expiresAt: null,
  });
  return {
    directory,
    clock,
    store,
    registry: store.as(localPrincipal("tester")),
    as: (scopes, limits = {}) => store.as(principal(scopes, limits)),
    anonymous: () =>
      store.as({
        actor: "anonymous",
        actorId: null,
        scopes: new Set(),
        app: null,
        channel: null,
        expiresAt: null,
      }),
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
    open: async function* () {
      yield bytes;
    },
  };
}

/** Bytes that common validation takes for a tar.gz: a gzip header and `text`. */
export function tarGzBytes(text: string): Uint8Array {
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), Buffer.from(text)]);
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
  const { sha256 } = await registry.uploadObject(sourceOf(tarGzBytes(text)));
  return registry.publish({
    app: "acme",
    ...head,
    artifacts: [{ platform: "linux", filename: "acme.tar.gz", sha256 }],
  });
}
