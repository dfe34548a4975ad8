import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";

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
  const connection = await PostgresConnection.open(targetOf(socketUrl(server, "dist")), limits);
  await connection.execute("BEGIN; INSERT INTO kept VALUES (1)");
  await connection.commit(null);
  await connection.execute("BEGIN; INSERT INTO kept VALUES (2)");
  await asSuperuser("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()");
  await expect(connection.commit("dist_log")).rejects.toMatchObject({ code: "transaction.outcome_unknown" });
  await asSuperuser("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()");
  await connection.close();
});
