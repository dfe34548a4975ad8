import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";

/** Signed messages nest some fifteen deep. More only serves to exhaust the stack. */
const MAX_DEPTH = 40;
/** A list of two-byte values is cheap to write and costs a hundred times its size in memory once it is taken apart. */
const MAX_CHILDREN = 50_000;
const WHERE = "signature";

/** The identifier octets (X.690, 8.1.2) that occur in signed messages and certificates. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** `[0]` and `[1]` around other values, or in the place of a SET's or SEQUENCE's own. */
  context0: 0xa0,
  context1: 0xa1,
  context2: 0xa2,
  /** `[0]` in the place of the tag of a value that has no parts. */
  primitive0: 0x80,
} as const;

/**
 * One value of a BER encoding (X.690), of which DER is a part. Values inside it are read when they are asked for, so that what nobody
 * asks for costs nothing. All buffers are views.
 */
export class BerNode {
  /** The identifier octet. */
  readonly tag: number;
  /** The whole value as it is written. */
  readonly encoded: Buffer;
  /** What stands inside, without the end-of-contents octets of the indefinite form. */
  readonly content: Buffer;
  readonly #depth: number;

  constructor(tag: number, encoded: Buffer, content: Buffer, depth: number) {
    this.tag = tag;
    this.encoded = encoded;
    this.content = content;
    this.#depth = depth;
  }

  /** X.690, 8.1.2.5: bit 6 tells a value made of values. */
  get isConstructed(): boolean {
    return (this.tag & 0x20) !== 0;
  }

  /** The values inside. Throws `UnreadableError`. */
  children(): BerNode[] {
    if (!this.isConstructed) throw damaged("has a plain value where one made of others belongs");
    return readNodes(this.content, this.#depth + 1);
  }

  /** Itself, when it has this tag. Throws `UnreadableError` when not. */
  expect(tag: number): this {
    if (this.tag === tag) return this;
    throw damaged(`has a value of type 0x${this.tag.toString(16)} where 0x${tag.toString(16)} belongs`);
  }
}

/** The first value in the bytes; what follows it is left alone. Throws `UnreadableError`. */
export function readBer(bytes: Uint8Array): BerNode {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readNode(buffer, new ByteReader(buffer, WHERE), 0);
}

/** The DER form of a value made of others, given its content. */
export function encodeDer(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content]);
}

/** The error for a signed message that is not what it should be; `problem` goes on from "The signature". */
export function damaged(problem: string): UnreadableError {
  return new UnreadableError("damaged", `The signature ${problem}.`, WHERE);
}

/** The error for a signed message that asks for more than is given. */
export function overLimit(problem: string): UnreadableError {
  return new UnreadableError("limit", `The signature ${problem}.`, WHERE);
}

function readNodes(bytes: Buffer, depth: number): BerNode[] {
  const reader = new ByteReader(bytes, WHERE);
  const nodes: BerNode[] = [];
  while (reader.left > 0) {
    if (nodes.length === MAX_CHILDREN) throw overLimit(`has more than ${MAX_CHILDREN} values in one list`);
    nodes.push(readNode(bytes, reader, depth));
  }
  return nodes;
}

function readNode(bytes: Buffer, reader: ByteReader, depth: number): BerNode {
  const start = reader.offset;
  const { tag, contentStart, contentEnd } = skipValue(bytes, reader, depth);
  return new BerNode(
    tag,
    bytes.subarray(start, reader.offset),
    bytes.subarray(contentStart, contentEnd),
    depth,
  );
}

interface Extent {
  readonly tag: number;
  readonly contentStart: number;
  readonly contentEnd: number;
}

/** Goes behind one value. Only the indefinite form has to be descended into for that, once for each level that is asked for. */
function skipValue(bytes: Buffer, reader: ByteReader, depth: number): Extent {
  if (depth > MAX_DEPTH) throw overLimit(`nests more than ${MAX_DEPTH} values deep`);
  const tag = reader.u8();
  // X.690, 8.1.2.4: tag numbers from 31 on take more octets. No type that is read here has one.
  if ((tag & 0x1f) === 0x1f) throw damaged("has a value of a type that no signature has");
  const first = reader.u8();
  if (first !== 0x80) {
    const length = first < 0x80 ? first : longLength(reader, first & 0x7f);
    const contentStart = reader.offset;
    reader.skip(length);
    return { tag, contentStart, contentEnd: reader.offset };
  }
  // X.690, 8.1.3.2: the indefinite form is for values made of others; two zero octets end it.
  if ((tag & 0x20) === 0) throw damaged("has a plain value without a length");
  const contentStart = reader.offset;
  while (bytes[reader.offset] !== 0 || bytes[reader.offset + 1] !== 0) skipValue(bytes, reader, depth + 1);
  const contentEnd = reader.offset;
  reader.skip(2);
  return { tag, contentStart, contentEnd };
}

/** X.690, 8.1.3.5: that many octets, the first of which may be zero in BER. */
function longLength(reader: ByteReader, octets: number): number {
  if (octets > 8) throw damaged("has a length that no file can have");
  let length = 0;
  for (const octet of reader.bytes(octets)) length = length * 256 + octet;
  return length;
}
