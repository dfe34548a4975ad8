import {
  type CanonicalValue,
  describeUnsupported,
  isPlainObject,
  MAX_DEPTH,
  unsupportedValue,
} from "./canonical-value.ts";

/** Longer text goes to the runtime's UTF-8 writer; below, a loop over ASCII is faster than the call. */
const SHORT_TEXT_LENGTH = 40;
const INITIAL_CAPACITY_BYTES = 512;
const TWO_POW_32 = 0x1_0000_0000;

const MAJOR_UNSIGNED = 0x00;
const MAJOR_NEGATIVE = 0x20;
const MAJOR_BYTES = 0x40;
const MAJOR_TEXT = 0x60;
const MAJOR_ARRAY = 0x80;
const MAJOR_MAP = 0xa0;

/**
 * The one byte sequence of a value: RFC 8949 section 4.2.1, with the number rules of `docs/formats/encoding.md`.
 * The result shares no memory with the value.
 *
 * @throws `encoding.unsupported_value` for anything outside `CanonicalValue` or its rules: NaN, infinities, integers
 * beyond ±(2^53−1), lone surrogates, undefined, bigints, functions, symbols, non-plain objects, nesting past `MAX_DEPTH`.
 */
export function encodeCanonical(value: CanonicalValue): Uint8Array {
  const writer = new Writer();
  writer.item(value, 0);
  return writer.finish();
}

class Writer {
  private bytes: Buffer = Buffer.allocUnsafe(INITIAL_CAPACITY_BYTES);
  private length = 0;
  /** The steps to the value at hand. Only the first `depth` entries are current. */
  private readonly path: (string | number)[] = [];

  finish(): Uint8Array {
    return new Uint8Array(this.bytes.subarray(0, this.length));
  }

  /** `depth` is the number of containers around the value. The parameter is unknown: callers may have cast. */
  item(value: unknown, depth: number): void {
    if (typeof value === "string") return this.text(value, depth);
    if (typeof value === "number") return this.number(value, depth);
    if (value === null) return this.simple(0xf6);
    if (value === true) return this.simple(0xf5);
    if (value === false) return this.simple(0xf4);
    if (typeof value !== "object") throw this.refusal(depth, describeUnsupported(value));
    if (value instanceof Uint8Array) return this.byteString(value);
    if (depth >= MAX_DEPTH) throw this.refusal(depth, `is nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) return this.array(value, depth);
    if (!isPlainObject(value)) throw this.refusal(depth, describeUnsupported(value));
    this.map(value as Record<string, unknown>, depth);
  }

  private array(values: readonly unknown[], depth: number): void {
    this.head(MAJOR_ARRAY, values.length);
    // By index: a hole in a sparse array must be seen, and refused, as undefined.
    for (let index = 0; index < values.length; index++) {
      this.path[depth] = index;
      this.item(values[index], depth + 1);
    }
  }

  private map(entries: Record<string, unknown>, depth: number): void {
    if (Object.getOwnPropertySymbols(entries).length > 0) throw this.refusal(depth, "has a symbol as a key");
    const keys = Object.keys(entries);
    this.head(MAJOR_MAP, keys.length);
    // "The keys in every map MUST be sorted in the bytewise lexicographic order of their deterministic encodings."
    keys.sort(compareKeys);
    for (const key of keys) {
      this.path[depth] = key;
      this.text(key, depth + 1);
      this.item(entries[key], depth + 1);
    }
  }

  private number(value: number, depth: number): void {
    if (Number.isInteger(value)) {
      if (!Number.isSafeInteger(value)) throw this.refusal(depth, "is an integer beyond ±(2^53−1)");
      if (value >= 0) this.head(MAJOR_UNSIGNED, value);
      else this.head(MAJOR_NEGATIVE, -1 - value);
      return;
    }
    if (!Number.isFinite(value)) throw this.refusal(depth, `is ${value}`);
    this.float(value);
  }

  /** "Floating-point values also MUST use the shortest form that preserves the value." */
  private float(value: number): void {
    this.reserve(9);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.length);
    if (Math.f16round(value) === value) {
      view.setUint8(0, 0xf9);
      view.setFloat16(1, value);
      this.length += 3;
    } else if (Math.fround(value) === value) {
      view.setUint8(0, 0xfa);
      view.setFloat32(1, value);
      this.length += 5;
    } else {
      view.setUint8(0, 0xfb);
      view.setFloat64(1, value);
      this.length += 9;
    }
  }

  private text(value: string, depth: number): void {
    if (value.length < SHORT_TEXT_LENGTH && this.shortAscii(value)) return;
    // The runtime's writer would put U+FFFD where a lone surrogate stands, so that two values had the same bytes.
    if (!value.isWellFormed()) throw this.refusal(depth, "is text with a lone surrogate");
    const sizeBytes = Buffer.byteLength(value);
    this.head(MAJOR_TEXT, sizeBytes);
    this.reserve(sizeBytes);
    this.bytes.write(value, this.length, sizeBytes, "utf8");
    this.length += sizeBytes;
  }

  /** Writes text that is ASCII throughout; otherwise writes nothing and says false. */
  private shortAscii(value: string): boolean {
    const start = this.length;
    this.head(MAJOR_TEXT, value.length);
    this.reserve(value.length);
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) {
        this.length = start;
        return false;
      }
      this.bytes[this.length++] = unit;
    }
    return true;
  }

  private byteString(value: Uint8Array): void {
    this.head(MAJOR_BYTES, value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  private simple(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  /** The initial byte and argument: "The preferred serialization always uses the shortest form of representing the argument". */
  private head(major: number, argument: number): void {
    this.reserve(9);
    if (argument < 24) {
      this.bytes[this.length++] = major | argument;
    } else if (argument < 0x100) {
      this.bytes[this.length++] = major | 24;
      this.bytes[this.length++] = argument;
    } else if (argument < 0x1_0000) {
      this.bytes[this.length++] = major | 25;
      this.length = this.bytes.writeUInt16BE(argument, this.length);
    } else if (argument < TWO_POW_32) {
      this.bytes[this.length++] = major | 26;
      this.length = this.bytes.writeUInt32BE(argument, this.length);
    } else {
      this.bytes[this.length++] = major | 27;
      this.length = this.bytes.writeUInt32BE(Math.floor(argument / TWO_POW_32), this.length);
      this.length = this.bytes.writeUInt32BE(argument % TWO_POW_32, this.length);
    }
  }

  private reserve(sizeBytes: number): void {
    if (this.length + sizeBytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + sizeBytes));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  private refusal(depth: number, why: string): Error {
    return unsupportedValue(this.path.slice(0, depth), why);
  }
}

/**
 * The order of two keys' encodings, without encoding them: the head makes the shorter UTF-8 first, and UTF-8 sorts as
 * code points do.
 */
function compareKeys(left: string, right: string): number {
  const byLength = Buffer.byteLength(left) - Buffer.byteLength(right);
  if (byLength !== 0) return byLength;
  for (let index = 0; index < left.length; index++) {
    const leftUnit = left.charCodeAt(index);
    const rightUnit = right.charCodeAt(index);
    if (leftUnit !== rightUnit) return codePointRank(leftUnit) - codePointRank(rightUnit);
  }
  return 0;
}

/** UTF-16 puts surrogates (code points from U+10000) below U+E000 to U+FFFF; code point order puts them above. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
