import type { X509Certificate } from "node:crypto";

import { readBer, tags } from "../cms/ber.ts";
import { oidOf } from "../cms/ber-values.ts";
import { UnreadableError } from "../unreadable.ts";

/**
 * What Apple issued a certificate for. `distribution` is for the App Store, ad hoc and enterprise alike: the profile tells which.
 * `store` is Apple's own, with which it signs what its stores deliver.
 */
export type CertificateKind = "store" | "developer_id" | "distribution" | "development";

/**
 * Extensions by which Apple marks its certificates (1.2.840.113635.100.6.1.…), in "Worldwide Developer Relations Certification
 * Practice Statement" and "Developer ID Certification Practice Statement". One certificate may be for both phones and computers.
 */
const kinds: ReadonlyArray<readonly [oid: string, kind: CertificateKind]> = [
  ["1.2.840.113635.100.6.1.3", "store"],
  ["1.2.840.113635.100.6.1.9", "store"],
  ["1.2.840.113635.100.6.1.13", "developer_id"],
  ["1.2.840.113635.100.6.1.14", "developer_id"],
  ["1.2.840.113635.100.6.1.4", "distribution"],
  ["1.2.840.113635.100.6.1.7", "distribution"],
  ["1.2.840.113635.100.6.1.8", "distribution"],
  ["1.2.840.113635.100.6.1.2", "development"],
  ["1.2.840.113635.100.6.1.12", "development"],
];

/** What a certificate is for; null when it bears none of Apple's marks. */
export function certificateKind(certificate: X509Certificate): CertificateKind | null {
  const oids = extensionOids(certificate);
  return kinds.find(([oid]) => oids.has(oid))?.[1] ?? null;
}

/** The team that Apple names in a developer's certificate: its organizational unit; null when it has none. */
export function certificateTeam(certificate: X509Certificate): string | null {
  const part = certificate.subject?.split("\n").find((one) => one.startsWith("OU="));
  return part === undefined ? null : part.slice("OU=".length);
}

/** RFC 5280, 4.1: extensions are `[3] EXPLICIT SEQUENCE OF SEQUENCE { extnID, … }` at the end of what is signed. */
function extensionOids(certificate: X509Certificate): Set<string> {
  try {
    const fields = readBer(certificate.raw).expect(tags.sequence).children()[0]?.children() ?? [];
    const extensions =
      fields
        .find(({ tag }) => tag === 0xa3)
        ?.children()[0]
        ?.children() ?? [];
    return new Set(extensions.flatMap((extension) => extension.children().slice(0, 1).map(oidOf)));
  } catch (error) {
    if (error instanceof UnreadableError) return new Set();
    throw error;
  }
}
