import { UnreadableError } from "../unreadable.ts";
import { BitReader } from "./bit-reader.ts";
import { readBlock } from "./bzip2-block.ts";
import { combineCrc } from "./bzip2-crc.ts";
import { blockText } from "./bzip2-text.ts";

/**
 * The most packed bytes that a block can have: 900,001 symbols of 20 bits, selectors and codes. So many are held before a
 * block is read, unless the data end.
 */
const MAX_BLOCK_BYTES = 2.5 * 1024 * 1024;
const BLOCK_UNIT = 100_000;
/** Bits of a stream's header, and of a block's or the end's: magic number and CRC. */
const HEADER_BITS = 32;
const MARK_BITS = 80;

/**
 * The content of bzip2 data, with limits. Throws `UnreadableError`: `truncated`, `damaged` (a checksum of bzip2's own included), `limit` when
 * there is more than `limitBytes` of it.
 */
export async function bunzip2(packed: Uint8Array, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of bunzip2Chunks([packed])) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) {
      throw new UnreadableError("limit", `bzip2 data unpack to more than the ${limitBytes} bytes read.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

/**
 * The content of bzip2 data as it streams by, in chunks of at most 128 KiB; one stream after the other, as bzip2 takes them.
 * About 7 MB are held. Throws as `bunzip2` does.
 */
export async function* bunzip2Chunks(
  packed: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  const input = new PackedInput(packed);
  const whole = new Uint32Array(9 * BLOCK_UNIT);
  for (let stream = 0; ; stream += 1) {
    await input.fill();
    // What follows a stream and is none is left alone, as bzip2 does.
    if (stream > 0 && !input.has(HEADER_BITS)) return;
    const header = input.bits(HEADER_BITS);
    const level = header.read(24) === 0x425a68 ? header.read(8) - 0x30 : 0;
    if (level < 1 || level > 9) {
      if (stream > 0) return;
      throw new UnreadableError("damaged", "The data are no bzip2 stream.");
    }
    input.consumed(header);
    const text = whole.subarray(0, level * BLOCK_UNIT);
    let streamCrc = 0;
    for (;;) {
      await input.fill();
      const bits = input.bits(MARK_BITS);
      const mark = bits.read(24) * 2 ** 24 + bits.read(24);
      const crc = bits.read(16) * 2 ** 16 + bits.read(16);
      if (mark === 0x177245385090) {
        if (crc !== streamCrc) throw wrongChecksum();
        input.consumedStream(bits);
        break;
      }
      if (mark !== 0x314159265359) throw new UnreadableError("damaged", "A bzip2 block is missing.");
      const block = readBlock(bits, text);
      input.consumed(bits);
      if ((yield* blockText(text, block)) !== crc) throw wrongChecksum();
      streamCrc = combineCrc(streamCrc, crc);
    }
  }
}

function wrongChecksum(): UnreadableError {
  return new UnreadableError("damaged", "bzip2 data have another checksum than they say.");
}

/** The packed bytes from the next block on. */
class PackedInput {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);
  #atBit = 0;
  #isDone = false;

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  has(bitCount: number): boolean {
    return this.#held.length * 8 - this.#atBit >= bitCount;
  }

  /** Sees to it that a whole block is held, or all that there is. */
  async fill(): Promise<void> {
    const start = this.#atBit >>> 3;
    if (this.#isDone || this.#held.length - start >= MAX_BLOCK_BYTES) return;
    const parts = [this.#held.subarray(start)];
    let sizeBytes = parts[0]!.length;
    // Twice as much as is needed, so that what is held is not copied for each block.
    while (sizeBytes < 2 * MAX_BLOCK_BYTES) {
      const next = await this.#chunks.next();
      if (next.done === true) {
        this.#isDone = true;
        break;
      }
      parts.push(Uint8Array.from(next.value));
      sizeBytes += next.value.length;
    }
    this.#held = Buffer.concat(parts, sizeBytes);
    this.#atBit &= 7;
  }

  /** What is next; throws `UnreadableError` when there are fewer bits. */
  bits(atLeast: number): BitReader {
    if (!this.has(atLeast)) throw new UnreadableError("truncated", "The bzip2 data end before a block.");
    return new BitReader(this.#held, this.#atBit);
  }

  consumed(bits: BitReader): void {
    this.#atBit = bits.atBit;
  }

  /** A stream ends at a whole byte. */
  consumedStream(bits: BitReader): void {
    this.#atBit = Math.ceil(bits.atBit / 8) * 8;
  }
}
