/** Damaged copies of a sound file, for tests only: the same ones in every run. */

/** How many are tried of each format; DIST_TEST_LONG tries all that a release has to stand. */
export const MUTATIONS = process.env["DIST_TEST_LONG"] === undefined ? 2_000 : 100_000;

/** Numbers that claim too much, or almost. */
const large = [0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x7ffffff0, 1, 0] as const;

/** The copies, each with one to three changes: bits and bytes, numbers that claim too much, parts doubled, moved or cut. */
export function* mutationsOf(file: Buffer, count = MUTATIONS, seed = 1): Generator<Buffer> {
  const random = randomNumbers(seed);
  for (let index = 0; index < count; index += 1) {
    let copy: Buffer = Buffer.from(file);
    // Most have one change, so that many are still read to the end.
    const changes = Math.max(1, random(5) - 1);
    for (let left = changes; left > 0; left -= 1) copy = change(copy, random);
    yield copy;
  }
}

/** Numbers from 0 to below `limit`, the same for a seed (xorshift). */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed * 0x9e3779b1 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % Math.max(1, limit);
  };
}

function change(bytes: Buffer, random: (limit: number) => number): Buffer {
  const at = random(bytes.length);
  const length = random(Math.min(64, bytes.length - at));
  switch (random(8)) {
    case 0:
      bytes[at]! ^= 1 << random(8);
      return bytes;
    case 1:
      bytes[at] = [0, 0x7f, 0x80, 0xff][random(4)]!;
      return bytes;
    case 2:
      if (at + 4 <= bytes.length) bytes.writeUInt32LE(large[random(large.length)]!, at);
      return bytes;
    case 3:
      if (at + 4 <= bytes.length) bytes.writeUInt32BE(large[random(large.length)]!, at);
      return bytes;
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 6:
      bytes.copy(bytes, at, random(bytes.length), bytes.length);
      return bytes;
    default:
      // Most cuts are near the end, or else nothing after the first structure is ever reached.
      return bytes.subarray(0, bytes.length - random(random(4) === 0 ? bytes.length : 16));
  }
}
