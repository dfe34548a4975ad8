import type { X509Certificate } from "node:crypto";

import { nameInOneLine } from "./subject.ts";

/** A certificate as facts show it. */
export interface CertificateFacts {
  /** In one line, see `nameInOneLine`. */
  readonly subject: string;
  readonly issuer: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** RFC 3339; null when the certificate has no such time. */
  readonly not_before: string | null;
  readonly not_after: string | null;
  /** The certificate's own SHA-256, lower-case hex. */
  readonly sha256: string;
  /** "RSA 2048", "EC prime256v1", "ED25519"; null for a key that is not known. */
  readonly key: string | null;
}

/** What there is to say about a certificate. Never throws. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    subject: nameInOneLine(certificate.subject),
    issuer: nameInOneLine(certificate.issuer),
    serial: certificate.serialNumber.toLowerCase(),
    not_before: timeText(certificate.validFromDate),
    not_after: timeText(certificate.validToDate),
    sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    key: keyText(certificate),
  };
}

/** A certificate's time in RFC 3339; null for one that is no time. */
export function timeText(time: Date): string | null {
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

function keyText(certificate: X509Certificate): string | null {
  try {
    const { asymmetricKeyType = "", asymmetricKeyDetails } = certificate.publicKey;
    const size = asymmetricKeyDetails?.modulusLength ?? asymmetricKeyDetails?.namedCurve ?? "";
    return `${asymmetricKeyType.toUpperCase()} ${size}`.trim();
  } catch {
    return null;
  }
}
