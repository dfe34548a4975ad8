import { constants, createHash, type KeyObject, verify, type X509Certificate } from "node:crypto";

import { digestOf, isKnownDigest, type SignatureAlgorithm, signatureOf } from "./algorithms.ts";
import { type BerNode, damaged, encodeDer, readBer, tags } from "./ber.ts";
import { octetsOf, oidOf, timeOf } from "./ber-values.ts";
import type { CertificateSet, SignerName } from "./certificates.ts";

/** What a signer signs: the content, or what gives its digest (null when it cannot). */
export type SignedContent = Uint8Array | ((digestAlgorithm: string) => Promise<Buffer | null>);

/** One signer of a CMS SignedData (RFC 5652, 5.3). */
export interface CmsSigner {
  /** Null when the message carries none that fits, or a damaged one. */
  readonly certificate: X509Certificate | null;
  /** The certificate first, then issuers found in the message, each one's signature verified by the next. Whether the last is to be trusted is not judged. */
  readonly chain: readonly X509Certificate[];
  /** As `node:crypto` names it: "sha256"; an object identifier for one that is not known. */
  readonly digestAlgorithm: string;
  /** The signature over the signed attributes (or the content) was verified with the certificate's key, and the attributes name the content's digest. */
  readonly verified: boolean;
  /** Why not, a sentence; null when verified. */
  readonly problem: string | null;
  /** What the signer says; a timestamp proves it. */
  readonly signingTime: Date | null;
  /** The signature's own bytes, which timestamps are made over. */
  readonly signature: Buffer;
  /** The values of each attribute, encoded, by object identifier in dotted form. */
  readonly signedAttributes: ReadonlyMap<string, readonly Buffer[]>;
  readonly unsignedAttributes: ReadonlyMap<string, readonly Buffer[]>;
}

const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_TIME = "1.2.840.113549.1.9.5";

/**
 * Reads and verifies one SignerInfo. `contentType` is what its attribute has to name; null where the kind of signature sets none
 * (RFC 5652, 11.4: a countersignature has no such attribute). Throws `UnreadableError` for what is no SignerInfo.
 */
export async function verifySigner(
  node: BerNode,
  certificates: CertificateSet,
  content: SignedContent | undefined,
  contentType: string | null,
): Promise<CmsSigner> {
  const info = readSignerInfo(node);
  const certificate = certificates.find(info.name);
  const problem = await findProblem(info, certificate, content, contentType);
  return {
    certificate: certificate ?? null,
    chain: certificate ? certificates.chainOf(certificate) : [],
    digestAlgorithm: info.digestAlgorithm,
    verified: problem === null,
    problem,
    signingTime: signingTimeOf(info),
    signature: info.signature,
    signedAttributes: info.signedAttributes,
    unsignedAttributes: info.unsignedAttributes,
  };
}

interface SignerInfo {
  readonly name: SignerName;
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: SignatureAlgorithm | string;
  readonly signature: Buffer;
  /** What the signature is over; null when that is the content. */
  readonly signedBytes: Buffer | null;
  readonly signedAttributes: ReadonlyMap<string, readonly Buffer[]>;
  readonly unsignedAttributes: ReadonlyMap<string, readonly Buffer[]>;
}

/** RFC 5652, 5.3: version, sid, digestAlgorithm, signedAttrs [0], signatureAlgorithm, signature, unsignedAttrs [1]. */
function readSignerInfo(node: BerNode): SignerInfo {
  const [, sid, digestAlgorithm, ...rest] = node.expect(tags.sequence).children();
  const attributes = rest[0]?.tag === tags.context0 ? rest.shift() : undefined;
  const [signatureAlgorithm, signature, unsigned] = rest;
  if (sid === undefined || digestAlgorithm === undefined) throw damaged("has a signer without a name");
  if (signatureAlgorithm === undefined || signature === undefined)
    throw damaged("has a signer who did not sign");
  return {
    name: nameOf(sid),
    digestAlgorithm: digestOf(digestAlgorithm),
    signatureAlgorithm: signatureOf(signatureAlgorithm),
    signature: octetsOf(signature),
    // "a separate encoding of the signedAttrs field is performed for message digest calculation": as a SET, not as [0].
    signedBytes: attributes ? encodeDer(tags.set, attributes.content) : null,
    signedAttributes: attributesOf(attributes),
    unsignedAttributes: attributesOf(unsigned?.tag === tags.context1 ? unsigned : undefined),
  };
}

/** RFC 5652, 5.3: `IssuerAndSerialNumber` or `[0] SubjectKeyIdentifier`. */
function nameOf(sid: BerNode): SignerName {
  if (sid.tag !== tags.sequence) return { subjectKeyId: octetsOf(sid, tags.primitive0) };
  const [issuer, serial] = sid.children();
  if (issuer === undefined || serial === undefined) throw damaged("has a signer without a name");
  return { issuer: issuer.encoded, serial: serial.expect(tags.integer).content };
}

/** RFC 5652, 5.3: `Attribute ::= SEQUENCE { attrType OBJECT IDENTIFIER, attrValues SET OF AttributeValue }`. */
function attributesOf(node: BerNode | undefined): Map<string, Buffer[]> {
  const attributes = new Map<string, Buffer[]>();
  for (const attribute of node?.children() ?? []) {
    const [type, values] = attribute.expect(tags.sequence).children();
    if (type === undefined || values === undefined) throw damaged("has an attribute without a value");
    const oid = oidOf(type);
    const encoded = values
      .expect(tags.set)
      .children()
      .map((value) => value.encoded);
    attributes.set(oid, [...(attributes.get(oid) ?? []), ...encoded]);
  }
  return attributes;
}

function signingTimeOf({ signedAttributes }: SignerInfo): Date | null {
  const [time] = signedAttributes.get(SIGNING_TIME) ?? [];
  return time === undefined ? null : timeOf(readBer(time));
}

async function findProblem(
  info: SignerInfo,
  certificate: X509Certificate | null | undefined,
  content: SignedContent | undefined,
  contentType: string | null,
): Promise<string | null> {
  if (certificate === undefined) return "The signature does not carry the certificate it was made with.";
  if (certificate === null) return "The certificate that the signature was made with is damaged.";
  const key = publicKeyOf(certificate);
  if (key === null) return "The certificate's key is of a kind that is not known.";
  const { signedBytes, signatureAlgorithm, digestAlgorithm } = info;
  if (typeof signatureAlgorithm === "string") {
    return `The signature algorithm ${signatureAlgorithm} is not known.`;
  }
  if (!isKnownDigest(digestAlgorithm)) return `The digest algorithm ${digestAlgorithm} is not known.`;
  if (signedBytes !== null) {
    const attributesProblem = await findAttributesProblem(info, content, contentType);
    if (attributesProblem !== null) return attributesProblem;
  }
  const message = signedBytes ?? content;
  if (message === undefined || typeof message === "function") {
    return "The signature is over a content that is not at hand.";
  }
  return isSignature(message, info, signatureAlgorithm, key)
    ? null
    : "The signature was not made with the key of its certificate, or what it signs was changed since.";
}

/**
 * RFC 5652, 5.3: with signed attributes there must be a content type, which "MUST match" the content's, and a message digest. Each has
 * exactly one value (11.1, 11.2).
 */
async function findAttributesProblem(
  { signedAttributes, digestAlgorithm }: SignerInfo,
  content: SignedContent | undefined,
  contentType: string | null,
): Promise<string | null> {
  const types = signedAttributes.get(CONTENT_TYPE) ?? [];
  const digests = signedAttributes.get(MESSAGE_DIGEST) ?? [];
  if (contentType !== null) {
    if (types.length !== 1) return "The signed attributes do not name one type of content.";
    if (oidOf(readBer(types[0]!)) !== contentType)
      return "The signature was made for another type of content.";
  }
  if (digests.length !== 1) return "The signed attributes do not name one digest of the content.";
  const digest =
    typeof content === "function"
      ? await content(digestAlgorithm)
      : content && createHash(digestAlgorithm).update(content).digest();
  if (!digest) return "The signature is over a content that is not at hand.";
  return octetsOf(readBer(digests[0]!)).equals(digest)
    ? null
    : `The content's ${digestAlgorithm} digest is not the one that was signed.`;
}

const keyTypes: Readonly<Record<SignatureAlgorithm["kind"], readonly string[]>> = {
  rsa: ["rsa"],
  rsa_pss: ["rsa", "rsa-pss"],
  ecdsa: ["ec"],
  dsa: ["dsa"],
  eddsa: ["ed25519", "ed448"],
};

function isSignature(
  message: Uint8Array,
  { signature, digestAlgorithm }: SignerInfo,
  { kind, digest, saltBytes }: SignatureAlgorithm,
  key: KeyObject,
): boolean {
  if (!keyTypes[kind].includes(key.asymmetricKeyType ?? "")) return false;
  const options =
    kind === "rsa_pss"
      ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltBytes ?? 20 }
      : { key };
  try {
    return verify(kind === "eddsa" ? null : (digest ?? digestAlgorithm), message, options, signature);
  } catch {
    // A key whose numbers make no sense, or a signature of another length.
    return false;
  }
}

function publicKeyOf(certificate: X509Certificate): KeyObject | null {
  try {
    return certificate.publicKey;
  } catch {
    return null;
  }
}
