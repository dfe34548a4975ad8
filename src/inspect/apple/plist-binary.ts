import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { MAX_PLIST_DEPTH, MAX_PLIST_VALUES, type PlistValue } from "./plist-value.ts";

const HEADER_BYTES = 8;
const TRAILER_BYTES = 32;
/** Seconds from 1970 to Apple's epoch, 2001-01-01T00:00:00Z. */
const APPLE_EPOCH_SECONDS = 978_307_200;

/**
 * Reads a binary property list of version 00, which is the only one in files:
 *
 *     "bplist00"   objects   table of the objects' offsets   trailer:
 *     +6 bytes of an offset   +7 bytes of a reference   +8 objects (u64)   +16 the outermost one (u64)   +24 the table's offset (u64)
 */
export function readBinaryPlist(bytes: Buffer, where: string): PlistValue {
  return new BinaryPlist(bytes, where).read();
}

class BinaryPlist {
  readonly #bytes: Buffer;
  readonly #where: string;
  readonly #offsetBytes: number;
  readonly #refBytes: number;
  readonly #objects: number;
  readonly #root: number;
  readonly #tableOffset: number;
  /** What holds no others is read once however many places it has, else one long text makes many. */
  readonly #scalars = new Map<number, PlistValue>();
  /** The containers that are being read: one inside itself has no end. */
  readonly #open = new Set<number>();
  #values = 0;

  constructor(bytes: Buffer, where: string) {
    this.#bytes = bytes;
    this.#where = where;
    if (bytes.length < HEADER_BYTES + TRAILER_BYTES) throw this.#damaged("is too short");
    if (bytes.toString("latin1", 6, HEADER_BYTES) !== "00") {
      throw new UnreadableError(
        "unsupported",
        `${where} is a binary property list of another version.`,
        where,
      );
    }
    const trailer = new ByteReader(bytes, where).seek(bytes.length - TRAILER_BYTES + 6);
    this.#offsetBytes = trailer.u8();
    this.#refBytes = trailer.u8();
    this.#objects = trailer.u64be();
    this.#root = trailer.u64be();
    this.#tableOffset = trailer.u64be();
    if (!isWidth(this.#offsetBytes) || !isWidth(this.#refBytes)) throw this.#damaged("has impossible widths");
    const tableEnd = this.#tableOffset + this.#objects * this.#offsetBytes;
    if (tableEnd > bytes.length - TRAILER_BYTES) throw this.#damaged("announces more objects than it has");
  }

  read(): PlistValue {
    return this.#object(this.#root);
  }

  #object(index: number): PlistValue {
    this.#values += 1;
    if (this.#values > MAX_PLIST_VALUES) throw this.#limit(`unfolds to more than ${MAX_PLIST_VALUES} values`);
    const known = this.#scalars.get(index);
    if (known !== undefined) return known;
    const reader = this.#readerOf(index);
    const marker = reader.u8();
    const kind = marker >> 4;
    if (kind === 0xa || kind === 0xc || kind === 0xd)
      return this.#container(index, kind, marker & 0xf, reader);
    const value = this.#scalar(kind, marker & 0xf, reader);
    this.#scalars.set(index, value);
    return value;
  }

  #readerOf(index: number): ByteReader {
    if (index >= this.#objects) throw this.#damaged("refers to an object that it does not have");
    const reader = new ByteReader(this.#bytes, this.#where);
    const offset = this.#number(
      reader.seek(this.#tableOffset + index * this.#offsetBytes),
      this.#offsetBytes,
    );
    return reader.seek(offset);
  }

  #container(index: number, kind: number, info: number, reader: ByteReader): PlistValue {
    if (this.#open.has(index)) throw this.#damaged("has a value that holds itself");
    if (this.#open.size >= MAX_PLIST_DEPTH) throw this.#limit(`is nested deeper than ${MAX_PLIST_DEPTH}`);
    this.#open.add(index);
    const count = this.#count(info, reader);
    // Each needs a reference: a count beyond what is left stops here, not after as many steps.
    const refs = reader.part(count * this.#refBytes * (kind === 0xd ? 2 : 1));
    const next = () => this.#number(refs, this.#refBytes);
    let value: PlistValue;
    if (kind === 0xd) {
      const keys = Array.from({ length: count }, () => this.#key(next()));
      value = new Map(keys.map((key) => [key, this.#object(next())] as const));
    } else {
      value = Array.from({ length: count }, () => this.#object(next()));
    }
    this.#open.delete(index);
    return value;
  }

  #key(index: number): string {
    const key = this.#object(index);
    if (typeof key === "string") return key;
    throw this.#damaged("has a key that is no text");
  }

  #scalar(kind: number, info: number, reader: ByteReader): PlistValue {
    switch (kind) {
      case 0x0:
        if (info === 8 || info === 9) return info === 9;
        break;
      case 0x1:
        if (info <= 4) return this.#integer(reader.bytes(2 ** info));
        break;
      case 0x2:
        if (info === 2) return reader.bytes(4).readFloatBE(0);
        if (info === 3) return reader.bytes(8).readDoubleBE(0);
        break;
      case 0x3:
        if (info === 3) return this.#date(reader.bytes(8).readDoubleBE(0));
        break;
      case 0x4:
        return reader.bytes(this.#count(info, reader));
      case 0x5:
        return reader.bytes(this.#count(info, reader)).toString("latin1");
      case 0x6:
        return Buffer.from(reader.bytes(2 * this.#count(info, reader)))
          .swap16()
          .toString("utf16le");
      case 0x8:
        // A reference of an archive of objects; as a value it is its number.
        return this.#number(reader, info + 1);
      default:
    }
    throw this.#damaged("has a value of an unknown kind");
  }

  /** Up to four bytes are unsigned, eight are signed, and sixteen hold what eight cannot. */
  #integer(bytes: Buffer): number | bigint {
    if (bytes.length <= 4) return bytes.readUIntBE(0, bytes.length);
    const low = bytes.subarray(-8);
    const value =
      bytes.length === 8 ? low.readBigInt64BE(0) : (bytes.readBigInt64BE(0) << 64n) + low.readBigUInt64BE(0);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #date(seconds: number): Date {
    const date = new Date((seconds + APPLE_EPOCH_SECONDS) * 1000);
    if (Number.isNaN(date.getTime())) throw this.#damaged("has a date that is none");
    return date;
  }

  /** A length: in the marker, or, where that says 15, in the integer behind it. */
  #count(info: number, reader: ByteReader): number {
    if (info !== 0xf) return info;
    const marker = reader.u8();
    if (marker >> 4 !== 1 || (marker & 0xf) > 3) throw this.#damaged("has a length that is no number");
    return this.#number(reader, 2 ** (marker & 0xf));
  }

  #number(reader: ByteReader, length: number): number {
    if (length <= 6) return reader.bytes(length).readUIntBE(0, length);
    let value = 0n;
    for (const byte of reader.bytes(length)) value = value * 256n + BigInt(byte);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#damaged("has a number larger than any file");
    return Number(value);
  }

  #damaged(problem: string): UnreadableError {
    return new UnreadableError(
      "damaged",
      `${this.#where} is no sound property list: it ${problem}.`,
      this.#where,
    );
  }

  #limit(problem: string): UnreadableError {
    return new UnreadableError("limit", `${this.#where} ${problem}.`, this.#where);
  }
}

function isWidth(bytes: number): boolean {
  return bytes >= 1 && bytes <= 8;
}
