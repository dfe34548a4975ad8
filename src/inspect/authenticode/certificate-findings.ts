import type { X509Certificate } from "node:crypto";

import { isSelfIssued } from "../cms/certificates.ts";
import { expiryFindings } from "../cms/expiry.ts";
import { subjectName } from "../cms/subject.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import type { Signature } from "./signature.ts";

/** id-kp-codeSigning */
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const weakDigests: ReadonlySet<string> = new Set(["md5", "sha1"]);

/** What Windows, or whoever installs, will hold against signatures that are otherwise sound. */
export function certificateFindings(signatures: readonly Signature[], nowMs: number): Finding[] {
  if (signatures.length === 0) return [];
  return [
    ...bySigner(signatures).flatMap((one) => timeFindings(one, nowMs)),
    ...purposes(signatures),
    ...weakness(signatures),
  ];
}

/** One signature for each certificate: the one with a timestamp when there is one. */
function bySigner(signatures: readonly Signature[]): Signature[] {
  const found = new Map<string, Signature>();
  for (const signature of signatures) {
    const key = signature.signer.certificate?.fingerprint256;
    if (key === undefined) continue;
    if (!found.has(key) || stampedTime(signature) !== undefined) found.set(key, signature);
  }
  return [...found.values()];
}

function stampedTime({ timestamps }: Signature): Date | undefined {
  return timestamps.find(({ verified }) => verified)?.time ?? undefined;
}

/** A signature with a timestamp from while its certificate was good is good for ever; one without ends with its certificate. */
function timeFindings(signature: Signature, nowMs: number): Finding[] {
  const certificate = signature.signer.certificate!;
  const time = stampedTime(signature);
  if (time === undefined) {
    const message = `The signature has no timestamp: Windows takes it until the certificate of ${subjectName(certificate)} ends, ${endOf(certificate)}.`;
    return [
      finding("validation.timestamp_missing", message, undefined, WHERE),
      ...expiryFindings(certificate, nowMs, WHERE),
    ];
  }
  return expiryFindings(certificate, time.getTime(), WHERE).filter(
    ({ code }) => code !== "validation.certificate_expiring",
  );
}

function endOf({ validTo }: X509Certificate): string {
  return `on ${validTo}`;
}

function purposes(signatures: readonly Signature[]): Finding[] {
  const certificates = new Map(
    signatures
      .flatMap(({ signer }) => signer.certificate ?? [])
      .map((one) => [one.fingerprint256, one] as const),
  );
  return [...certificates.values()].flatMap((certificate) => [
    ...(certificate.keyUsage === undefined || certificate.keyUsage.includes(CODE_SIGNING)
      ? []
      : [
          finding(
            "validation.certificate_purpose",
            `The certificate of ${subjectName(certificate)} is not for signing code; Windows does not take it.`,
            undefined,
            WHERE,
          ),
        ]),
    ...(isSelfIssued(certificate)
      ? [
          finding(
            "validation.certificate_self_signed",
            `The certificate of ${subjectName(certificate)} is signed by itself; Windows takes it only where it was installed by hand.`,
            undefined,
            WHERE,
          ),
        ]
      : []),
  ]);
}

function weakness(signatures: readonly Signature[]): Finding[] {
  const digests = signatures.map(({ signed }) => signed.digestAlgorithm);
  if (digests.some((digest) => !weakDigests.has(digest))) return [];
  const message = `The file is signed with ${digests.join(", ")} only: files can be made to have the same, and Windows has not taken it for downloads since 2016.`;
  return [finding("validation.authenticode_weak_digest", message, { digest_algorithms: digests }, WHERE)];
}

const WHERE = "signature";
