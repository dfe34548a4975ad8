import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";

export interface SyncRequest {
  readonly schema: string;
  readonly sql: string;
  readonly values: readonly unknown[];
}

export interface SyncReply {
  readonly rows: Record<string, any>[];
  readonly error?: string;
}

/** No statement of a test takes so long. */
const TIMEOUT_MS = 30_000;

/**
 * PostgreSQL for tests that look at the database between two steps, as they do with SQLite: the call returns when the
 * statement is done. A worker holds the connection; this thread sleeps meanwhile.
 */
export function openPostgresSync(url: string): (request: SyncRequest) => SyncReply["rows"] {
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("./postgres-sync-worker.ts", import.meta.url), {
    workerData: { url, port: port2, signal },
    transferList: [port2],
  });
  worker.unref();
  port1.unref();
  return (request) => {
    Atomics.store(signal, 0, 0);
    port1.postMessage(request);
    if (Atomics.wait(signal, 0, 0, TIMEOUT_MS) === "timed-out") throw new Error(`No answer: ${request.sql}`);
    const { rows, error } = receiveMessageOnPort(port1)!.message as SyncReply;
    if (error !== undefined) throw new Error(`${error}: ${request.sql}`);
    return rows;
  };
}
