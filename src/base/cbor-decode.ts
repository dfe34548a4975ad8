import { isUtf8 } from "node:buffer";
import { type CanonicalValue, MAX_DEPTH, setOwn } from "./canonical-value.ts";
import { baseErrors } from "./encoding-errors.ts";

/** Longer text goes to the runtime's UTF-8 reader; below, a loop over ASCII is faster than the call. */
const SHORT_TEXT_BYTES = 32;
const TWO_POW_32 = 0x1_0000_0000;

/** The smallest argument that needs 1, 2, 4 and 8 bytes after the initial byte. */
const SMALLEST_ARGUMENT = [24, 0x100, 0x1_0000, TWO_POW_32] as const;

/**
 * The inverse of `encodeCanonical`: accepts exactly the bytes it writes, so `encodeCanonical(decodeCanonical(b))` is `b`.
 * Byte strings are copies. Objects are plain; a key `__proto__` is an own key like any other.
 *
 * @throws `encoding.not_canonical` for everything else: other forms of the same value (longer heads or floats, other key
 * order, indefinite lengths), tags, simple values but false, true and null, NaN and infinities, integers beyond ±(2^53−1),
 * keys that are not text or stand twice, invalid UTF-8, nesting past `MAX_DEPTH`, bytes missing or left over.
 */
export function decodeCanonical(bytes: Uint8Array): CanonicalValue {
  const reader = new Reader(bytes);
  const value = reader.item(0);
  reader.end();
  return value;
}

class Reader {
  private readonly bytes: Buffer;
  private offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    if (this.offset !== this.bytes.length) throw this.refusal("Bytes follow the value");
  }

  /** `depth` is the number of containers around the value. */
  item(depth: number): CanonicalValue {
    const initial = this.byte();
    const info = initial & 0x1f;
    switch (initial >> 5) {
      case 0:
        return this.argument(info);
      case 1:
        return this.negative(info);
      case 2:
        return this.byteString(info);
      case 3:
        return this.text(info);
      case 4:
        return this.array(info, depth);
      case 5:
        return this.map(info, depth);
      case 6:
        throw this.refusal("Tags are not allowed");
      default:
        return this.simpleOrFloat(info);
    }
  }

  private negative(info: number): number {
    const value = -1 - this.argument(info);
    if (!Number.isSafeInteger(value)) throw this.refusal("An integer is beyond −(2^53−1)");
    return value;
  }

  private byteString(info: number): Uint8Array {
    const end = this.endOfString(info);
    const value = new Uint8Array(this.bytes.subarray(this.offset, end));
    this.offset = end;
    return value;
  }

  private text(info: number): string {
    const end = this.endOfString(info);
    const value = this.shortAscii(end) ?? this.utf8(end);
    this.offset = end;
    return value;
  }

  private shortAscii(end: number): string | undefined {
    if (end - this.offset > SHORT_TEXT_BYTES) return undefined;
    let text = "";
    for (let index = this.offset; index < end; index++) {
      const byte = this.bytes[index] as number;
      if (byte > 0x7f) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  private utf8(end: number): string {
    // Reading invalid UTF-8 would put U+FFFD in its place, so that two byte sequences had the same value.
    if (!isUtf8(this.bytes.subarray(this.offset, end))) throw this.refusal("Text is not valid UTF-8");
    return this.bytes.toString("utf8", this.offset, end);
  }

  private array(info: number, depth: number): CanonicalValue[] {
    const count = this.count(info, depth);
    const values: CanonicalValue[] = [];
    for (let index = 0; index < count; index++) values.push(this.item(depth + 1));
    return values;
  }

  private map(info: number, depth: number): Record<string, CanonicalValue> {
    const count = this.count(info, depth);
    const entries: Record<string, CanonicalValue> = {};
    let previousStart = 0;
    let previousEnd = 0;
    for (let index = 0; index < count; index++) {
      const start = this.offset;
      const initial = this.byte();
      if (initial >> 5 !== 3) throw this.refusal("A key is not text");
      const key = this.text(initial & 0x1f);
      if (index > 0 && !this.ascends(previousStart, previousEnd, start, this.offset)) {
        throw this.refusal("A key is out of order or stands twice");
      }
      previousStart = start;
      previousEnd = this.offset;
      setOwn(entries, key, this.item(depth + 1));
    }
    return entries;
  }

  /** True where the first range of bytes sorts strictly before the second. */
  private ascends(leftStart: number, leftEnd: number, rightStart: number, rightEnd: number): boolean {
    const length = Math.min(leftEnd - leftStart, rightEnd - rightStart);
    for (let index = 0; index < length; index++) {
      const left = this.bytes[leftStart + index] as number;
      const right = this.bytes[rightStart + index] as number;
      if (left !== right) return left < right;
    }
    // Heads carry lengths, so no encoding is the start of another: the two are equal.
    return false;
  }

  private simpleOrFloat(info: number): CanonicalValue {
    if (info === 20) return false;
    if (info === 21) return true;
    if (info === 22) return null;
    if (info === 25) return this.float(this.bytesOfFloat(2).getFloat16(0), () => true);
    if (info === 26)
      return this.float(this.bytesOfFloat(4).getFloat32(0), (value) => Math.f16round(value) !== value);
    if (info === 27)
      return this.float(this.bytesOfFloat(8).getFloat64(0), (value) => Math.fround(value) !== value);
    throw this.refusal("Of simple values only false, true and null are allowed");
  }

  private bytesOfFloat(sizeBytes: number): DataView {
    this.need(sizeBytes);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.offset, sizeBytes);
    this.offset += sizeBytes;
    return view;
  }

  private float(value: number, isShortest: (value: number) => boolean): number {
    if (!Number.isFinite(value)) throw this.refusal("NaN and infinities are not allowed");
    // Covers −0, and integral values too large to be written at all.
    if (Number.isInteger(value)) throw this.refusal("An integral number is written as a float");
    if (!isShortest(value)) throw this.refusal("A float is not in its shortest form");
    return value;
  }

  /** The number of items in a container. A false count ends where the bytes do: nothing is allocated by it. */
  private count(info: number, depth: number): number {
    if (depth >= MAX_DEPTH) throw this.refusal(`Nesting is deeper than ${MAX_DEPTH} levels`);
    return this.argument(info);
  }

  private endOfString(info: number): number {
    const sizeBytes = this.argument(info);
    this.need(sizeBytes);
    return this.offset + sizeBytes;
  }

  private argument(info: number): number {
    if (info < 24) return info;
    if (info > 27) throw this.refusal("Indefinite lengths and reserved forms are not allowed");
    const width = info - 24;
    const sizeBytes = 1 << width;
    this.need(sizeBytes);
    const high = width === 3 ? this.bytes.readUInt32BE(this.offset) * TWO_POW_32 : 0;
    const lowBytes = width === 3 ? 4 : sizeBytes;
    const argument = high + this.bytes.readUIntBE(this.offset + sizeBytes - lowBytes, lowBytes);
    if (argument < (SMALLEST_ARGUMENT[width] as number))
      throw this.refusal("A head is longer than it need be");
    if (argument > Number.MAX_SAFE_INTEGER) throw this.refusal("An integer is beyond 2^53−1");
    this.offset += sizeBytes;
    return argument;
  }

  private byte(): number {
    this.need(1);
    return this.bytes[this.offset++] as number;
  }

  private need(sizeBytes: number): void {
    if (sizeBytes > this.bytes.length - this.offset) throw this.refusal("Bytes are missing");
  }

  private refusal(why: string): Error {
    return baseErrors.error("encoding.not_canonical", `${why} (at byte ${this.offset}).`, {
      details: { offset: this.offset, sizeBytes: this.bytes.length },
    });
  }
}
