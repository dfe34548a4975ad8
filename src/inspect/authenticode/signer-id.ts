import type { X509Certificate } from "node:crypto";

import { timeText } from "../cms/certificate-facts.ts";
import { nameInOneLine, subjectName } from "../cms/subject.ts";
import type { Signer } from "../inspection.ts";

/**
 * What pins of Windows name: subject and issuer of the certificate, each in one line with the most particular part first, as Windows
 * prints them: `CN=Acme Ltd, O=Acme Ltd, C=GB | CN=Example Code Signing CA, O=Example`. Special characters are escaped as in
 * RFC 2253, and `|` as `\7C`, so that no name can pretend to be two.
 */
export function authenticodeId({ subject, issuer }: Pick<X509Certificate, "subject" | "issuer">): string {
  return [subject, issuer].map((name) => nameInOneLine(name).replaceAll("|", "\\7C")).join(" | ");
}

/** A signer by its certificate. */
export function authenticodeSigner(certificate: X509Certificate, verified: boolean): Signer {
  return {
    kind: "authenticode",
    id: authenticodeId(certificate),
    name: subjectName(certificate),
    lineage: [],
    verified,
    expires_at: timeText(certificate.validToDate),
  };
}
