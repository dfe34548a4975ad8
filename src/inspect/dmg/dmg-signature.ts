import type { RandomAccess } from "../../base/random-access.ts";
import type { TrustedRoots } from "../apple/apple-roots.ts";
import { type CodeSigner, readCodeSigner } from "../apple/code-signer.ts";
import { readExactly } from "../bytes.ts";
import { certificateFacts, timeText } from "../cms/certificate-facts.ts";
import { expiryFindings } from "../cms/expiry.ts";
import { subjectName } from "../cms/subject.ts";
import { finding } from "../findings.ts";
import type { Finding, InspectOptions, Signer } from "../inspection.ts";
import { codeDigest, specialDigest } from "../macho/code-directory.ts";
import {
  type CodeSignature,
  MAX_SIGNATURE_BYTES,
  readCodeSignature,
  slots,
} from "../macho/code-signature.ts";
import { pageProblems, sealProblems } from "../macho/verify-code.ts";
import { readPart, UnreadableError } from "../unreadable.ts";
import type { UdifTrailer } from "./udif-trailer.ts";

/** cdRepSpecificSlot: of a disk image, its trailer. */
const TRAILER_SLOT = 6;
/** Where the trailer tells the signature's length, which nobody knows before it is made. */
const LENGTH_OFFSET = 304;
const LENGTH_BYTES = 8;
const WHERE = "disk image";

/** Who signed a disk image itself. */
export interface ImageSigning {
  /** Null when it is not signed, or the signature cannot be read. */
  readonly signature: CodeSignature | null;
  /** Null without a signature, and for one that names nobody. */
  readonly signer: CodeSigner | null;
  readonly signers: readonly Signer[];
  /** A notarization ticket, for all that is in the image, stands beside the signature. */
  readonly isStapled: boolean;
  /** JSON as facts: `image_signature`, `image_certificates`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface ImageSigningOptions extends InspectOptions {
  readonly roots: TrustedRoots;
}

/**
 * Reads the code signature of a disk image, which is one of a program with all that stands before it as a single page, and its
 * trailer as a special slot. With `verify` all of the image is read.
 */
export async function readImageSigning(
  bytes: RandomAccess,
  trailer: UdifTrailer,
  { roots, nowMs, verify }: ImageSigningOptions,
  findings: Finding[],
): Promise<ImageSigning> {
  const signature = await readPart(findings, () => readSignature(bytes, trailer));
  if (!signature) return { ...notSigned, signature: null };
  const signer = (await readPart(findings, () => readCodeSigner(signature, roots))) ?? null;
  const { offset, length: sizeBytes } = trailer.codeSignature;
  const range = { offset: 0, sizeBytes: trailer.offset, signature: { offset, sizeBytes } };
  const problems = [
    ...sealProblems(range, signature, {}),
    ...trailerProblems(trailer, signature),
    ...(signer?.problems ?? []),
    ...((verify && (await readPart(findings, () => pageProblems(bytes, range, signature, WHERE)))) || []),
  ];
  if (problems.length > 0) {
    const message = `The signature of the disk image does not hold. ${problems.join(" ")}`;
    findings.push(finding("validation.code_signature_invalid", message, { problems }, WHERE));
  }
  if (signer !== null) findings.push(...certificateFindings(signer, nowMs));
  const isSound = verify && problems.length === 0;
  const [{ identifier, flags, hash, cdhash }] = signature.directories;
  return {
    signature,
    signer,
    signers: signer === null ? [] : signersOf(signer, isSound),
    isStapled: signature.parts.has(slots.ticket),
    facts: {
      image_signature: {
        scheme: signer === null ? "code_ad_hoc" : "code",
        verified: isSound,
        identifier,
        team: signer?.team ?? null,
        flags,
        digest: hash.name,
        cdhash,
        signed_at: (signer?.stampedAt ?? signer?.signingTime)?.toISOString() ?? null,
        timestamp: signer?.stampedAt?.toISOString() ?? null,
      },
      image_certificates: signer?.chain.map(certificateFacts) ?? [],
    },
  };
}

const notSigned = {
  signer: null,
  signers: [],
  isStapled: false,
  facts: { image_signature: null, image_certificates: [] },
} as const;

async function readSignature(
  bytes: RandomAccess,
  { codeSignature }: UdifTrailer,
): Promise<CodeSignature | null> {
  const { offset, length } = codeSignature;
  if (length === 0) return null;
  if (length > MAX_SIGNATURE_BYTES) {
    const message = `The disk image has a signature of ${length} bytes; ${MAX_SIGNATURE_BYTES} are read.`;
    throw new UnreadableError("limit", message, WHERE);
  }
  const content = await readExactly(bytes, offset, length);
  return readCodeSignature(content ?? Buffer.alloc(0), WHERE);
}

function trailerProblems({ bytes }: UdifTrailer, { directories }: CodeSignature): string[] {
  const signed = Buffer.from(bytes).fill(0, LENGTH_OFFSET, LENGTH_OFFSET + LENGTH_BYTES);
  const isSound = directories.every((directory) => {
    const digest = specialDigest(directory, TRAILER_SLOT);
    return digest !== null && codeDigest(directory, signed).equals(digest);
  });
  return isSound ? [] : ["The image's trailer differs from what was signed."];
}

function certificateFindings(
  { certificate, isTrusted, kind, stampedAt }: CodeSigner,
  nowMs: number,
): Finding[] {
  if (certificate === null) return [];
  const message = `The certificate of ${subjectName(certificate)} was not issued by Apple: it says nothing about who signed, and macOS refuses it.`;
  // A Developer ID's signature outlasts its certificate when a time stamp proves that it was made before.
  const { validFromDate, validToDate } = certificate;
  const outlasts =
    kind === "developer_id" && stampedAt !== null && validFromDate <= stampedAt && stampedAt <= validToDate;
  return [
    ...(isTrusted ? [] : [finding("validation.signer_not_apple", message, undefined, WHERE)]),
    ...(outlasts ? [] : expiryFindings(certificate, nowMs, WHERE)),
  ];
}

function signersOf({ certificate, team }: CodeSigner, verified: boolean): Signer[] {
  if (certificate === null) return [];
  return [
    {
      kind: "apple_team",
      id: team ?? certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
      name: subjectName(certificate),
      lineage: [],
      verified,
      expires_at: timeText(certificate.validToDate),
    },
  ];
}
