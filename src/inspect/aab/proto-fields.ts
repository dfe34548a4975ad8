import { UnreadableError } from "../unreadable.ts";

/** One field of a message in the protobuf wire format. */
export interface ProtoField {
  readonly number: number;
  /** The lower 32 bits of a number, unsigned; 0 for fields of other kinds. */
  readonly value: number;
  /** What a string, bytes or a message within is made of, as a view; empty for fields of other kinds. */
  readonly bytes: Buffer;
}

/** `(field number << 3) | wire type` */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
/** Numbers of 64 bits, seven in each byte. */
const MAX_VARINT_BYTES = 10;
const NOTHING = Buffer.alloc(0);

/** The fields of a message, in the order they stand in. Throws `UnreadableError` (`damaged`) naming `where`. */
export function* protoFields(message: Buffer, where: string): Generator<ProtoField> {
  const reader = new WireReader(message, where);
  while (reader.left > 0) {
    const tag = reader.varint();
    const number = tag >>> 3;
    switch (tag & 7) {
      case VARINT:
        yield { number, value: reader.varint(), bytes: NOTHING };
        break;
      case LENGTH_DELIMITED:
        yield { number, value: 0, bytes: reader.bytes(reader.varint()) };
        break;
      case FIXED64:
        reader.bytes(8);
        break;
      case FIXED32:
        reader.bytes(4);
        break;
      default:
        throw reader.damaged();
    }
  }
}

/** The last field of this number, as protobuf has it for fields that stand once; undefined where there is none. */
export function protoField(message: Buffer, number: number, where: string): ProtoField | undefined {
  let found: ProtoField | undefined;
  for (const field of protoFields(message, where)) if (field.number === number) found = field;
  return found;
}

/** A string of at most `limitBytes`; what is longer is cut off there. */
export function protoText({ bytes }: ProtoField, limitBytes: number): string {
  return bytes.toString("utf8", 0, limitBytes);
}

class WireReader {
  readonly #message: Buffer;
  readonly #where: string;
  #offset = 0;

  constructor(message: Buffer, where: string) {
    this.#message = message;
    this.#where = where;
  }

  get left(): number {
    return this.#message.length - this.#offset;
  }

  /** The lower 32 bits of the next number. */
  varint(): number {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.#message[this.#offset + index];
      if (byte === undefined) throw this.damaged();
      if (index < 5) value |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) {
        this.#offset += index + 1;
        return value >>> 0;
      }
    }
    throw this.damaged();
  }

  bytes(length: number): Buffer {
    if (length > this.left) throw this.damaged();
    this.#offset += length;
    return this.#message.subarray(this.#offset - length, this.#offset);
  }

  damaged(): UnreadableError {
    return new UnreadableError("damaged", `The ${this.#where} is no protobuf message.`, this.#where);
  }
}
