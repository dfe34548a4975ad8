import { createHash } from "node:crypto";
import { pipeline, type Readable, Transform } from "node:stream";

import { blobErrors } from "./errors.ts";

/**
 * The whole object, hashed as it passes. The last chunk is held back until the digest is known: bytes that are not the
 * object's fail with `blob.damaged` before they are all there, so whoever receives them sees a transfer that broke off.
 */
export function provenStream(bytes: Readable, sha256: string): Readable {
  const hash = createHash("sha256");
  let held: Uint8Array | undefined;
  const proof = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      const ready = held;
      held = chunk;
      done(null, ready);
    },
    flush(done) {
      if (hash.digest("hex") === sha256) return done(null, held);
      done(
        blobErrors.error("blob.damaged", "The stored bytes no longer hash to their digest.", {
          details: { sha256 },
        }),
      );
    },
  });
  return pipeline(bytes, proof, () => {});
}
