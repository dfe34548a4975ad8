import type { Compression } from "../formats.ts";
import { UnreadableError } from "../unreadable.ts";

const GiB = 1024 ** 3;

/** What is unpacked at most: about a minute of each. */
const LIMIT_BYTES: Readonly<Record<Compression, number>> = {
  none: 64 * GiB,
  gzip: 16 * GiB,
  zstd: 16 * GiB,
  xz: 6 * GiB,
  bzip2: GiB,
};

/** A bomb unpacks to so many times its size, and to so much. Deflate packs at most 1,032 to 1, the others far more. */
const BOMB_RATIO = 200;
const BOMB_BYTES = GiB;

/** Data that unpack to so much more than their size that whoever unpacks them fills the disk. */
export class BombError extends UnreadableError {
  readonly packedBytes: number;

  constructor(packedBytes: number) {
    const least = Math.max(BOMB_BYTES, BOMB_RATIO * packedBytes);
    super("limit", `${packedBytes} bytes unpack to more than ${least}: whoever opens this fills the disk.`);
    this.name = "BombError";
    this.packedBytes = packedBytes;
  }
}

/** How much of packed data is unpacked. */
export class UnpackBudget {
  readonly #compression: Compression;
  readonly #packedBytes: number;

  constructor(compression: Compression, packedBytes: number) {
    this.#compression = compression;
    this.#packedBytes = packedBytes;
  }

  /** Throws `BombError`, or `UnreadableError` (`limit`), once too much has been unpacked. */
  check(unpackedBytes: number): void {
    if (
      this.#compression !== "none" &&
      unpackedBytes > Math.max(BOMB_BYTES, BOMB_RATIO * this.#packedBytes)
    ) {
      throw new BombError(this.#packedBytes);
    }
    const limit = LIMIT_BYTES[this.#compression];
    if (unpackedBytes <= limit) return;
    throw new UnreadableError("limit", `The archive unpacks to more than the ${limit} bytes that are read.`);
  }
}
