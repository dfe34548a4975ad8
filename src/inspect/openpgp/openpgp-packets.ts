import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

/** One packet of an OpenPGP message (RFC 9580 4). */
export interface OpenPgpPacket {
  /** 2 signature, 6 public key, 13 user id, 14 public subkey. */
  readonly tag: number;
  readonly body: Buffer;
}

/** Real signatures and keys have a few; each costs an object here. */
const MAX_PACKETS = 500;

/** The packets of a message. Throws `UnreadableError` where a length reaches beyond it, or is of a kind that has no end. */
export function openPgpPackets(bytes: Uint8Array): OpenPgpPacket[] {
  const reader = new ByteReader(bytes, "OpenPGP data");
  const packets: OpenPgpPacket[] = [];
  while (reader.left > 0) {
    if (packets.length === MAX_PACKETS) {
      throw new UnreadableError("limit", `OpenPGP data have more than ${MAX_PACKETS} packets.`);
    }
    const first = reader.u8();
    // RFC 9580 4.2: "bit 7 … always one", bit 6 tells the two forms apart.
    if ((first & 0x80) === 0) throw new UnreadableError("damaged", "OpenPGP data are none.");
    const isNew = (first & 0x40) !== 0;
    const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f;
    const length = isNew ? newLength(reader) : oldLength(reader, first & 3);
    packets.push({ tag, body: reader.bytes(length) });
  }
  return packets;
}

function newLength(reader: ByteReader): number {
  const first = reader.u8();
  if (first < 192) return first;
  if (first < 224) return ((first - 192) << 8) + reader.u8() + 192;
  if (first === 255) return reader.u32be();
  throw new UnreadableError("unsupported", "OpenPGP data come in parts, as no signature does.");
}

function oldLength(reader: ByteReader, type: number): number {
  if (type === 0) return reader.u8();
  if (type === 1) return reader.u16be();
  return type === 2 ? reader.u32be() : reader.left;
}
