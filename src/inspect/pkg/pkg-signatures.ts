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
  /** `signatures`, `certificates`, `signing_kind`, `team_id`, `notarization`. */
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
    findings.push(finding("validation.unsigned", "The installer package is not signed: macOS refuses to open it."));
  }
  for (const { scheme, problem } of signatures) {
    if (problem !== null) {
      findings.push(finding("validation.pkg_signature_invalid", problem, { scheme }, "signature"));
    }
  }
  const byCertificate = Map.groupBy(signatures, ({ chain }) => chain[0]?.fingerprint256);
  const signers = [...byCertificate.values()].map((own) => readSigner(own, context));
  const [first] = signers;
  return {
    facts: {
      signatures: signatures.map(({ scheme, problem, stampedAt }) => ({
        scheme,
        digest: head.algorithm,
        verified: problem === null && isTocSound,
        timestamp: stampedAt?.toISOString() ?? null,
      })),
      certificates: [...byCertificate.values()].flatMap(([one]) => one!.chain.slice(0, 1).map(certificateFacts)),
      signing_kind: first?.kind ?? null,
      team_id: first?.signer?.id ?? null,
      notarization_ticket: isStapled,
    },
    signers: signers.flatMap(({ signer }) => signer ?? []),
  };
}
