import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { systemClock } from "../src/base/clock.ts";
import { openPostgresDatabase } from "../src/catalog/postgres/postgres-database.ts";
import type { PostgresTarget } from "../src/catalog/postgres/postgres-target.ts";
import { openSqliteDatabase } from "../src/catalog/sqlite/sqlite-database.ts";
import { parseDatabaseUrl } from "../src/config/database-url.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { tarEntry, tarFile } from "../src/inspect/inspect-fixtures.ts";
import { openStore, type Store } from "../src/registry/open-store.ts";
import { localPrincipal } from "../src/registry/principal.ts";
import type { Registry } from "../src/registry/registry.ts";
import { EVENTS_PER_RELEASE, recordReleases } from "./synthetic-log.ts";

/** Makes a store and prepares it with `work`, as the person on its machine. It is closed when that has ended. */
export async function prepareStore<T>(
  directory: string,
  work: (registry: Registry) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const store = await openBenchStore(directory, { create: true, env });
  try {
    return await work(store.as(localPrincipal("bench")));
  } finally {
    await store.close();
  }
}

/** Makes a store whose app `acme` has this many releases, recorded without bytes; on a PostgreSQL when its URL is given. */
export async function makeStoreWithReleases(
  directory: string,
  releases: number,
  postgres?: string,
): Promise<void> {
  mkdirSync(directory);
  const database =
    postgres === undefined
      ? await openSqliteDatabase({ path: join(directory, "dist.db"), create: true, clock: systemClock })
      : await openPostgresDatabase({
          target: parseDatabaseUrl(postgres) as PostgresTarget,
          create: true,
          clock: systemClock,
        });
  await recordReleases(database, "acme", releases * EVENTS_PER_RELEASE);
  await database.close();
}

/** Opens a store with the settings that this environment gives, and those by default otherwise. */
export async function openBenchStore(
  directory: string,
  options: { readonly create?: boolean; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Store> {
  const { create = false, env = {} } = options;
  const { store: settings, storage } = await loadConfig({ directory, env });
  return openStore({ directory, create, settings, storage });
}

/** A tar.gz of one file with this text. Zeros behind it change nothing about it. */
export function tarGz(text: string): Buffer {
  return gzipSync(tarFile(tarEntry("text", text)));
}
