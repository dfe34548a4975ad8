/** Longer words get no suggestion: the comparison takes time by the product of the lengths. */
const MAX_NEAREST_LENGTH = 64;

const BYTE_UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** False for text with lone surrogates, which has no UTF-8 form. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/**
 * The candidate a mistyped word most likely meant; undefined where none is near. Near is at most a third of the longer
 * word's length in edits: a character added, dropped or replaced, or two neighbours swapped. The earlier candidate wins.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_NEAREST_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    if (candidate.length > MAX_NEAREST_LENGTH) continue;
    const distance = editDistance(word, candidate);
    const limit = Math.floor(Math.max(word.length, candidate.length) / 3);
    if (distance <= limit && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A size for people: `512 B`, `1.5 MiB`. One decimal, rounded; above 1023 B in powers of 1024. */
export function naturalBytes(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`;
  let value = sizeBytes / 1024;
  let unit = 0;
  // 1023.95 would be shown as 1024.0.
  while (value >= 1023.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** Optimal string alignment: Levenshtein's distance with swaps of neighbours. Keeps the last three rows of its table. */
function editDistance(left: string, right: string): number {
  let twoAbove: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const isSame = left[i - 1] === right[j - 1];
      const replaced = at(above, j - 1) + (isSame ? 0 : 1);
      let distance = Math.min(replaced, at(above, j) + 1, at(row, j - 1) + 1);
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        distance = Math.min(distance, at(twoAbove, j - 2) + 1);
      }
      row.push(distance);
    }
    twoAbove = above;
    above = row;
  }
  return at(above, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
