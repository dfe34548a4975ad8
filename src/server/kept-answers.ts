import type { AppVersion } from "../registry/apps.ts";
import { type Finished, finish } from "./conditional.ts";

/** What the answers of one part of the server may take, their keys included. */
const MAX_BYTES = 16 * 1024 ** 2;
/** A larger answer is not kept: it would push out many others. */
const MAX_ANSWER_BYTES = 1024 ** 2;
/** About what an entry takes besides its body and its key. */
const ENTRY_BYTES = 512;

/** An answer as it was made. */
export interface Made {
  readonly body: string;
  /** False when it shows what changes without an event of the app: the time, a secret, lost bytes. */
  readonly mayKeep: boolean;
}

interface Entry {
  readonly seq: number;
  readonly finished: Finished;
  readonly bytes: number;
}

/**
 * Finished answers about apps. An answer holds as long as the app's version is the one it was made for, which is looked at each
 * time; so nothing expires by time, and what other processes write shows at once. The answers not asked for the longest go
 * first when there are too many.
 */
export class KeptAnswers {
  readonly #maxBytes: number;
  /** The longest unused first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The answer that is kept, or one that is made now. `version` was read before: an answer that is newer than it is made anew
   * at the next request. `key` names all that the answer depends on besides the version.
   */
  async answer(version: AppVersion, key: string, make: () => Promise<Made>): Promise<Finished> {
    const whole = `${version.key} ${key}`;
    const kept = this.#take(whole);
    if (kept?.seq === version.seq) {
      this.#put(whole, kept);
      return kept.finished;
    }
    const { body, mayKeep } = await make();
    const finished = finish(body);
    const bytes = finished.body.length + 2 * whole.length + ENTRY_BYTES;
    if (mayKeep && bytes <= MAX_ANSWER_BYTES) this.#put(whole, { seq: version.seq, finished, bytes });
    return finished;
  }

  #take(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    return entry;
  }

  #put(key: string, entry: Entry): void {
    // Another request may have made the same meanwhile.
    this.#take(key);
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#take(oldest);
    }
  }
}
