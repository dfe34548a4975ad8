import { X509Certificate } from "node:crypto";

import type { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { certificateKey, signatureAlgorithm, verifySignature } from "./signature-algorithms.ts";

/** Each costs a check of a signature. Keys are replaced once in years. */
const MAX_NODES = 50;
const VERSION = 1;
const WHERE = "proof of rotation";

/** Who signed the app before whom: each certificate but the first was signed by the key of the one before. */
export interface Rotation {
  /** Oldest first; the last one is the signer's. */
  readonly certificates: readonly X509Certificate[];
  /** Why the chain does not hold, a sentence; null when it does. */
  readonly problem: string | null;
}

/**
 * Reads and verifies the proof-of-rotation attribute of "APK Signature Scheme v3": a version, then for each node its signed data (a
 * certificate and the algorithm that the node before signed it with), flags, the algorithm it signs the next with, and the
 * signature of the node before. Throws `UnreadableError` for one that is none.
 */
export function readRotation(reader: ByteReader): Rotation {
  if (reader.u32le() !== VERSION) {
    throw new UnreadableError("unsupported", "The proof of rotation is of a later version.", WHERE);
  }
  const certificates: X509Certificate[] = [];
  let problem: string | null = null;
  let signedWith = 0;
  while (reader.left > 0) {
    if (certificates.length === MAX_NODES) {
      throw new UnreadableError("limit", `The ${WHERE} has more than ${MAX_NODES} certificates.`, WHERE);
    }
    const node = reader.part(reader.u32le(), WHERE);
    const signed = node.part(node.u32le(), WHERE);
    const nextSignedWith = node.skip(4).u32le();
    const signature = node.bytes(node.u32le());
    const certificate = readCertificate(signed.bytes(signed.u32le()));
    const algorithmId = signed.u32le();
    const parent = certificates.at(-1);
    problem ??= parent
      ? nodeProblem(parent, signedWith, algorithmId, signed.seek(0).rest(), signature)
      : null;
    if (certificates.some(({ raw }) => raw.equals(certificate.raw)))
      problem ??= "a certificate stands in it twice";
    certificates.push(certificate);
    signedWith = nextSignedWith;
  }
  return { certificates, problem };
}

function nodeProblem(
  parent: X509Certificate,
  signedWith: number,
  algorithmId: number,
  data: Buffer,
  signature: Buffer,
): string | null {
  const algorithm = signatureAlgorithm(signedWith);
  if (!algorithm) return "a certificate in it is signed in a way that Android does not know";
  if (signedWith !== algorithmId)
    return "a certificate in it names another algorithm than the one it is signed with";
  const key = certificateKey(parent);
  return key && verifySignature(algorithm, key, data, signature)
    ? null
    : "a certificate in it is not signed by the one before";
}

function readCertificate(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new UnreadableError("damaged", `A certificate in the ${WHERE} cannot be read.`, WHERE);
  }
}
