import { hash } from "node:crypto";

const PAGE_BYTES = 4096;
const DIGEST_BYTES = 32;
/** Android digests each page with eight zero bytes before it. */
const SALT = Buffer.alloc(8);

/**
 * The digest of content as fs-verity has it, SHA-256 in pages of 4 KiB: pages of digests of pages, until all fits one page. The signed value
 * is the digest of that and the length of the content, in eight bytes.
 *
 * A digest stands for 128 pages of the level below: for 4 GiB of content, 34 MB are held.
 */
export class VerityTree {
  readonly #leaves: Buffer[] = [];
  #rest = Buffer.alloc(0);
  #sizeBytes = 0;

  update(bytes: Buffer): void {
    this.#sizeBytes += bytes.length;
    let offset = 0;
    if (this.#rest.length > 0) {
      offset = Math.min(PAGE_BYTES - this.#rest.length, bytes.length);
      this.#rest = Buffer.concat([this.#rest, bytes.subarray(0, offset)]);
      if (this.#rest.length < PAGE_BYTES) return;
      this.#leaves.push(pageDigests(this.#rest));
    }
    const whole = offset + Math.floor((bytes.length - offset) / PAGE_BYTES) * PAGE_BYTES;
    if (whole > offset) this.#leaves.push(pageDigests(bytes.subarray(offset, whole)));
    this.#rest = Buffer.from(bytes.subarray(whole));
  }

  /** The sections of a file follow one another without a gap. */
  endSection(): void {}

  digest(): Buffer {
    if (this.#rest.length > 0) this.#leaves.push(pageDigests(padded(this.#rest)));
    let level: Buffer = Buffer.concat(this.#leaves);
    while (level.length > PAGE_BYTES) level = pageDigests(padded(level));
    const root = pageDigests(padded(level));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(this.#sizeBytes));
    return Buffer.concat([root, length]);
  }
}

function pageDigests(pages: Buffer): Buffer {
  const digests = Buffer.alloc((pages.length / PAGE_BYTES) * DIGEST_BYTES);
  const salted = Buffer.concat([SALT, Buffer.alloc(PAGE_BYTES)]);
  for (let page = 0; page * PAGE_BYTES < pages.length; page += 1) {
    pages.copy(salted, SALT.length, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    hash("sha256", salted, "buffer").copy(digests, page * DIGEST_BYTES);
  }
  return digests;
}

function padded(bytes: Buffer): Buffer {
  const size = Math.max(1, Math.ceil(bytes.length / PAGE_BYTES)) * PAGE_BYTES;
  return Buffer.concat([bytes], size);
}
