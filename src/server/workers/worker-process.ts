import cluster, { type Worker } from "node:cluster";

import { DistError } from "../../base/errors.ts";
import { serverErrors } from "../server-errors.ts";
import { packSecrets } from "./packed-secrets.ts";
import type { Failure, Start, ToSupervisor, ToWorker } from "./messages.ts";

/** How a worker's process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** How long it had listened; 0 when it never did. */
  readonly servedMs: number;
}

/** One process of a worker, from its start to its end, as the supervisor has it. Call `cluster.setupPrimary` first. */
export class WorkerProcess {
  readonly number: number;
  /** Where it listens, once it does. Rejects with what kept it from that. */
  readonly listening: Promise<{ readonly url: string; readonly port: number }>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<Ending>;
  readonly #process: Worker;
  #listensSinceMs: number | undefined;

  /** `take` gets what it says beyond its start. */
  constructor(start: Omit<Start, "type">, take: (message: ToSupervisor) => void) {
    const listening = Promise.withResolvers<{ url: string; port: number }>();
    const ended = Promise.withResolvers<Ending>();
    this.number = start.worker;
    this.listening = listening.promise;
    this.ended = ended.promise;
    this.#process = cluster.fork();
    this.#process.on("message", (message: ToSupervisor) => {
      if (message.type === "failed") listening.reject(fromFailure(message.error));
      else if (message.type === "listening") {
        this.#listensSinceMs = performance.now();
        listening.resolve(message);
      } else take(message);
    });
    const end = (code: number | null, signal: string | null): void => {
      const servedMs = this.#listensSinceMs === undefined ? 0 : performance.now() - this.#listensSinceMs;
      this.#listensSinceMs = undefined;
      listening.reject(this.#endedEarly(code, signal));
      ended.resolve({ code, signal, servedMs });
    };
    this.#process.once("exit", end);
    this.#process.on("error", () => {
      // A process that could not be made has no exit; other errors are of the channel, and the exit follows.
      if (this.pid === undefined) end(null, null);
    });
    // Whoever started it learns from `ended` as well.
    listening.promise.catch(() => {});
    this.send({ type: "start", ...packSecrets(start) });
  }

  get pid(): number | undefined {
    return this.#process.process.pid;
  }

  get isListening(): boolean {
    return this.#listensSinceMs !== undefined;
  }

  /** Says something to the worker. One that is gone does not hear it; its end says so. */
  send(message: ToWorker): void {
    if (this.#process.isConnected()) this.#process.send(message, () => {});
  }

  kill(): void {
    this.#process.process.kill("SIGKILL");
  }

  #endedEarly(code: number | null, signal: string | null): DistError {
    const how = signal ?? (code === null ? "it could not be started" : `exit code ${code}`);
    return serverErrors.error(
      "server.worker_failed",
      `Worker ${this.number} ended before it listened (${how}).`,
      {
        details: { worker: this.number, code, signal },
      },
    );
  }
}

function fromFailure({ code, kind, message, details, hint }: Failure): DistError {
  return new DistError(code, kind, message, { details, ...(hint !== undefined && { hint }) });
}
