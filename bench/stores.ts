import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { systemClock } from "../src/base/clock.ts";
import { openSqliteDatabase } from "../src/catalog/sqlite/sqlite-database.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { openStore, type Store } from "../src/registry/open-store.ts";
import { localPrincipal } from "../src/registry/principal.ts";
import type { Registry } from "../src/registry/registry.ts";
import { EVENTS_PER_RELEASE, recordReleases } from "./synthetic-log.ts";

/** Makes a store and prepares it with `work`, as the person on its machine. It is closed when that has ended. */
export async function prepareStore<T>(
  directory: string,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const store = await openBenchStore(directory, { create: true });
  try {
    return await work(store.as(localPrincipal("bench")));
  } finally {
    await store.close();
  }
}

/** Makes a store whose app `acme` has this many releases, recorded without bytes. */
export async function makeStoreWithReleases(directory: string, releases: number): Promise<void> {
  mkdirSync(directory);
  const path = join(directory, "dist.db");
  const database = await openSqliteDatabase({ path, create: true, clock: systemClock });
  await recordReleases(database, "acme", releases * EVENTS_PER_RELEASE);
  await database.close();
}

/** Opens a store with the settings it has by default. */
export async function openBenchStore(directory: string, options = { create: false }): Promise<Store> {
  const { store: settings } = await loadConfig({ directory, env: {} });
  return openStore({ directory, create: options.create, settings });
}

/** The bytes of a tar.gz as far as validation looks, and this text. */
export function tarGz(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.from(text)]);
}
