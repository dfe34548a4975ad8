import { createHash, type X509Certificate } from "node:crypto";

import { digestOf, isKnownDigest } from "./algorithms.ts";
import { damaged, readBer, tags } from "./ber.ts";
import { octetsOf, timeOf } from "./ber-values.ts";
import { CertificateSet } from "./certificates.ts";
import { type CmsSigner, readSignedData } from "./signed-data.ts";
import { verifySigner } from "./signer-info.ts";

/** PKCS #9 countersignature (RFC 5652, 11.4), as Authenticode had it before RFC 3161. */
const COUNTERSIGNATURE = "1.2.840.113549.1.9.6";
/** Attributes that hold an RFC 3161 token: Microsoft's own, and RFC 3161's (appendix A), which Apple writes. */
const TOKENS = ["1.3.6.1.4.1.311.3.3.1", "1.2.840.113549.1.9.16.2.14"];
/** id-ct-TSTInfo */
const TST_INFO = "1.2.840.113549.1.9.16.1.4";
/** id-kp-timeStamping */
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
/** Real signatures carry one. */
const MAX_TIMESTAMPS = 5;

/** Somebody's word that a signature was there at a time. */
export interface Timestamp {
  readonly kind: "rfc3161" | "countersignature";
  /** Null when it cannot be read. */
  readonly time: Date | null;
  /** The stamp's own signature holds, it is over this signature, and its certificate is for time stamps. */
  readonly verified: boolean;
  /** Why not, a sentence; null when verified. */
  readonly problem: string | null;
  readonly chain: readonly X509Certificate[];
}

/**
 * The timestamps among a signer's unsigned attributes, verified over its signature's value. `certificates` are the message's: those of
 * a countersignature stand among them. Throws `UnreadableError` for what is no timestamp.
 */
export async function readTimestamps(
  signer: CmsSigner,
  certificates: readonly X509Certificate[],
): Promise<Timestamp[]> {
  const timestamps: Timestamp[] = [];
  const tokens = TOKENS.flatMap((oid) => signer.unsignedAttributes.get(oid) ?? []);
  for (const token of tokens.slice(0, MAX_TIMESTAMPS)) timestamps.push(await readToken(token, signer));
  const countersignatures = signer.unsignedAttributes.get(COUNTERSIGNATURE) ?? [];
  for (const encoded of countersignatures.slice(0, MAX_TIMESTAMPS)) {
    timestamps.push(await readCountersignature(encoded, signer, certificates));
  }
  return timestamps;
}

async function readToken(token: Buffer, signer: CmsSigner): Promise<Timestamp> {
  const message = await readSignedData(token);
  const [authority] = message.signers;
  if (message.contentType !== TST_INFO || message.content === null || authority === undefined) {
    throw damaged("carries a timestamp that is none");
  }
  // RFC 3161, 2.4.2: version, policy, messageImprint, serialNumber, genTime, …
  const [, , imprint, , time] = readBer(message.content).expect(tags.sequence).children();
  const [algorithm, hashed] = imprint?.expect(tags.sequence).children() ?? [];
  if (algorithm === undefined || hashed === undefined || time === undefined) {
    throw damaged("carries a timestamp of nothing");
  }
  const digest = digestOf(algorithm);
  const isOverSignature =
    isKnownDigest(digest) && createHash(digest).update(signer.signature).digest().equals(octetsOf(hashed));
  const problem = isOverSignature ? problemOf(authority) : "The timestamp was made for another signature.";
  return stampOf("rfc3161", timeOf(time), problem, authority);
}

async function readCountersignature(
  encoded: Buffer,
  signer: CmsSigner,
  certificates: readonly X509Certificate[],
): Promise<Timestamp> {
  const set = new CertificateSet(certificates.map(({ raw }) => readBer(raw)));
  // RFC 5652, 11.4: "the contents octets of the signatureValue field" are what is signed; no content type is set for them.
  const authority = await verifySigner(readBer(encoded), set, signer.signature, null);
  return stampOf("countersignature", authority.signingTime, problemOf(authority), authority);
}

function problemOf(authority: CmsSigner): string | null {
  if (authority.problem !== null) return `The timestamp does not verify: ${authority.problem}`;
  // RFC 3161, 2.3: the certificate's extended key usage has to be id-kp-timeStamping.
  if (authority.certificate?.keyUsage?.includes(TIME_STAMPING) === true) return null;
  return "The timestamp's certificate is not for making timestamps.";
}

function stampOf(
  kind: Timestamp["kind"],
  time: Date | null,
  problem: string | null,
  { chain }: CmsSigner,
): Timestamp {
  const found = problem ?? (time === null ? "The timestamp names no time." : null);
  return { kind, time, verified: found === null, problem: found, chain };
}
