import type { X509Certificate } from "node:crypto";

import type { Rotation } from "./rotation.ts";
import type { ContentDigest } from "./signature-algorithms.ts";

/** The schemes whose signatures stand in the signing block and cover the whole file. */
export type BlockScheme = "v2" | "v3" | "v3.1";

/** One signer of a block of scheme v2, v3 or v3.1. */
export interface SchemeSigner {
  /** The certificate first, then what else the signer put there. */
  readonly certificates: readonly X509Certificate[];
  /** The API levels it is for; all of them in v2. */
  readonly minSdk: number;
  readonly maxSdk: number;
  /** The names of the algorithms of the signatures that were verified. */
  readonly algorithms: readonly string[];
  /** The digests of the content that the signer vouches for. */
  readonly digests: readonly { readonly content: ContentDigest; readonly digest: Buffer }[];
  /** What digests Android looks at. */
  readonly decisive: readonly ContentDigest[];
  readonly rotation: Rotation | null;
  /** The scheme that has to be there too, so that nobody can strip it. */
  readonly strippingProtection: number | null;
  readonly rotationMinSdk: number | null;
  /** Why its signature over all this does not hold, a sentence; null when it does. */
  readonly problem: string | null;
}

/** The signature of one scheme that covers the whole file. */
export interface SchemeSignature {
  readonly scheme: BlockScheme;
  readonly signers: readonly SchemeSigner[];
  /** Why it does not hold, a sentence; null when nothing was found against it. */
  readonly problem: string | null;
  /** A signature of a newer scheme was there and is gone. */
  readonly isStripped: boolean;
  /** True when it holds over the whole file, null when the file was not read for that. */
  readonly verified: boolean | null;
}
