/**
 * Unpacks Apple Data Compression, the packing of disk images before macOS 10.1, to `sizeBytes`; null when it does not make
 * that. The first byte of each piece tells what it is:
 *
 *     1xxxxxxx                      so many bytes and one follow as they are
 *     01xxxxxx  dddddddd dddddddd   4 and so many bytes again, from so many bytes and one back
 *     00xxxxdd  dddddddd            3 and so many bytes again, from so many bytes and one back
 */
export function unpackAdc(packed: Uint8Array, sizeBytes: number): Buffer | null {
  const out = Buffer.alloc(sizeBytes);
  let written = 0;
  let at = 0;
  while (written < sizeBytes) {
    const first = packed[at];
    if (first === undefined) return null;
    if (first & 0x80) {
      const length = (first & 0x7f) + 1;
      const literal = packed.subarray(at + 1, at + 1 + length);
      if (literal.length < length || written + length > sizeBytes) return null;
      out.set(literal, written);
      written += length;
      at += 1 + length;
      continue;
    }
    const isLong = (first & 0x40) !== 0;
    const second = packed[at + 1];
    const third = isLong ? packed[at + 2] : 0;
    if (second === undefined || third === undefined) return null;
    const length = isLong ? (first & 0x3f) + 4 : (first >> 2) + 3;
    const distance = (isLong ? (second << 8) | third : ((first & 3) << 8) | second) + 1;
    if (distance > written || written + length > sizeBytes) return null;
    // Byte by byte: what is copied may reach into what is being written.
    for (const stop = written + length; written < stop; written += 1) out[written] = out[written - distance]!;
    at += isLong ? 3 : 2;
  }
  return at === packed.length ? out : null;
}
