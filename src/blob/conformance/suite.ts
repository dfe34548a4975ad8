import type { BlobLocation, BlobStore } from "../blob-store.ts";
import type { KeyOf } from "./blob-bytes.ts";

/** What adapters of the port promise differently. */
export interface Promises {
  /**
   * Where this upload of the object stands. With the digest alone in its name the same bytes stand once, and stand where they
   * did when they are put back; with the upload's id every upload has its own place.
   */
  readonly keyOf: KeyOf;
}

/** An adapter under test. */
export interface Suite extends Promises {
  readonly name: string;
  /** Empty, and another one for each test. */
  readonly store: BlobStore;
  /** Whether the same bytes stand once. */
  readonly isByDigest: boolean;
  /** Where nothing stands. */
  readonly absent: BlobLocation;
}
