/** The polynomial of CRC-32 (IEEE 802.3), bits reversed. */
const POLYNOMIAL = 0xedb88320;

/**
 * The CRC-32 of what `before` is the CRC-32 of, followed by `count` bytes of zero. It takes as many steps as `count` has bits: a chunk
 * of zeros may claim terabytes.
 */
export function crc32OfZeros(count: number, before: number): number {
  let crc = ~before >>> 0;
  // A CRC is linear: a matrix of 32 columns takes it past one byte, its square past two, and so on.
  let matrix = pastOneByte();
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) crc = times(matrix, crc);
    matrix = matrix.map((column) => times(matrix, column));
  }
  return ~crc >>> 0;
}

/** What one byte of zero makes of each bit of a CRC. */
function pastOneByte(): Uint32Array {
  return Uint32Array.from({ length: 32 }, (_, bit) => {
    let crc = (1 << bit) >>> 0;
    for (let step = 0; step < 8; step += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc >>> 0;
  });
}

function times(matrix: Uint32Array, vector: number): number {
  let sum = 0;
  for (let bit = 0, rest = vector; rest !== 0; bit += 1, rest >>>= 1) if (rest & 1) sum ^= matrix[bit]!;
  return sum >>> 0;
}
