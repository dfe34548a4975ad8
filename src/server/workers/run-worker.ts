import cluster from "node:cluster";
import process from "node:process";

import { aborted } from "../../base/async.ts";
import { DistError } from "../../base/errors.ts";
import { startLog } from "../logger.ts";
import { serveStore } from "../serve-store.ts";
import type { Start, ToSupervisor, ToWorker } from "./messages.ts";
import { unpackSecrets } from "./packed-secrets.ts";
import { WorkerPeers } from "./worker-peers.ts";

/** The whole of a worker's process: serves as the supervisor tells it to, until that says stop or is gone. */
export async function runWorker(): Promise<void> {
  const stop = new AbortController();
  const start = Promise.withResolvers<Start>();
  const peers = new WorkerPeers(send);
  // Ctrl-C reaches the whole process group. When to stop is the supervisor's to say: it would replace a worker that ended by itself.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  // The supervisor is gone, and with it the port; or this worker has said that it is done.
  process.once("disconnect", () => process.exit());
  // A log that nobody reads any more is no reason to end.
  process.stdout.on("error", () => {});
  process.on("message", (message: ToWorker) => {
    switch (message.type) {
      case "start":
        start.resolve(unpackSecrets(message));
        break;
      case "stop":
        stop.abort();
        break;
      default:
        peers.take(message);
    }
  });
  try {
    await serve(await start.promise, peers, stop.signal);
  } catch (error) {
    // A defect ends the process and shows where it is.
    if (!(error instanceof DistError)) throw error;
    const { code, kind, message, details, hint } = error;
    process.exitCode = 1;
    send({ type: "failed", error: { code, kind, message, details, hint } });
  }
  cluster.worker?.disconnect();
}

async function serve(start: Start, peers: WorkerPeers, signal: AbortSignal): Promise<void> {
  const { worker, type: _, ...options } = start;
  const { log, flush } = startLog((lines) => void process.stdout.write(lines), { worker, pid: process.pid });
  const onFirstToken = (secret: string) => send({ type: "first_token", secret });
  const served = await serveStore({ ...options, peers, log, onFirstToken });
  send({ type: "listening", url: served.url, port: served.port });
  await aborted(signal);
  await served.close();
  flush();
}

function send(message: ToSupervisor): void {
  // Refused only when the supervisor is gone, which ends this process.
  process.send?.(message, undefined, undefined, () => {});
}
