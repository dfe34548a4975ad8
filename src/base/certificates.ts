import { X509Certificate } from "node:crypto";

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END/g;

/**
 * True when the text holds certificates as PEM, all of which can be read. TLS passes over what it cannot read, and then
 * refuses everybody without saying why.
 */
export function holdsCertificates(pem: string): boolean {
  const certificates = pem.match(CERTIFICATE) ?? [];
  return certificates.length > 0 && certificates.every((one) => isCertificate(`${one} CERTIFICATE-----`));
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem.replaceAll(/(?:TRUSTED|X509) /g, "")).subject !== undefined;
  } catch {
    return false;
  }
}
