import { ByteReader } from "./byte-reader.ts";
import { UnreadableError } from "./unreadable.ts";

/** One field of a message; what a number means only the message's definition knows. */
export type ProtobufField =
  | { readonly number: number; readonly kind: "varint"; readonly value: number }
  | { readonly number: number; readonly kind: "bytes"; readonly value: Buffer }
  /** Numbers of a fixed size, which nothing that is read here has. */
  | { readonly number: number; readonly kind: "fixed" };

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const MAX_VARINT_BYTES = 10;

/**
 * The fields of a message in its encoding for the wire (protobuf.dev, "Encoding"), one after the other, as often as they come. A varint
 * is cut to its lower 53 bits. Throws `UnreadableError` (`damaged`); `where` names the part of the file.
 */
export function* protobufFields(
  message: Uint8Array,
  where: string,
): Generator<ProtobufField, void, undefined> {
  const reader = new ByteReader(message, where);
  while (reader.left > 0) {
    const key = readVarint(reader, where);
    const number = Math.floor(key / 8);
    const wireType = key % 8;
    if (wireType === VARINT) yield { number, kind: "varint", value: readVarint(reader, where) };
    else if (wireType === LENGTH) {
      yield { number, kind: "bytes", value: reader.bytes(readVarint(reader, where)) };
    } else if (wireType === FIXED64 || wireType === FIXED32) {
      reader.skip(wireType === FIXED64 ? 8 : 4);
      yield { number, kind: "fixed" };
    } else {
      throw new UnreadableError("damaged", `The ${where} has a field of an unknown kind.`, where);
    }
  }
}

function readVarint(reader: ByteReader, where: string): number {
  let value = 0;
  for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
    const byte = reader.u8();
    // Negative numbers are sent with 64 bits; none is read here.
    if (index < 7) value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  throw new UnreadableError("damaged", `The ${where} has a number without an end.`, where);
}

/** The last bytes of a field, as a message with a single value of it has; undefined without one. */
export function protobufBytes(message: Uint8Array, number: number, where: string): Buffer | undefined {
  let last: Buffer | undefined;
  for (const field of protobufFields(message, where)) {
    if (field.number === number && field.kind === "bytes") last = field.value;
  }
  return last;
}

/** The last number of a field; undefined without one. */
export function protobufNumber(message: Uint8Array, number: number, where: string): number | undefined {
  let last: number | undefined;
  for (const field of protobufFields(message, where)) {
    if (field.number === number && field.kind === "varint") last = field.value;
  }
  return last;
}
