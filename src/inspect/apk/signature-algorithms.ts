import { constants, createPublicKey, type KeyObject, verify, type X509Certificate } from "node:crypto";

/** How the content of the file is digested for a signature: by SHA-2 in chunks of 1 MiB, or as fs-verity does. */
export type ContentDigest = "sha256" | "sha512" | "verity-sha256";

export interface SignatureAlgorithm {
  readonly id: number;
  readonly name: string;
  readonly keyType: "rsa" | "ec" | "dsa";
  readonly hash: "sha256" | "sha512";
  /** The length of the salt of RSASSA-PSS. */
  readonly pssSaltBytes?: number;
  readonly content: ContentDigest;
  /** The first API level that knows it. */
  readonly minSdk: number;
}

/** Whole-file signatures were introduced by Android 7, those over fs-verity's digest by Android 9. */
const NOUGAT = 24;
const PIE = 28;

/** "APK Signature Scheme v2", Signature Algorithm IDs; those with 0x0420 are over the digest of fs-verity. */
const algorithms: readonly SignatureAlgorithm[] = [
  {
    id: 0x0101,
    name: "RSASSA-PSS with SHA-256",
    keyType: "rsa",
    hash: "sha256",
    pssSaltBytes: 32,
    content: "sha256",
    minSdk: NOUGAT,
  },
  {
    id: 0x0102,
    name: "RSASSA-PSS with SHA-512",
    keyType: "rsa",
    hash: "sha512",
    pssSaltBytes: 64,
    content: "sha512",
    minSdk: NOUGAT,
  },
  { id: 0x0103, name: "RSA with SHA-256", keyType: "rsa", hash: "sha256", content: "sha256", minSdk: NOUGAT },
  { id: 0x0104, name: "RSA with SHA-512", keyType: "rsa", hash: "sha512", content: "sha512", minSdk: NOUGAT },
  {
    id: 0x0201,
    name: "ECDSA with SHA-256",
    keyType: "ec",
    hash: "sha256",
    content: "sha256",
    minSdk: NOUGAT,
  },
  {
    id: 0x0202,
    name: "ECDSA with SHA-512",
    keyType: "ec",
    hash: "sha512",
    content: "sha512",
    minSdk: NOUGAT,
  },
  { id: 0x0301, name: "DSA with SHA-256", keyType: "dsa", hash: "sha256", content: "sha256", minSdk: NOUGAT },
  {
    id: 0x0421,
    name: "RSA with SHA-256 over fs-verity",
    keyType: "rsa",
    hash: "sha256",
    content: "verity-sha256",
    minSdk: PIE,
  },
  {
    id: 0x0423,
    name: "ECDSA with SHA-256 over fs-verity",
    keyType: "ec",
    hash: "sha256",
    content: "verity-sha256",
    minSdk: PIE,
  },
  {
    id: 0x0425,
    name: "DSA with SHA-256 over fs-verity",
    keyType: "dsa",
    hash: "sha256",
    content: "verity-sha256",
    minSdk: PIE,
  },
];

const byId: ReadonlyMap<number, SignatureAlgorithm> = new Map(
  algorithms.map((algorithm) => [algorithm.id, algorithm]),
);

/** The algorithm of this number; undefined for one that Android does not have. */
export function signatureAlgorithm(id: number): SignatureAlgorithm | undefined {
  return byId.get(id);
}

/** Android prefers one over another by what they digest the content with. */
const strength: Readonly<Record<ContentDigest, number>> = { sha256: 0, "verity-sha256": 1, sha512: 2 };

/**
 * The signatures that some Android from `minSdk` on decides by: each takes the strongest that it knows, and of equals the first.
 * None when the oldest of them knows none.
 */
export function decisiveSignatures<S extends { readonly algorithm: SignatureAlgorithm }>(
  signatures: readonly S[],
  minSdk: number,
): readonly S[] {
  const chosen: S[] = [];
  for (const level of [NOUGAT, PIE]) {
    const known = signatures.filter(({ algorithm }) => algorithm.minSdk === level);
    const best = known.toSorted((a, b) => strength[b.algorithm.content] - strength[a.algorithm.content])[0];
    if (best) chosen.push(best);
  }
  return chosen.some(({ algorithm }) => algorithm.minSdk <= minSdk) ? chosen : [];
}

/** The key of an `SubjectPublicKeyInfo`; undefined where it is none. */
export function readPublicKey(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}

/** The key of a certificate; undefined where it is of a kind that is not known. */
export function certificateKey(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

/** True when `signature` is the key's over `data`. False too for keys of another kind and signatures that are none. */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  data: Buffer,
  signature: Buffer,
): boolean {
  if (key.asymmetricKeyType !== algorithm.keyType) return false;
  const padding =
    algorithm.pssSaltBytes === undefined
      ? {}
      : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.pssSaltBytes };
  try {
    return verify(algorithm.hash, data, { key, ...padding }, signature);
  } catch {
    return false;
  }
}
