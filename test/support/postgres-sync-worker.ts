import { type MessagePort, workerData } from "node:worker_threads";

import pg from "pg";

import { columnTypes, toParameter } from "../../src/catalog/postgres/postgres-values.ts";
import type { SyncReply, SyncRequest } from "./postgres-sync.ts";

/** The other side of `postgres-sync.ts`: one connection, one statement at a time, each ended by a signal. */
const { url, port, signal } = workerData as { url: string; port: MessagePort; signal: Int32Array };

const client = new pg.Client({ connectionString: url, types: columnTypes });
const connected = client.connect();

port.on("message", (request: SyncRequest) => {
  void answer(request).then((reply) => {
    port.postMessage(reply);
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
  });
});

async function answer({ schema, sql, values }: SyncRequest): Promise<SyncReply> {
  try {
    await connected;
    await client.query(`SET search_path TO ${schema}`);
    // Without values it may be several statements.
    const result =
      values.length === 0 ? await client.query(sql) : await client.query(sql, values.map(toParameter));
    return { rows: ([result].flat().at(-1)?.rows ?? []) as SyncReply["rows"] };
  } catch (error) {
    return { rows: [], error: error instanceof Error ? error.message : String(error) };
  }
}
