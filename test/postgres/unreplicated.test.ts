import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import type { DistError } from "../../src/base/errors.ts";
import { PostgresConnection } from "../../src/catalog/postgres/postgres-connection.ts";
import { type PostgresServer, removePostgres, socketUrl, startPostgres } from "../support/postgres-server.ts";
import { targetOf } from "./clusters.ts";

const limits = { purpose: "writer", statementMs: 300, lockMs: 300, idleInTransactionMs: 0 };

let server: PostgresServer;
beforeAll(() => {
  server = startPostgres({ fast: true });
});
afterAll(() => removePostgres(server));

async function asSuperuser(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: socketUrl(server, "postgres") });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

// PostgreSQL calls a commit done when its wait for the standby is cancelled. A time limit that did this would acknowledge what stands
// on one machine only, and the next failover would lose it.
it("a commit that no standby has confirmed is not acknowledged", async () => {
  await asSuperuser("CREATE TABLE kept (x INT)", "GRANT ALL ON kept TO dist");
  expect(await commitOne("dist_log")).toBe("done");
  await asSuperuser("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()");
  // The server takes a setting over in its own time: until its checkpointer has, commits wait for nobody.
  await vi.waitFor(async () => expect(await commitOne(null)).toBe("transaction.outcome_unknown"), {
    timeout: 30_000,
  });
  expect(await commitOne("dist_log")).toBe("transaction.outcome_unknown");
  await asSuperuser("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()");
});

async function commitOne(channel: "dist_log" | null): Promise<string> {
  const connection = await PostgresConnection.open(targetOf(socketUrl(server, "dist")), limits);
  try {
    await connection.execute("BEGIN; INSERT INTO kept VALUES (1)");
    await connection.commit(channel);
    return "done";
  } catch (error) {
    return (error as DistError).code;
  } finally {
    await connection.close();
  }
}
