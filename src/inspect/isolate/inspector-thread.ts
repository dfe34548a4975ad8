import { Worker } from "node:worker_threads";

import type { RandomAccess } from "../../base/random-access.ts";
import type { DeclaredArtifact, Inspection, InspectOptions } from "../inspection.ts";
import type { FromInspector, ToInspector } from "./messages.ts";

/** The heap of a thread; with its buffers it stays below 256 MB. */
const HEAP_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** Beside this file, as it was compiled or as it was written. */
const program = new URL(
  `./inspect-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

export type Outcome =
  | { readonly kind: "inspected"; readonly inspection: Inspection }
  | { readonly kind: "timeout" }
  /** The thread ended, or inspection has a fault; `fault` is what is known of it. */
  | { readonly kind: "crashed"; readonly fault: string };

/** One thread that looks at files, one at a time. */
export class InspectorThread {
  readonly #worker: Worker;
  #isAlive = true;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor() {
    this.#worker = new Worker(program, { resourceLimits: HEAP_LIMITS, env: {} });
    this.#worker.once("exit", () => void (this.#isAlive = false));
    this.#worker.unref();
  }

  /** False once it crashed, was stopped or ended: then it inspects no more. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /**
   * Raises what reading the bytes raises. After `timeout` or `crashed` the thread is gone, and nothing reads the bytes any more.
   */
  async inspect(
    bytes: RandomAccess,
    declared: DeclaredArtifact,
    options: InspectOptions,
    deadlineMs: number,
  ): Promise<Outcome> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const take = (message: FromInspector): void => {
      if (message.type === "inspected") resolve({ kind: "inspected", inspection: message.inspection });
      else if (message.type === "failed") resolve({ kind: "crashed", fault: message.fault });
      else this.#answer(bytes, message).catch(reject);
    };
    const crash = (error: Error): void => resolve({ kind: "crashed", fault: error.message });
    const exit = (): void => resolve({ kind: "crashed", fault: "its thread ended" });
    worker.on("message", take);
    worker.once("error", crash);
    worker.once("exit", exit);
    const timer = setTimeout(() => resolve({ kind: "timeout" }), deadlineMs);
    worker.ref();
    try {
      const start: ToInspector = {
        type: "inspect",
        declared,
        options,
        sizeBytes: bytes.sizeBytes,
        ...(bytes.fd !== undefined && { fd: bytes.fd }),
      };
      worker.postMessage(start);
      const outcome = await promise;
      if (outcome.kind !== "inspected") await this.end();
      return outcome;
    } catch (error) {
      // It may still wait for bytes that never come.
      await this.end();
      throw error;
    } finally {
      clearTimeout(timer);
      worker.off("message", take);
      worker.off("error", crash);
      worker.off("exit", exit);
      worker.unref();
    }
  }

  /** Ends it when nothing else comes for so long; `ended` is called when that begins. */
  endAfter(idleMs: number, ended: () => void): void {
    this.#idleTimer = setTimeout(() => {
      ended();
      void this.end();
    }, idleMs).unref();
  }

  async end(): Promise<void> {
    this.#isAlive = false;
    // A thread that fails while it ends has nobody left to tell.
    this.#worker.once("error", () => {});
    await this.#worker.terminate();
  }

  async #answer(
    bytes: RandomAccess,
    { request, offset, length }: FromInspector & { type: "read" },
  ): Promise<void> {
    const answer: ToInspector = { type: "bytes", request, bytes: await bytes.read(offset, length) };
    this.#worker.postMessage(answer);
  }
}
