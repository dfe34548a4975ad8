import type { X509Certificate } from "node:crypto";

import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { timeText } from "./certificate-facts.ts";
import { subjectName } from "./subject.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long before its end a certificate is warned of. */
const EXPIRING_MS = 30 * DAY_MS;

/** What is to be said about the time that a certificate is good for, as seen at `nowMs`. `where` names it: "signature". */
export function expiryFindings(certificate: X509Certificate, nowMs: number, where?: string): Finding[] {
  const notBefore = timeText(certificate.validFromDate);
  const notAfter = timeText(certificate.validToDate);
  const details = { subject: subjectName(certificate), not_before: notBefore, not_after: notAfter };
  if (notAfter !== null && Date.parse(notAfter) < nowMs) {
    const message = `The certificate of ${details.subject} expired on ${notAfter.slice(0, 10)}.`;
    return [finding("validation.certificate_expired", message, details, where)];
  }
  if (notBefore !== null && Date.parse(notBefore) > nowMs) {
    const message = `The certificate of ${details.subject} is not valid before ${notBefore.slice(0, 10)}.`;
    return [finding("validation.certificate_not_yet_valid", message, details, where)];
  }
  if (notAfter !== null && Date.parse(notAfter) < nowMs + EXPIRING_MS) {
    const message = `The certificate of ${details.subject} expires on ${notAfter.slice(0, 10)}.`;
    return [finding("validation.certificate_expiring", message, details, where)];
  }
  return [];
}
