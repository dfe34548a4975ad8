import { UnreadableError } from "./unreadable.ts";

/**
 * Reads numbers and bytes from a buffer one after the other. Every read beyond its end throws `UnreadableError` (`damaged`),
 * so that a length from a hostile file cannot reach outside of the part it belongs to.
 */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #where: string;
  #offset = 0;

  /** `where` names the part of the file in errors. */
  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
  }

  get offset(): number {
    return this.#offset;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Goes to a place in the buffer; its end is one. */
  seek(offset: number): this {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.#bytes.length) this.#beyond(offset, 0);
    this.#offset = offset;
    return this;
  }

  skip(length: number): this {
    this.#take(length);
    return this;
  }

  /** The next bytes, as a view. */
  bytes(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** All that is left, as a view. */
  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** A reader of the next bytes alone. */
  part(length: number, where = this.#where): ByteReader {
    return new ByteReader(this.bytes(length), where);
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u16le(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u16be(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  u32le(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  u32be(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  i32le(): number {
    return this.#bytes.readInt32LE(this.#take(4));
  }

  /** A 64-bit number that has to be exact: beyond 2^53 - 1 there is no such file. */
  u64le(): number {
    return this.#exact(this.#bytes.readBigUInt64LE(this.#take(8)));
  }

  u64be(): number {
    return this.#exact(this.#bytes.readBigUInt64BE(this.#take(8)));
  }

  #take(length: number): number {
    const start = this.#offset;
    if (!Number.isSafeInteger(length) || length < 0 || length > this.left) this.#beyond(start, length);
    this.#offset = start + length;
    return start;
  }

  #exact(value: bigint): number {
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw new UnreadableError(
      "damaged",
      `A number in the ${this.#where} is larger than any file.`,
      this.#where,
    );
  }

  #beyond(offset: number, length: number): never {
    throw new UnreadableError(
      "damaged",
      `The ${this.#where} ends at byte ${this.#bytes.length}, before what it announces (${length} bytes from ${offset}).`,
      this.#where,
    );
  }
}
