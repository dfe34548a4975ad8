import type { Finding } from "../inspection.ts";
import { type OpenPgpSignature, openPgpSignatures } from "../openpgp/openpgp-signature.ts";
import { readPart } from "../unreadable.ts";
import type { RpmHeader } from "./rpm-header.ts";
import { signatureTags } from "./rpm-tags.ts";

/** A signature has some hundred bytes. */
const MAX_SIGNATURE_BYTES = 64 * 1024;
const MAX_SIGNATURES = 20;

export interface RpmSignature {
  readonly scheme: string;
  readonly signature: OpenPgpSignature;
}

/** The signatures in the signature header. */
export async function readRpmSignatures(header: RpmHeader, findings: Finding[]): Promise<RpmSignature[]> {
  const { rsaHeader, dsaHeader, pgp, gpg, openPgp } = signatureTags;
  const packed: { readonly scheme: string; readonly data: Buffer }[] = [];
  for (const tag of [rsaHeader, dsaHeader, pgp, gpg]) {
    const data = await header.binary(tag, MAX_SIGNATURE_BYTES);
    const isOfHeader = tag === rsaHeader || tag === dsaHeader;
    if (data) packed.push({ scheme: isOfHeader ? "rpm header" : "rpm header and payload", data });
  }
  // rpm 6 keeps several there, in base64.
  for (const text of (await header.texts(openPgp)).slice(0, MAX_SIGNATURES)) {
    packed.push({ scheme: "rpm header", data: Buffer.from(text, "base64") });
  }
  const signatures: RpmSignature[] = [];
  for (const { scheme, data } of packed) {
    const found = await readPart(findings, () => openPgpSignatures(data));
    signatures.push(...(found ?? []).map((signature) => ({ scheme, signature })));
  }
  return signatures;
}
