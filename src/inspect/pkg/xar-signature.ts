import { verify, X509Certificate, type KeyObject } from "node:crypto";

import { leadsTo, type TrustedRoots } from "../apple/apple-roots.ts";
import { readBer } from "../cms/ber.ts";
import { CertificateSet } from "../cms/certificates.ts";
import { readSignedData } from "../cms/signed-data.ts";
import { readTimestamps } from "../cms/timestamp.ts";
import { UnreadableError } from "../unreadable.ts";
import type { XarHeap } from "./xar-data.ts";
import { tocDigest, type XarHead } from "./xar-header.ts";
import type { XarSignature } from "./xar-toc.ts";

/** With a timestamp and four certificates some ten KiB. */
const MAX_SIGNATURE_BYTES = 1024 * 1024;

/** One signature over the table of contents. */
export interface PkgSignature {
  readonly scheme: "xar_rsa" | "xar_cms";
  /** Why it does not hold over the checksum of the table that was read, a sentence; null when it does. */
  readonly problem: string | null;
  /** The signer's certificate first, each one verified by the next; empty when there is none. */
  readonly chain: readonly X509Certificate[];
  /** What the signer says. */
  readonly signedAt: Date | null;
  /** What a timestamp of one of the roots' authorities says. */
  readonly stampedAt: Date | null;
}

/** Verifies a signature over a xar archive's table of contents. Throws `UnreadableError` for what is no signature. */
export async function readXarSignature(
  signature: XarSignature,
  head: XarHead,
  heap: XarHeap,
  roots: TrustedRoots,
): Promise<PkgSignature> {
  const { style, offset, length } = signature;
  const bytes = await heap.range(offset, length, MAX_SIGNATURE_BYTES, `${style} signature`);
  if (style === "CMS") return await readCms(bytes, head, roots);
  if (style === "RSA") return readRsa(signature, bytes, head);
  throw new UnreadableError("unsupported", `The archive has a signature of style ${style}.`, "signature");
}

/** The message is over the checksum's bytes. */
async function readCms(bytes: Buffer, head: XarHead, roots: TrustedRoots): Promise<PkgSignature> {
  const { signers, certificates } = await readSignedData(bytes, tocDigest(head) ?? Buffer.alloc(0));
  const [signer] = signers;
  if (signer === undefined)
    throw new UnreadableError("damaged", "The CMS signature has no signer.", "signature");
  const stamps = await readTimestamps(signer, certificates);
  return {
    scheme: "xar_cms",
    problem: signer.problem,
    chain: signer.chain,
    signedAt: signer.signingTime,
    stampedAt: stamps.find(({ verified, chain }) => verified && leadsTo(roots, chain))?.time ?? null,
  };
}

function readRsa({ certificates }: XarSignature, bytes: Buffer, head: XarHead): PkgSignature {
  const [own] = certificates;
  const certificate = own && parse(own);
  if (!certificate)
    throw new UnreadableError("damaged", "The RSA signature has no certificate.", "signature");
  const holds = verifyRsa(certificate, bytes, head);
  return {
    scheme: "xar_rsa",
    problem: holds ? null : "The RSA signature is not one over the table of contents.",
    chain: new CertificateSet(certificates.map((der) => readBer(der))).chainOf(certificate).links,
    signedAt: null,
    stampedAt: null,
  };
}

/**
 * The checksum itself is what is signed, as the digest of the PKCS #1 signature. A widespread signer other than Apple's makes a digest
 * of the checksum once more, and that is taken too: it covers the same.
 */
function verifyRsa(certificate: X509Certificate, signature: Buffer, head: XarHead): boolean {
  const digest = tocDigest(head);
  const key = keyOf(certificate);
  if (digest === null || head.algorithm === null || key?.asymmetricKeyType !== "rsa") return false;
  try {
    return verify(head.algorithm, head.packedToc, key, signature) || verify("sha256", digest, key, signature);
  } catch {
    // A key that node:crypto does not use.
    return false;
  }
}

function keyOf(certificate: X509Certificate): KeyObject | null {
  try {
    return certificate.publicKey;
  } catch {
    return null;
  }
}

function parse(der: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}
