import type { Staging } from "../../blob/blob-store.ts";
import { uploadErrors } from "../errors.ts";

/** How long staging stays open for the next piece; a later piece begins another part. */
const KEPT_MS = 60_000;
/** Open files that wait for a next piece. The longest waiting is closed first. */
const MAX_KEPT = 256;

/** A part of an upload whose staging is open in this process: the next bytes can follow, with the digests carried on. */
export interface OpenPart {
  readonly staging: Staging;
  /** The part's place in the upload. */
  readonly startBytes: number;
  /** How many of its bytes are recorded. */
  recordedBytes: number;
  /** The session's writer that wrote it last. */
  epoch: number;
}

/** The request that writes to an upload now. */
export interface ActiveWriter {
  /** Aborted when another request takes over. */
  readonly signal: AbortSignal;
  /** Records what has arrived; undefined while that cannot be done. */
  checkpoint?: (() => Promise<void>) | undefined;
}

/**
 * What this process holds of uploads under way. Only a saving: the truth is in the database, where other processes see it,
 * and everything here may be lost at any time.
 */
export class LiveUploads {
  readonly #active = new Map<string, ActiveWriter & { stop(): void; ended: Promise<unknown> }>();
  readonly #kept = new Map<string, { part: OpenPart; timer: NodeJS.Timeout }>();
  readonly #completions = new Map<string, Promise<unknown>>();
  #isClosed = false;

  /** Runs `work` as the upload's only writer here: one that is at work is stopped, and has recorded what it has, before. */
  async write<T>(id: string, work: (writer: ActiveWriter) => Promise<T>): Promise<T> {
    await this.stop(id);
    if (this.#isClosed) throw takenOver();
    const abort = new AbortController();
    const writer = { signal: abort.signal, stop: () => abort.abort(takenOver()), ended: Promise.resolve() };
    const result = work(writer);
    const ended = result.then(
      () => {},
      () => {},
    );
    this.#active.set(id, Object.assign(writer, { ended }));
    try {
      return await result;
    } finally {
      this.#active.delete(id);
    }
  }

  /** Stops whoever writes, and waits until they have recorded what they have. */
  async stop(id: string): Promise<void> {
    for (let writer = this.#active.get(id); writer !== undefined; writer = this.#active.get(id)) {
      writer.stop();
      await writer.ended;
    }
  }

  /** Lets whoever writes record what has arrived so far. What keeps them from it they find out themselves. */
  async checkpoint(id: string): Promise<void> {
    await this.#active
      .get(id)
      ?.checkpoint?.()
      .catch(() => {});
  }

  /** Waits for whoever writes to end by themselves. */
  async ended(id: string): Promise<void> {
    await this.#active.get(id)?.ended;
  }

  /** Keeps a part open for the next piece. */
  keep(id: string, part: OpenPart): void {
    this.drop(id);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) this.drop(oldest);
    const timer = setTimeout(() => this.drop(id), KEPT_MS).unref();
    this.#kept.set(id, { part, timer });
    if (this.#isClosed) this.drop(id);
  }

  /** The part that ends at this offset, if nobody else has written since; any other is closed. */
  take(id: string, { epoch, offset }: { epoch: number; offset: number }): OpenPart | undefined {
    const part = this.#kept.get(id)?.part;
    if (part === undefined) return undefined;
    if (part.epoch !== epoch || part.startBytes + part.recordedBytes !== offset) {
      this.drop(id);
      return undefined;
    }
    clearTimeout(this.#kept.get(id)?.timer);
    this.#kept.delete(id);
    return part;
  }

  /** Closes what is kept of an upload. */
  drop(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    clearTimeout(kept.timer);
    this.#kept.delete(id);
    void kept.part.staging.close();
  }

  /** Runs `work`, or joins the run that is under way: putting a whole together is long, and its client may ask again. */
  async completeOnce<T>(id: string, work: () => Promise<T>): Promise<T> {
    const running = this.#completions.get(id);
    if (running !== undefined) return running as Promise<T>;
    const run = work().finally(() => this.#completions.delete(id));
    this.#completions.set(id, run);
    return run;
  }

  /** Stops everybody and closes everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#active.keys()].map((id) => this.stop(id)));
    await Promise.allSettled(this.#completions.values());
    for (const id of this.#kept.keys()) this.drop(id);
  }
}

/** What a writer is told whose upload another one writes to now. */
export function takenOver() {
  return uploadErrors.error("upload.taken_over", "Another request writes to the upload now.", {
    hint: "Ask for the upload's offset, and go on from there.",
  });
}
