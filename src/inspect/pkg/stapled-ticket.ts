import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";

/** magic "t8lr", version 2, type 2, length 4, unused 4; little-endian, unlike all else in a xar archive. */
const TRAILER_BYTES = 16;
const MAGIC = 0x726c3874;
const TYPE_TICKET = 2;

/**
 * Whether the file ends in a notarization ticket, as `stapler` puts it behind a flat package: a trailer of type terminator, the
 * ticket, and a trailer that tells the ticket's length. Raises what reading the bytes raises.
 */
export async function hasStapledTicket(bytes: RandomAccess, archiveEnd: number): Promise<boolean> {
  const offset = bytes.sizeBytes - TRAILER_BYTES;
  const trailer = await readExactly(bytes, Math.max(0, offset), TRAILER_BYTES);
  if (trailer?.readUInt32LE(0) !== MAGIC || trailer.readUInt16LE(6) !== TYPE_TICKET) return false;
  const ticketBytes = trailer.readUInt32LE(8);
  return ticketBytes > 0 && offset - ticketBytes - TRAILER_BYTES >= archiveEnd;
}
