import { createHash } from "node:crypto";

import { partBytes } from "./part-sizes.ts";

/** What S3 calls an object put at once: its MD5 in hex. An object of parts: the MD5 of their MD5s, and their count. */
export function etagOfParts(md5s: readonly string[]): string {
  const hash = createHash("md5");
  for (const md5 of md5s) hash.update(md5, "hex");
  return `${hash.digest("hex")}-${md5s.length}`;
}

/** An ETag without its quotes. */
export function plainEtag(etag: string | undefined): string | undefined {
  return etag?.replaceAll('"', "");
}

/** Hashes bytes into the ETag that they have as one body, or as parts. */
export class EtagHasher {
  readonly #inParts: boolean;
  readonly #md5s: string[] = [];
  #hash = createHash("md5");
  #partBytes = 0;

  constructor(options: { inParts: boolean }) {
    this.#inParts = options.inParts;
  }

  update(chunk: Uint8Array): void {
    let taken = 0;
    while (taken < chunk.byteLength) {
      const room = this.#inParts ? partBytes(this.#md5s.length + 1) - this.#partBytes : chunk.byteLength;
      const bytes = chunk.subarray(taken, taken + room);
      this.#hash.update(bytes);
      this.#partBytes += bytes.byteLength;
      taken += bytes.byteLength;
      if (this.#inParts && bytes.byteLength === room) this.#endPart();
    }
  }

  /** Ends the hasher. */
  etag(): string {
    if (!this.#inParts) return this.#hash.digest("hex");
    if (this.#partBytes > 0) this.#endPart();
    return etagOfParts(this.#md5s);
  }

  #endPart(): void {
    this.#md5s.push(this.#hash.digest("hex"));
    this.#hash = createHash("md5");
    this.#partBytes = 0;
  }
}
