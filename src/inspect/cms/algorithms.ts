import { type BerNode, damaged, tags } from "./ber.ts";
import { oidOf } from "./ber-values.ts";

/** Digests by object identifier, with the names that `node:crypto` has for them. */
const digests: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.2.5", "md5"],
  ["1.3.14.3.2.26", "sha1"],
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
  ["2.16.840.1.101.3.4.2.4", "sha224"],
  ["2.16.840.1.101.3.4.2.6", "sha512-256"],
  ["2.16.840.1.101.3.4.2.8", "sha3-256"],
  ["2.16.840.1.101.3.4.2.9", "sha3-384"],
  ["2.16.840.1.101.3.4.2.10", "sha3-512"],
]);

/** How a signature is made. `digest` null: the one that the signer names, or none (Ed25519, Ed448). */
export interface SignatureAlgorithm {
  readonly kind: "rsa" | "rsa_pss" | "ecdsa" | "dsa" | "eddsa";
  readonly digest: string | null;
  readonly saltBytes?: number;
}

const signatures: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ["1.2.840.113549.1.1.1", { kind: "rsa", digest: null }],
  ["1.2.840.113549.1.1.4", { kind: "rsa", digest: "md5" }],
  ["1.2.840.113549.1.1.5", { kind: "rsa", digest: "sha1" }],
  ["1.2.840.113549.1.1.11", { kind: "rsa", digest: "sha256" }],
  ["1.2.840.113549.1.1.12", { kind: "rsa", digest: "sha384" }],
  ["1.2.840.113549.1.1.13", { kind: "rsa", digest: "sha512" }],
  ["1.2.840.113549.1.1.14", { kind: "rsa", digest: "sha224" }],
  ["1.2.840.10045.2.1", { kind: "ecdsa", digest: null }],
  ["1.2.840.10045.4.1", { kind: "ecdsa", digest: "sha1" }],
  ["1.2.840.10045.4.3.1", { kind: "ecdsa", digest: "sha224" }],
  ["1.2.840.10045.4.3.2", { kind: "ecdsa", digest: "sha256" }],
  ["1.2.840.10045.4.3.3", { kind: "ecdsa", digest: "sha384" }],
  ["1.2.840.10045.4.3.4", { kind: "ecdsa", digest: "sha512" }],
  ["1.2.840.10040.4.1", { kind: "dsa", digest: null }],
  ["1.2.840.10040.4.3", { kind: "dsa", digest: "sha1" }],
  ["2.16.840.1.101.3.4.3.1", { kind: "dsa", digest: "sha224" }],
  ["2.16.840.1.101.3.4.3.2", { kind: "dsa", digest: "sha256" }],
  ["1.3.101.112", { kind: "eddsa", digest: null }],
  ["1.3.101.113", { kind: "eddsa", digest: null }],
]);

const RSASSA_PSS = "1.2.840.113549.1.1.10";
const MGF1 = "1.2.840.113549.1.1.8";

/** The digest that an AlgorithmIdentifier names, or its object identifier where it is none that is known. Throws `UnreadableError`. */
export function digestOf(algorithm: BerNode): string {
  const [oid] = partsOf(algorithm);
  return digests.get(oid) ?? oid;
}

/** True for the digests that can be computed here. */
export function isKnownDigest(name: string): boolean {
  return [...digests.values()].includes(name);
}

/** The signature algorithm that an AlgorithmIdentifier names; its object identifier where it is none that is known. Throws `UnreadableError`. */
export function signatureOf(algorithm: BerNode): SignatureAlgorithm | string {
  const [oid, parameters] = partsOf(algorithm);
  if (oid === RSASSA_PSS) return pssOf(parameters) ?? oid;
  return signatures.get(oid) ?? oid;
}

/** RFC 5280, 4.1.1.2: `AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }`. */
function partsOf(algorithm: BerNode): [oid: string, parameters: BerNode | undefined] {
  const [identifier, parameters] = algorithm.expect(tags.sequence).children();
  if (identifier === undefined) throw damaged("names no algorithm");
  return [oidOf(identifier), parameters];
}

/**
 * RFC 4055, 3.1: `[0] hashAlgorithm DEFAULT sha1`, `[1] maskGenAlgorithm DEFAULT mgf1SHA1`, `[2] saltLength DEFAULT 20`. Undefined
 * where the mask is made by another digest, which `node:crypto` cannot be told.
 */
function pssOf(parameters: BerNode | undefined): SignatureAlgorithm | undefined {
  const parts = new Map(parameters?.children().map((part) => [part.tag, part.children()[0]]));
  const hash = parts.get(tags.context0);
  const mask = parts.get(tags.context1);
  const salt = parts.get(tags.context2);
  const digest = hash === undefined ? "sha1" : digestOf(hash);
  const [maskKind, maskHash] = mask === undefined ? [MGF1] : partsOf(mask);
  if (maskKind !== MGF1) return undefined;
  const maskDigest = maskHash === undefined ? "sha1" : digestOf(maskHash);
  if (maskDigest !== digest) return undefined;
  const saltBytes = salt === undefined ? 20 : numberOf(salt.expect(tags.integer).content);
  return { kind: "rsa_pss", digest, saltBytes };
}

function numberOf(content: Buffer): number {
  return content.subarray(-4).reduce((number, octet) => number * 256 + octet, 0);
}
