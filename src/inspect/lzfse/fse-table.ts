/** What a state of a finite state entropy decoder means: a symbol, and how to come to the next state. */
export interface FseTable {
  readonly symbol: Uint16Array;
  /** How many bits the next state takes. */
  readonly bits: Uint8Array;
  /** What they are added to. */
  readonly base: Int16Array;
}

/**
 * The decoder's states for symbols of these frequencies, each of which has as many states as its frequency; null when they are more
 * than `stateCount`, a power of two.
 */
export function fseTable(frequencies: readonly number[], stateCount: number): FseTable | null {
  const symbol = new Uint16Array(stateCount);
  const bits = new Uint8Array(stateCount);
  const base = new Int16Array(stateCount);
  let state = 0;
  for (const [index, frequency] of frequencies.entries()) {
    if (frequency === 0) continue;
    if (state + frequency > stateCount) return null;
    const most = Math.clz32(frequency) - Math.clz32(stateCount);
    // So many of the symbol's states take all these bits, the others one less.
    const full = ((2 * stateCount) >> most) - frequency;
    for (let number = 0; number < frequency; number += 1, state += 1) {
      symbol[state] = index;
      bits[state] = number < full ? most : most - 1;
      base[state] =
        number < full ? ((frequency + number) << most) - stateCount : (number - full) << (most - 1);
    }
  }
  return { symbol, bits, base };
}
