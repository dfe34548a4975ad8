import { Readable } from "node:stream";

import type { SpoolPlace } from "./spool.ts";

/** Parts of this size fit, eight of them at once: one upload as fast as it goes, and a second one. */
const SLOT_BYTES = 8 * 1024 * 1024;
const MAX_SLOTS = 8;

/**
 * Memory for a few parts, used again and again: a part that waits on the disk is written and read once more, and every read
 * leaves garbage. There is no more of it however many uploads there are; the parts that find none wait on the disk. It is
 * shared, for another thread to hash what is there.
 */
export class PartMemory {
  readonly #free: Buffer[] = [];
  #taken = 0;

  /** A place for so many bytes; undefined when there is none at the moment. */
  take(sizeBytes: number): SpoolPlace | undefined {
    if (sizeBytes > SLOT_BYTES || this.#taken === MAX_SLOTS) return undefined;
    this.#taken += 1;
    const slot = this.#free.pop() ?? Buffer.from(new SharedArrayBuffer(SLOT_BYTES));
    return placeIn(slot, (torn) => {
      this.#taken -= 1;
      // A request that broke off may go on sending what is there: the next part must not be written over it.
      if (!torn) this.#free.push(slot);
    });
  }
}

function placeIn(slot: Buffer, giveBack: (torn: boolean) => void): SpoolPlace {
  return {
    memory: slot,
    async write(chunk, position) {
      slot.set(chunk, position);
    },
    read(start, stop) {
      return new Readable({
        read() {
          this.push(slot.subarray(start, stop));
          this.push(null);
        },
      });
    },
    async close(torn) {
      giveBack(torn);
    },
  };
}
