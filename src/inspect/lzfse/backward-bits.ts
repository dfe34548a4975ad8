/** Reads bits from the end of a buffer towards its start. Before the start all bits are zero, and `isBeyond` tells. */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  #position: number;

  /** `unused` bits at the very end are no content. */
  constructor(bytes: Uint8Array, unused: number) {
    this.#bytes = bytes;
    this.#position = bytes.length * 8 - unused;
  }

  /** True when more was read than there is. */
  get isBeyond(): boolean {
    return this.#position < 0;
  }

  /** The next bits, at most 25 of them, as a number. */
  take(count: number): number {
    this.#position -= count;
    const byte = this.#position >> 3;
    const bytes = this.#bytes;
    const word =
      (bytes[byte] ?? 0) |
      ((bytes[byte + 1] ?? 0) << 8) |
      ((bytes[byte + 2] ?? 0) << 16) |
      ((bytes[byte + 3] ?? 0) << 24);
    return (word >>> (this.#position & 7)) & ((1 << count) - 1);
  }
}
