import cluster from "node:cluster";
import process from "node:process";

import type { Logger } from "pino";

import { aborted, pause } from "../../base/async.ts";
import { createLogger } from "../logger.ts";
import type { RunOptions } from "../run-server.ts";
import { SHUTDOWN_MS } from "../serve.ts";
import { serverErrors } from "../server-errors.ts";
import type { ToSupervisor } from "./messages.ts";
import { Restarts } from "./restarts.ts";
import { WorkerProcess } from "./worker-process.ts";

/** A worker that has not ended by then is stuck: its own limit for requests under way has passed. */
const KILL_AFTER_MS = SHUTDOWN_MS + 5_000;

/**
 * Serves a store in several worker processes on one port, replacing those that die, until it is told to stop. This process neither
 * takes connections nor opens the store. Raises what keeps the first worker from listening, and `server.worker_failed` when workers
 * end at once again and again.
 */
export async function supervise(options: RunOptions): Promise<void> {
  const { directory, server, signal } = options;
  const log = createLogger(options.write, { pid: process.pid });
  const crew = new Crew(options, log);
  try {
    const url = await crew.start();
    log.info({ url, public_url: server.publicUrl, store: directory, workers: crew.pids }, "listening");
    await Promise.race([aborted(signal), crew.failed]);
    log.info("stopping");
  } finally {
    await crew.stop();
  }
  log.info("stopped");
}

class Crew {
  readonly #options: RunOptions;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  /** Every process that lives, listening or not. */
  readonly #members = new Set<WorkerProcess>();
  #address: { readonly url: string; readonly port: number } | undefined;
  /** The port that workers ask for. Those that ask for the same one share a socket, also when it is 0. */
  #port: number;

  constructor(options: RunOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#port = options.server.port;
    // Seen by whoever waits for it; nobody does before all listen.
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when a worker cannot be replaced any more. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  get pids(): readonly (number | undefined)[] {
    return [...this.#members].map(({ pid }) => pid);
  }

  /** Starts all workers; resolves to the address when all of them listen. */
  async start(): Promise<string> {
    const { workerProgram, server } = this.#options;
    // Workers accept from one shared socket. Handed out in turn by this process instead, a connection on its way to a worker that is
    // killed stays open for ever with nobody to answer it, and a worker that stands still goes on getting its share.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: workerProgram, args: [], serialization: "advanced" });
    // The first one alone: it makes or upgrades the store, and what keeps the server from starting is said once.
    const first = this.#fork(1, { create: true });
    this.#address = await first.listening;
    const others = Array.from({ length: server.workers - 1 }, (_, index) => this.#fork(index + 2));
    await Promise.all(others.map(({ listening }) => listening));
    for (const member of [first, ...others]) {
      this.#keep(member).catch((error: unknown) => this.#failed.reject(error));
    }
    return this.#address.url;
  }

  /** Tells all workers to stop, and resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const member of this.#members) member.send({ type: "stop" });
    const deadline = setTimeout(() => {
      for (const member of this.#members) {
        this.#log.error({ worker: member.number, worker_pid: member.pid }, "worker did not stop: killed");
        member.kill();
      }
    }, KILL_AFTER_MS);
    await Promise.all([...this.#members].map(({ ended }) => ended));
    clearTimeout(deadline);
  }

  /** Replaces a worker whenever it ends, until the server stops. Raises `server.worker_failed` when there is no sense in it. */
  async #keep(member: WorkerProcess): Promise<void> {
    const restarts = new Restarts();
    for (let current = member; ;) {
      const { servedMs, ...how } = await current.ended;
      if (this.#stopping.signal.aborted) return;
      const { number: worker, pid } = current;
      this.#log.error({ worker, worker_pid: pid, ...how }, "worker ended");
      const pauseMs = restarts.pauseAfter(servedMs);
      if (pauseMs === undefined) {
        this.#log.fatal({ worker }, "the worker ends again and again: giving up");
        throw serverErrors.error("server.worker_failed", `Worker ${worker} ends again and again.`, {
          details: { worker, ...how },
        });
      }
      if (!(await pause(pauseMs, this.#stopping.signal))) return;
      current = this.#fork(worker);
      void this.#greet(current);
    }
  }

  /** Notes that a replacement works, or why it does not. */
  async #greet(member: WorkerProcess): Promise<void> {
    const { number: worker } = member;
    try {
      const { url } = await member.listening;
      if (url === this.#address?.url) this.#log.info({ worker, worker_pid: member.pid }, "worker replaced");
      else member.kill();
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log.error({ worker, err: error }, "worker did not start");
    }
  }

  #fork(worker: number, { create } = { create: false }): WorkerProcess {
    const { directory, store, storage, server } = this.#options;
    const member = new WorkerProcess(
      {
        worker,
        directory,
        store,
        storage,
        server: { ...server, port: this.#portToAsk() },
        create,
        leads: worker === 1,
      },
      (message) => this.#take(member, message),
    );
    this.#members.add(member);
    void member.ended.then(() => this.#members.delete(member));
    return member;
  }

  /** With the last worker its socket is gone: the next one asks for the port that the server was given, by number. */
  #portToAsk(): number {
    const isShared = [...this.#members].some(({ isListening }) => isListening);
    if (this.#address !== undefined && !isShared) this.#port = this.#address.port;
    return this.#port;
  }

  #take(from: WorkerProcess, message: ToSupervisor): void {
    switch (message.type) {
      case "first_token":
        this.#options.onFirstToken(message.secret);
        break;
      case "figures_wanted": {
        // A worker that asks listens, though it may not have said so yet.
        const asked = [...this.#members].filter((member) => member.isListening || member === from);
        from.send({ type: "figures_expected", id: message.id, count: asked.length });
        for (const member of asked) member.send({ type: "read_figures", id: message.id, asker: from.number });
        break;
      }
      case "figures":
        [...this.#members].find(({ number }) => number === message.asker)?.send(message);
        break;
      default:
        // `WorkerProcess` takes the others itself.
        break;
    }
  }
}
