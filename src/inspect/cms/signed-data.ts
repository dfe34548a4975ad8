import type { X509Certificate } from "node:crypto";

import { type BerNode, damaged, overLimit, readBer, tags } from "./ber.ts";
import { octetsOf, oidOf } from "./ber-values.ts";
import { CertificateSet } from "./certificates.ts";
import { type CmsSigner, type SignedContent, verifySigner } from "./signer-info.ts";

export type { CmsSigner, SignedContent } from "./signer-info.ts";

/** A program of 1 GiB with a digest for each page carries some ten MiB; everything is held in memory. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Real messages have one or two. Each costs a signature to check. */
const MAX_SIGNERS = 20;
const SIGNED_DATA = "1.2.840.113549.1.7.2";

/** A CMS SignedData (RFC 5652) or its forerunner of PKCS #7 (RFC 2315), each signer verified as far as `CmsSigner` says. */
export interface CmsMessage {
  /** The content's type as an object identifier in dotted form. */
  readonly contentType: string;
  /**
   * What is signed: the bytes of the OCTET STRING, or, where the content is of another type (Authenticode's SpcIndirectDataContent), what
   * stands inside that value, without its tag and length. Null when the message does not carry it.
   */
  readonly content: Buffer | null;
  readonly certificates: readonly X509Certificate[];
  /** How many certificates are damaged; they are not among `certificates`. */
  readonly unreadableCertificates: number;
  readonly signers: readonly CmsSigner[];
}

/**
 * Reads a signed message in DER or BER and verifies its signers. Bytes after it are left alone.
 *
 * For messages without content `detached` is that content, or gives its digest for an algorithm (as `node:crypto` names it), null
 * when it cannot. The digest is enough for signers with signed attributes; others sign the content itself.
 *
 * Throws `UnreadableError` for what is no such message; a signature that does not verify is told by the signer.
 */
export async function readSignedData(der: Uint8Array, detached?: SignedContent): Promise<CmsMessage> {
  if (der.byteLength > MAX_MESSAGE_BYTES) {
    throw overLimit(`is ${der.byteLength} bytes long; ${MAX_MESSAGE_BYTES} are read`);
  }
  // RFC 5652, 3: ContentInfo ::= SEQUENCE { contentType, content [0] EXPLICIT ANY }
  const [type, wrapped] = readBer(der).expect(tags.sequence).children();
  if (type === undefined || oidOf(type) !== SIGNED_DATA) throw damaged("is no SignedData");
  const message = wrapped?.expect(tags.context0).children()[0];
  if (message === undefined) throw damaged("is empty");
  // RFC 5652, 5.1: version, digestAlgorithms, encapContentInfo, certificates [0], crls [1], signerInfos
  const fields = message.expect(tags.sequence).children();
  const [contentType, content] = contentOf(fields[2]);
  const certificates = new CertificateSet(
    fields
      .slice(3)
      .find(({ tag }) => tag === tags.context0)
      ?.children() ?? [],
  );
  const signerNodes =
    fields
      .slice(3)
      .find(({ tag }) => tag === tags.set)
      ?.children() ?? [];
  if (signerNodes.length > MAX_SIGNERS) {
    throw overLimit(`has ${signerNodes.length} signers; ${MAX_SIGNERS} are read`);
  }
  const signers: CmsSigner[] = [];
  for (const node of signerNodes) {
    signers.push(await verifySigner(node, certificates, content ?? detached, contentType));
  }
  return {
    contentType,
    content,
    certificates: certificates.all,
    unreadableCertificates: certificates.unreadable,
    signers,
  };
}

/**
 * RFC 5652, 5.2: `eContent [0] EXPLICIT OCTET STRING OPTIONAL`. RFC 2315, 9.3: the content is of any type, and "only the contents
 * octets of the DER encoding of that field are digested, not the identifier octets or the length octets".
 */
function contentOf(node: BerNode | undefined): [contentType: string, content: Buffer | null] {
  const [type, wrapped] = node?.expect(tags.sequence).children() ?? [];
  if (type === undefined) throw damaged("does not say what it signs");
  const value = wrapped?.expect(tags.context0).children()[0];
  if (value === undefined) return [oidOf(type), null];
  const isOctets = (value.tag & ~0x20) === tags.octetString;
  return [oidOf(type), isOctets ? octetsOf(value) : value.content];
}
