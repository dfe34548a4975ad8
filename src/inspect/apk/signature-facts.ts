import type { X509Certificate } from "node:crypto";

import { certificateFacts, timeText } from "../cms/certificate-facts.ts";
import { expiryFindings } from "../cms/expiry.ts";
import { subjectName } from "../cms/subject.ts";
import type { Finding, Signer } from "../inspection.ts";
import type { ApkSignature, ApkSigner } from "./apk-signature.ts";

const MAX_CERTIFICATES = 10;

export interface Signed {
  readonly signatures: readonly ApkSignature[];
  readonly signers: readonly ApkSigner[];
  readonly verified: boolean;
}

/** The certificate's SHA-256 in hex, by which Android and pins know a signer. */
export function certificateId(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(":", "").toLowerCase();
}

export function signatureFacts({ signatures, signers }: Signed): Record<string, unknown> {
  const certificates = new Map(
    [...signers, ...signatures.flatMap((one) => one.signers)].map(
      ({ certificate }) => [certificateId(certificate), certificate] as const,
    ),
  );
  return {
    signatures: signatures.map((one) => ({
      scheme: one.scheme,
      verified: one.verified,
      algorithms: one.algorithms,
      digests: one.digests,
      signers: one.signers.map(({ certificate }) => certificateId(certificate)),
    })),
    certificates: [...certificates.values()].slice(0, MAX_CERTIFICATES).map(certificateFacts),
  };
}

export function signersOf({ signers, verified }: Signed): Signer[] {
  return signers.map(({ certificate, rotation }) => ({
    kind: "android_certificate",
    id: certificateId(certificate),
    name: subjectName(certificate),
    // What is not proven is no history.
    lineage: rotation && verified ? rotation.certificates.slice(0, -1).map(certificateId) : [],
    verified,
    expires_at: timeText(certificate.validToDate),
  }));
}

export function signerFindings({ signers }: Signed, nowMs: number): Finding[] {
  return signers.flatMap(({ certificate }) => expiryFindings(certificate, nowMs, "signature"));
}
