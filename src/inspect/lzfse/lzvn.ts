/** The size of a match's smallest length. */
const MIN_MATCH = 3;

/**
 * Unpacks LZVN, the quick packing beside LZFSE, to `out`, from `start` on; answers where it stopped writing, or null for what is no
 * LZVN. Each piece is a byte of operation, its operands, up to 271 literals, and a match from so many bytes back:
 *
 *     LLMMMDDD  DDDDDDDD            small distance (DDD of 110 and 111 are the next two)
 *     LLMMM110                      the distance of before
 *     LLMMM111  DDDDDDDD DDDDDDDD   large distance
 *     101LLMMM  DDDDDDMM DDDDDDDD   medium distance
 *     1110LLLL, 11100000 LLLLLLLL   literals only        1111MMMM, 11110000 MMMMMMMM   match only, the distance of before
 *     00000110                      the end              00001110, 00010110            nothing
 */
export function unpackLzvn(packed: Uint8Array, out: Buffer, start: number): number | null {
  let written = start;
  let distance = 0;
  let at = 0;
  while (at < packed.length) {
    const operation = packed[at]!;
    if (operation === 0x06) return written;
    if (operation === 0x0e || operation === 0x16) {
      at += 1;
      continue;
    }
    const piece = readPiece(packed, at, distance);
    if (piece === null) return null;
    distance = piece.distance;
    at += piece.bytes;
    const literals = packed.subarray(at, at + piece.literals);
    if (literals.length < piece.literals || written + piece.literals + piece.match > out.length) return null;
    out.set(literals, written);
    at += piece.literals;
    written += piece.literals;
    if (piece.match === 0) continue;
    if (distance === 0 || distance > written) return null;
    for (const stop = written + piece.match; written < stop; written += 1) {
      out[written] = out[written - distance]!;
    }
  }
  return null;
}

interface Piece {
  /** Of the operation and its operands. */
  readonly bytes: number;
  readonly literals: number;
  readonly match: number;
  readonly distance: number;
}

function readPiece(packed: Uint8Array, at: number, before: number): Piece | null {
  const operation = packed[at]!;
  const second = packed[at + 1] ?? 0;
  const third = packed[at + 2] ?? 0;
  switch (operation >> 4) {
    case 0xa:
    case 0xb:
      return {
        bytes: 3,
        literals: (operation >> 3) & 3,
        match: (((operation & 7) << 2) | (second & 3)) + MIN_MATCH,
        distance: (third << 6) | (second >> 2),
      };
    case 0xe:
      return operation === 0xe0
        ? { bytes: 2, literals: second + 16, match: 0, distance: before }
        : { bytes: 1, literals: operation & 15, match: 0, distance: before };
    case 0xf:
      return operation === 0xf0
        ? { bytes: 2, literals: 0, match: second + 16, distance: before }
        : { bytes: 1, literals: 0, match: operation & 15, distance: before };
    case 0x7:
    case 0xd:
      return null;
    default:
      return readMixed(operation, second, third, before);
  }
}

function readMixed(operation: number, second: number, third: number, before: number): Piece | null {
  const literals = operation >> 6;
  const match = ((operation >> 3) & 7) + MIN_MATCH;
  switch (operation & 7) {
    case 7:
      return { bytes: 3, literals, match, distance: (third << 8) | second };
    case 6:
      // Without literals these would be the end and nothing; the others of that row are not defined.
      return literals === 0 ? null : { bytes: 1, literals, match, distance: before };
    default:
      return { bytes: 2, literals, match, distance: ((operation & 7) << 8) | second };
  }
}
