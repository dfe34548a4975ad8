import { X509Certificate } from "node:crypto";

import { type BerNode, damaged, overLimit, readBer, tags } from "./ber.ts";
import { octetsOf, oidOf } from "./ber-values.ts";

/** Real messages carry up to some ten. */
const MAX_CERTIFICATES = 100;
const MAX_CHAIN_LENGTH = 10;
/** Certificates that all bear the same names are cheap to write, and each pair of them costs a signature to check. */
const MAX_LINK_CHECKS = 100;
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";

interface Entry {
  /** DER of the issuer's name. */
  readonly issuer: Buffer;
  /** Content of the INTEGER. */
  readonly serial: Buffer;
  readonly der: Buffer;
  /** Null when `node:crypto` does not take it. */
  readonly x509: X509Certificate | null;
}

/** Who a signer says it is. */
export type SignerName =
  | { readonly issuer: Buffer; readonly serial: Buffer }
  | { readonly subjectKeyId: Buffer };

/** The certificates of one message. */
export class CertificateSet {
  readonly #entries: readonly Entry[];
  #linkChecks = 0;

  /** The certificates among these values (RFC 5652, 10.2.2: CertificateChoices); other kinds are passed over. Throws `UnreadableError`. */
  constructor(nodes: readonly BerNode[]) {
    const certificates = nodes.filter(({ tag }) => tag === tags.sequence);
    if (certificates.length > MAX_CERTIFICATES) {
      throw overLimit(`carries ${certificates.length} certificates; ${MAX_CERTIFICATES} are read`);
    }
    this.#entries = certificates.map(entryOf);
  }

  get all(): readonly X509Certificate[] {
    return this.#entries.flatMap(({ x509 }) => (x509 === null ? [] : [x509]));
  }

  /** How many are damaged. */
  get unreadable(): number {
    return this.#entries.filter(({ x509 }) => x509 === null).length;
  }

  /** The certificate of a signer; null when it is damaged, undefined when it is not there. */
  find(name: SignerName): X509Certificate | null | undefined {
    if ("subjectKeyId" in name) {
      return this.#entries.find(({ der }) => subjectKeyIdOf(der)?.equals(name.subjectKeyId) === true)?.x509;
    }
    const { issuer, serial } = name;
    return this.#entries.find((entry) => entry.issuer.equals(issuer) && entry.serial.equals(serial))?.x509;
  }

  /** The certificate, its issuer, that one's issuer and so on, as far as they are here; each one's signature was verified by the next. */
  chainOf(certificate: X509Certificate): readonly X509Certificate[] {
    const chain = [certificate];
    while (chain.length < MAX_CHAIN_LENGTH) {
      const last = chain.at(-1)!;
      const issuer = this.all.find((other) => !chain.includes(other) && this.#isIssuedBy(last, other));
      if (issuer === undefined) break;
      chain.push(issuer);
    }
    return chain;
  }

  #isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    if (isSelfIssued(certificate) || certificate.raw.equals(issuer.raw)) return false;
    // A certificate that may not sign others proves nothing about them. Old roots (version 1) cannot say that they may.
    if (!issuer.ca && !isSelfIssued(issuer)) return false;
    if (!certificate.checkIssued(issuer) || this.#linkChecks >= MAX_LINK_CHECKS) return false;
    this.#linkChecks += 1;
    return isSignedBy(certificate, issuer);
  }
}

/** True for a certificate that names itself as its issuer: the top of a chain. */
export function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer;
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    // A key or an algorithm that node:crypto does not know.
    return false;
  }
}

function entryOf(node: BerNode): Entry {
  const fields = fieldsOf(node);
  // RFC 5280, 4.1: version [0] EXPLICIT DEFAULT v1, serialNumber, signature, issuer, …
  const [serial, , issuer] = fields[0]?.tag === tags.context0 ? fields.slice(1) : fields;
  if (serial === undefined || issuer === undefined) throw damaged("carries a certificate without an issuer");
  const der = node.encoded;
  return { issuer: issuer.encoded, serial: serial.content, der, x509: parse(der) };
}

function fieldsOf(certificate: BerNode): BerNode[] {
  const [toBeSigned] = certificate.expect(tags.sequence).children();
  if (toBeSigned === undefined) throw damaged("carries an empty certificate");
  return toBeSigned.expect(tags.sequence).children();
}

function parse(der: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}

/** RFC 5280, 4.1: extensions are `[3] EXPLICIT SEQUENCE OF SEQUENCE { extnID, critical DEFAULT FALSE, extnValue OCTET STRING }`. */
function subjectKeyIdOf(der: Buffer): Buffer | undefined {
  const extensions = fieldsOf(readBer(der)).find(({ tag }) => tag === 0xa3);
  for (const extension of extensions?.children()[0]?.children() ?? []) {
    const parts = extension.children();
    const value = parts.at(-1);
    if (parts[0] === undefined || value === undefined || oidOf(parts[0]) !== SUBJECT_KEY_IDENTIFIER) continue;
    return octetsOf(readBer(octetsOf(value)));
  }
  return undefined;
}
