import type { X509Certificate } from "node:crypto";

import { isKnownDigest } from "../cms/algorithms.ts";
import { certificateFacts } from "../cms/certificate-facts.ts";
import { isSelfIssued } from "../cms/certificates.ts";
import { readSignedData } from "../cms/signed-data.ts";
import { nameInOneLine, subjectName } from "../cms/subject.ts";
import { readTimestamps, type Timestamp } from "../cms/timestamp.ts";
import { finding } from "../findings.ts";
import type { Finding, Signer } from "../inspection.ts";
import { readPart, readSigned } from "../unreadable.ts";
import { certificateFindings } from "./certificate-findings.ts";
import { authenticodeSigner } from "./signer-id.ts";
import type { Signature } from "./signature.ts";
import { readProgramInfo, readSpcIndirectData, type SpcIndirectData } from "./spc.ts";

/** Signatures stand inside of others without end. Real files have two, one for each digest. */
const MAX_SIGNATURES = 10;
/** szOID_NESTED_SIGNATURE */
const NESTED_SIGNATURE = "1.3.6.1.4.1.311.2.4.1";
/** SPC_SP_OPUS_INFO_OBJID */
const PROGRAM_INFO = "1.3.6.1.4.1.311.2.1.12";

/** What was found out about the signatures of a file. */
export interface AuthenticodeReport {
  /** `signatures` and `certificates`. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly signers: readonly Signer[];
  readonly findings: readonly Finding[];
}

/**
 * Takes a PKCS #7 message and those nested in it apart. What cannot be read becomes a finding; a signature that is there but no
 * signature of a Windows file is an error, since Windows takes it for a broken one.
 */
export async function readSignatures(encoded: Buffer, findings: Finding[]): Promise<Signature[]> {
  const signatures: Signature[] = [];
  const waiting = [encoded];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (signatures.length === MAX_SIGNATURES) {
      findings.push(
        finding("validation.limit", `Only ${MAX_SIGNATURES} signatures are read.`, undefined, WHERE),
      );
      break;
    }
    const signature = await readSigned(findings, invalid, () => readSignature(next, findings));
    if (signature === undefined) continue;
    signatures.push(signature);
    waiting.push(...(signature.signer.unsignedAttributes.get(NESTED_SIGNATURE) ?? []));
  }
  return signatures;
}

async function readSignature(encoded: Buffer, findings: Finding[]): Promise<Signature | undefined> {
  const message = await readSignedData(encoded);
  const [signer] = message.signers;
  if (signer === undefined || message.signers.length > 1) {
    findings.push(invalid(`The signature has ${message.signers.length} signers; Windows takes one.`));
    return undefined;
  }
  if (message.unreadableCertificates > 0) {
    const text = `The signature carries damaged certificates: ${message.unreadableCertificates}.`;
    findings.push(finding("validation.damaged", text, undefined, WHERE));
  }
  const signed = readSpcIndirectData(message);
  const problems: Finding[] = [];
  const timestamps = await readPart(problems, () => readTimestamps(signer, message.certificates));
  findings.push(...problems.map((problem) => finding("validation.timestamp_invalid", problem.message)));
  return { message, signer, signed, timestamps: timestamps ?? [] };
}

/** The digests that have to be computed over the file. */
export function digestsOf(signatures: readonly Signature[]): string[] {
  return [...new Set(signatures.map(({ signed }) => signed.digestAlgorithm).filter(isKnownDigest))];
}

/** Why the file is not the one that was signed, a sentence; null when it is, undefined when that was not looked at. */
export type JudgeContent = (signed: SpcIndirectData) => string | null | undefined;

/**
 * Judges signatures by the digests that were computed over the file, for files of the kind with this object identifier. Without
 * digests nothing is known. `what` names the file: "program".
 */
export function judgeByDigest(
  kind: string,
  digests: ReadonlyMap<string, Buffer> | undefined,
  what: string,
): JudgeContent {
  return (signed) => {
    if (signed.kind !== kind) return "The signature is one for another kind of file.";
    if (digests === undefined) return undefined;
    const actual = digests.get(signed.digestAlgorithm);
    if (actual === undefined)
      return `The signature's digest algorithm ${signed.digestAlgorithm} is not known.`;
    if (actual.equals(signed.digest)) return null;
    return `The ${what} was changed after it was signed: its ${signed.digestAlgorithm} digest is ${actual.toString("hex")}, the signed one ${signed.digest.toString("hex")}.`;
  };
}

/** The report on a file that carries no signature that could be read; `findings` say so where there is one. */
export function withoutSignatures(findings: readonly Finding[], what: string): AuthenticodeReport {
  const told =
    findings.length > 0 ? findings : [finding("validation.unsigned", `Nobody has signed the ${what}.`)];
  return { facts: { signatures: [], certificates: [] }, signers: [], findings: told };
}

/** Facts, signers and findings of signatures that `readSignatures` read. */
export function reportSignatures(
  signatures: readonly Signature[],
  judge: JudgeContent,
  nowMs: number,
): AuthenticodeReport {
  const judged = signatures.map((signature) => ({ signature, content: judge(signature.signed) }));
  const signers = new Map<string, Signer>();
  for (const { signature, content } of judged) {
    const { certificate, verified } = signature.signer;
    if (certificate === null) continue;
    const one = authenticodeSigner(certificate, verified && content === null);
    // Someone who signed twice has signed when both signatures hold.
    signers.set(one.id, { ...one, verified: one.verified && signers.get(one.id)?.verified !== false });
  }
  const certificates = new Map(
    signatures
      .flatMap(({ signer }) => signer.chain)
      .map((certificate) => [certificate.fingerprint256, certificateFacts(certificate)] as const),
  );
  return {
    facts: {
      signatures: judged.map(({ signature, content }) => factsOf(signature, content)),
      certificates: [...certificates.values()],
    },
    signers: [...signers.values()],
    findings: [
      ...judged.flatMap(({ signature, content }) => contentFindings(signature, content)),
      ...signatures.flatMap(({ timestamps }) => timestamps.flatMap(timestampFindings)),
      ...certificateFindings(signatures, nowMs),
    ],
  };
}

function factsOf({ signer, signed, timestamps }: Signature, content: string | null | undefined): unknown {
  const [info] = signer.signedAttributes.get(PROGRAM_INFO) ?? [];
  const program = info === undefined ? null : programInfoOf(info);
  const top = signer.chain.at(-1);
  return {
    scheme: "authenticode",
    verified: content === undefined ? null : content === null && signer.verified,
    digest_algorithm: signed.digestAlgorithm,
    signer: signer.certificate && subjectName(signer.certificate),
    chain_top: top ? nameInOneLine(isSelfIssued(top) ? top.subject : top.issuer) : null,
    chain_top_included: top !== undefined && isSelfIssued(top),
    program_name: program?.name ?? null,
    program_url: program?.url ?? null,
    timestamps: timestamps.map(timestampFacts),
  };
}

function programInfoOf(encoded: Buffer): ReturnType<typeof readProgramInfo> | undefined {
  try {
    return readProgramInfo(encoded);
  } catch {
    // It is only for show, and the signature over it says whether it was changed.
    return undefined;
  }
}

function timestampFacts({ kind, time, verified, chain }: Timestamp): unknown {
  const [certificate] = chain;
  return {
    kind,
    time: time?.toISOString() ?? null,
    verified,
    authority: certificate ? subjectName(certificate) : null,
  };
}

function contentFindings({ signer }: Signature, content: string | null | undefined): Finding[] {
  const problem = signer.problem ?? content ?? null;
  return problem === null ? [] : [invalid(problem, signer.certificate)];
}

function timestampFindings({ problem, time }: Timestamp): Finding[] {
  if (problem === null) return [];
  const details = { time: time?.toISOString() ?? null };
  return [finding("validation.timestamp_invalid", problem, details, WHERE)];
}

/** The finding about a signature that does not hold. */
export function invalid(message: string, certificate?: X509Certificate | null): Finding {
  const details = certificate ? { signer: subjectName(certificate) } : undefined;
  return finding("validation.authenticode_invalid", message, details, WHERE);
}

const WHERE = "signature";
