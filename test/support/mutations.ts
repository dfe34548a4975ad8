/** How often a property is tried: 2,000 times in the usual run, 100,000 with `DIST_TEST_LONG=1`. */
export const MUTATIONS = process.env["DIST_TEST_LONG"] === "1" ? 100_000 : 2_000;

/** Numbers from 0 to below `limit`, the same for the same seed (xorshift32). */
export function seeded(seed: number): (limit: number) => number {
  let state = seed * 0x9e3779b1 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Numbers that lengths, counts and offsets are attacked with. */
const numbers = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/**
 * The bytes with one to three things done to them that the seed decides: a bit flipped, a byte or a number overwritten, a piece cut out,
 * put elsewhere or doubled, the end cut off. `within` are the places where most of them happen: headers are small in large files.
 */
export function mutate(
  bytes: Buffer,
  seed: number,
  within: ReadonlyArray<readonly [start: number, stop: number]> = [[0, bytes.length]],
): Buffer {
  const random = seeded(seed);
  let mutated: Buffer = Buffer.from(bytes);
  const place = () => {
    const [start, stop] = within[random(within.length)]!;
    return Math.min(start + random(stop - start), Math.max(0, mutated.length - 1));
  };
  for (let count = 1 + random(3); count > 0 && mutated.length > 0; count -= 1) {
    mutated = changes[random(changes.length)]!(mutated, place(), random);
  }
  return mutated;
}

type Change = (bytes: Buffer, at: number, random: (limit: number) => number) => Buffer;

const changes: readonly Change[] = [
  (bytes, at, random) => set(bytes, at, bytes[at]! ^ (1 << random(8))),
  (bytes, at, random) => set(bytes, at, bytes[at]! ^ (1 << random(8))),
  (bytes, at, random) => set(bytes, at, random(256)),
  (bytes, at, random) => number(bytes, at, numbers[random(numbers.length)]!, 4),
  (bytes, at, random) => number(bytes, at, numbers[random(numbers.length)]! & 0xffff, 2),
  (bytes, at, random) => {
    const length = 1 + random(64);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
  },
  (bytes, at, random) => {
    const piece = bytes.subarray(at, at + 1 + random(64));
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  },
  (bytes, at, random) => {
    bytes.copy(bytes, random(bytes.length), at, at + 1 + random(64));
    return bytes;
  },
  (bytes, at) => bytes.subarray(0, at),
];

function set(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}

function number(bytes: Buffer, at: number, value: number, length: number): Buffer {
  if (at + length > bytes.length) return bytes;
  if (at % 2 === 0) bytes.writeUIntLE(value, at, length);
  else bytes.writeUIntBE(value, at, length);
  return bytes;
}
