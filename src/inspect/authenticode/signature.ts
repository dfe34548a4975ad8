import type { CmsMessage, CmsSigner } from "../cms/signed-data.ts";
import type { Timestamp } from "../cms/timestamp.ts";
import type { SpcIndirectData } from "./spc.ts";

/** One signature of the file, its own cryptography verified; whether it is this file that it signs is not yet. */
export interface Signature {
  readonly message: CmsMessage;
  readonly signer: CmsSigner;
  readonly signed: SpcIndirectData;
  readonly timestamps: readonly Timestamp[];
}
