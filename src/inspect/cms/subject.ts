import type { X509Certificate } from "node:crypto";

/**
 * A distinguished name in one line, the most particular part first, as Windows and RFC 4514 write it: `CN=Acme Ltd, O=Acme Ltd, C=GB`.
 * Takes what `X509Certificate` has in `subject` and `issuer`: a line for each part, special characters escaped as in RFC 2253.
 */
export function nameInOneLine(name: string | undefined): string {
  return (name ?? "").split("\n").toReversed().join(", ");
}

/** Whose certificate it is, for people: the common name, else the organisation, else the whole name. */
export function subjectName(certificate: X509Certificate): string {
  const parts = (certificate.subject ?? "").split("\n");
  for (const prefix of ["CN=", "O="]) {
    const part = parts.findLast((one) => one.startsWith(prefix));
    if (part !== undefined) return unescape(part.slice(prefix.length));
  }
  return nameInOneLine(certificate.subject);
}

/** RFC 2253, 2.4: a backslash before a special character, or before two hexadecimal digits. */
function unescape(value: string): string {
  return value.replace(/\\([0-9A-Fa-f]{2})|\\(.)/g, (_all, hex: string | undefined, character: string) =>
    hex === undefined ? character : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
