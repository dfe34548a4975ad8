/** CRC-32 with the polynomial 0x04c11db7, the highest bit first, unlike the one of zip and gzip. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

/** The checksum after one more byte; it begins with all ones and is inverted at the end. */
export function crcStep(crc: number, byte: number): number {
  return (crc << 8) ^ table[(crc >>> 24) ^ byte]!;
}

/** A stream's checksum after one more block's. */
export function combineCrc(stream: number, block: number): number {
  return (((stream << 1) | (stream >>> 31)) ^ block) >>> 0;
}
