import { Worker } from "node:worker_threads";

import type { Digests } from "../../base/digest.ts";
import { blobErrors } from "../errors.ts";
import type { HashReply, HashRequest } from "./hash-messages.ts";

/**
 * One upload on the thread that hashes. Its methods raise `blob.write_failed` when that thread has died, and after `digest` or
 * `drop`: an upload that was given up may still be writing.
 */
export class UploadHasher {
  readonly #thread: HashThread;
  readonly #upload: number;
  #isEnded = false;

  constructor(thread: HashThread, upload: number) {
    this.#thread = thread;
    this.#upload = upload;
  }

  /**
   * Hashes the next bytes of the upload, which are a part's too. Resolves when it is done; until then the bytes stay as they
   * are. Those in shared memory are hashed where they stand, others are copied.
   */
  async update(part: number, bytes: Uint8Array): Promise<void> {
    const request = { kind: "update", upload: this.#upload, part } as const;
    if (bytes.buffer instanceof SharedArrayBuffer) {
      await this.#ask({ ...request, bytes });
    } else {
      const copy = new Uint8Array(bytes);
      await this.#ask({ ...request, bytes: copy }, [copy.buffer]);
    }
  }

  /** The MD5 of a part so far, in hex. */
  async md5(part: number, { ends }: { ends: boolean }): Promise<string> {
    return (await this.#ask({ kind: "md5", upload: this.#upload, part, ends })) as string;
  }

  /** Ends the hasher. */
  async digest(): Promise<Digests> {
    const digests = this.#ask({ kind: "digest", upload: this.#upload });
    this.#isEnded = true;
    return (await digests) as Digests;
  }

  /** Ends the hasher, whatever is left. Raises nothing. */
  drop(): void {
    this.#ask({ kind: "drop", upload: this.#upload }).catch(() => {});
    this.#isEnded = true;
  }

  #ask(request: HashRequest, transfer?: readonly ArrayBuffer[]): Promise<HashReply> {
    if (!this.#isEnded) return this.#thread.ask(request, transfer);
    return Promise.reject(blobErrors.error("blob.write_failed", "The upload was ended meanwhile."));
  }
}

let current: HashThread | undefined;
let uploadCount = 0;

/**
 * Starts hashing an upload away from the thread that serves: three digests of every byte are most of what an upload costs. The
 * process has one such thread, from its first upload on; it keeps no process alive.
 */
export function startHashing(): UploadHasher {
  if (current === undefined || current.isDead) current = new HashThread();
  uploadCount += 1;
  const upload = uploadCount;
  current.ask({ kind: "begin", upload }).catch(() => {});
  return new UploadHasher(current, upload);
}

interface Waiting {
  readonly resolve: (reply: HashReply) => void;
  readonly reject: (error: Error) => void;
}

class HashThread {
  // Beside this module, or beside the file that it was bundled into.
  readonly #worker = new Worker(
    new URL(import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.js", import.meta.url),
  );
  /** Who waits for an answer, in the order of the requests. */
  readonly #waiting: Waiting[] = [];
  #death: Error | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on("message", (reply: HashReply) => {
      this.#waiting.shift()?.resolve(reply);
      if (this.#waiting.length === 0) this.#worker.unref();
    });
    this.#worker.once("error", (cause) => this.#die(cause));
    this.#worker.once("exit", () => this.#die());
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  ask(request: HashRequest, transfer: readonly ArrayBuffer[] = []): Promise<HashReply> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    // Whoever waits for an answer wants the process to live until it is there.
    if (this.#waiting.length === 0) this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  #die(cause?: unknown): void {
    this.#death ??= blobErrors.error("blob.write_failed", "The thread that hashes uploads has died.", {
      cause,
    });
    for (const { reject } of this.#waiting.splice(0)) reject(this.#death);
  }
}
