/** A worker that has served for less than this counts as one that does not work. */
const SHORT_MS = 2_000;
const MAX_SHORT = 5;
const FIRST_PAUSE_MS = 100;

/** Decides when a worker that ended is replaced, so that one which cannot work does not make the server spin. */
export class Restarts {
  #short = 0;

  /**
   * The pause before the next try, in milliseconds: 100, doubled for each worker in a row that served for less than 2 s. Undefined
   * after five of these: there is no sense in a sixth.
   */
  pauseAfter(servedMs: number): number | undefined {
    this.#short = servedMs < SHORT_MS ? this.#short + 1 : 0;
    return this.#short > MAX_SHORT ? undefined : FIRST_PAUSE_MS * 2 ** Math.max(0, this.#short - 1);
  }
}
