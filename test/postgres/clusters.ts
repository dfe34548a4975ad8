import { systemClock } from "../../src/base/clock.ts";
import type { Database, Reader } from "../../src/catalog/database.ts";
import { openPostgresDatabase, type PostgresOptions } from "../../src/catalog/postgres/postgres-database.ts";
import type { PostgresTarget } from "../../src/catalog/postgres/postgres-target.ts";
import { query } from "../../src/catalog/query.ts";
import { parseDatabaseUrl } from "../../src/config/database-url.ts";
import type { NewEvent } from "../../src/log/events.ts";
import { freshSchema, POSTGRES_URL, postgresUrl } from "../support/test-database.ts";

export function targetOf(url: string): PostgresTarget {
  const settings = parseDatabaseUrl(url);
  if (settings?.engine !== "postgres") throw new Error(`Not PostgreSQL: ${url}`);
  return settings;
}

/** A place for a store in the run's PostgreSQL, empty. */
export function freshTarget(changes: Partial<PostgresTarget> = {}): PostgresTarget {
  return { ...targetOf(postgresUrl(freshSchema())), ...changes };
}

/** The run's PostgreSQL over TCP, where it wants the password. */
export function overTcp(schema: string, changes: Partial<PostgresTarget> = {}): PostgresTarget {
  const url = `postgres://dist:dist@127.0.0.1:${new URL(process.env[POSTGRES_URL]!).port}/dist`;
  return { ...targetOf(`${url}?options=-c%20search_path%3D${schema}`), ...changes };
}

export function open(target: PostgresTarget, options: Partial<PostgresOptions> = {}): Promise<Database> {
  return openPostgresDatabase({ target, create: true, clock: systemClock, ...options });
}

export const tester = { actor: "local:tester", actorId: null };

export const stored = (name: string): NewEvent => ({
  type: "v1.object.stored",
  subject: name,
  data: { sha256: name, blake3: name, size: 1 },
});

/** Records one event; answers its number. */
export function record(database: Database, name: string): Promise<number> {
  return database.write(tester, async (tx) => (await tx.record(stored(name))).seq);
}

const events = query<object>()((db) => db.selectFrom("event").select(["seq", "subject"]).orderBy("seq"));

/** The subjects of the log, in order. */
export async function subjectsOf(database: Database): Promise<string[]> {
  return database.read(async (reader: Reader) =>
    (await reader.all(events, {})).map(({ subject }) => subject),
  );
}
