import type { X509Certificate } from "node:crypto";

import { leadsTo, type TrustedRoots } from "../apple/apple-roots.ts";
import { certificateKind, certificateTeam } from "../apple/developer-certificate.ts";
import { certificateFacts, timeText } from "../cms/certificate-facts.ts";
import { expiryFindings } from "../cms/expiry.ts";
import { subjectName } from "../cms/subject.ts";
import { finding } from "../findings.ts";
import type { Finding, Signer } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import type { XarHeap } from "./xar-data.ts";
import type { XarHead } from "./xar-header.ts";
import { type PkgSignature, readXarSignature } from "./xar-signature.ts";
import type { XarToc } from "./xar-toc.ts";

export interface PkgSigning {
  /** `signatures`, `certificates` (the chain of the first), `signing` (what its certificate is for), `team_id`, `notarization_ticket`. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly signers: readonly Signer[];
}

export interface PkgSigningContext {
  readonly roots: TrustedRoots;
  /** The checksum that is signed is that of the table of contents. */
  readonly isTocSound: boolean;
  /** All files were read, and their checksums, which stand in the table, are right. */
  readonly isWhole: boolean;
  readonly isStapled: boolean;
  readonly nowMs: number;
  readonly findings: Finding[];
}

/** Who signed an installer package: verifies its signatures and says what is to be said about them. */
export async function readPkgSignatures(
  toc: XarToc,
  head: XarHead,
  heap: XarHeap,
  context: PkgSigningContext,
): Promise<PkgSigning> {
  const { roots, isTocSound, isStapled, findings } = context;
  const signatures: PkgSignature[] = [];
  for (const one of toc.signatures) {
    const signature = await readPart(findings, () => readXarSignature(one, head, heap, roots));
    if (signature) signatures.push(signature);
  }
  if (toc.signatures.length === 0) {
    findings.push(
      finding("validation.unsigned", "The installer package is not signed: macOS refuses to open it."),
    );
  }
  for (const { scheme, problem } of signatures) {
    if (problem !== null) {
      findings.push(finding("validation.pkg_signature_invalid", problem, { scheme }, WHERE));
    }
  }
  const signers = [...Map.groupBy(signatures, ({ chain }) => chain[0]?.fingerprint256).values()];
  const [first] = signers.map(([one]) => one!.chain);
  const isTrusted = first !== undefined && leadsTo(roots, first);
  return {
    facts: {
      signatures: signatures.map(({ scheme, problem, signedAt, stampedAt }) => ({
        scheme,
        digest: head.algorithm,
        verified: problem === null && isTocSound,
        signed_at: signedAt?.toISOString() ?? null,
        timestamp: stampedAt?.toISOString() ?? null,
      })),
      certificates: first?.map(certificateFacts) ?? [],
      signing: isTrusted ? certificateKind(first[0]!) : null,
      team_id: isTrusted ? certificateTeam(first[0]!) : null,
      notarization_ticket: isStapled ? "stapled" : "not_stapled",
    },
    signers: signers.flatMap((own) => readSigner(own, context)),
  };
}

/** The signer of signatures made with one certificate, and what is to be said about it. */
function readSigner(
  signatures: readonly PkgSignature[],
  { roots, isTocSound, isWhole, isStapled, nowMs, findings }: PkgSigningContext,
): Signer[] {
  const [chain = []] = signatures.map((one) => one.chain);
  const [certificate] = chain;
  if (certificate === undefined) return [];
  const name = subjectName(certificate);
  const isTrusted = leadsTo(roots, chain);
  if (!isTrusted) {
    const message = `The certificate of ${name} was not issued by Apple: it says nothing about who signed, and macOS refuses it.`;
    findings.push(finding("validation.signer_not_apple", message, undefined, WHERE));
  } else if (certificateKind(certificate) === "developer_id" && !isStapled) {
    const message =
      "No notarization ticket is stapled to the package: without a connection macOS refuses to open it.";
    findings.push(finding("validation.not_notarized", message));
  }
  // What was signed in time stays good, as long as somebody Apple trusts says when.
  const isStamped = signatures.some(({ stampedAt }) => stampedAt !== null && covers(certificate, stampedAt));
  if (!isStamped) findings.push(...expiryFindings(certificate, nowMs, WHERE));
  const team = isTrusted ? certificateTeam(certificate) : null;
  return [
    {
      kind: "apple_team",
      // Without Apple's word a team is a mere claim: the certificate stands for itself.
      id: team ?? certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
      name,
      lineage: [],
      verified: isTocSound && isWhole && signatures.every(({ problem }) => problem === null),
      expires_at: timeText(certificate.validToDate),
    },
  ];
}

const WHERE = "signature";

function covers({ validFromDate, validToDate }: X509Certificate, time: Date): boolean {
  return validFromDate <= time && time <= validToDate;
}
