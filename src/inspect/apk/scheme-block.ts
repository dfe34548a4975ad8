import { X509Certificate } from "node:crypto";

import { ByteReader } from "../byte-reader.ts";
import { UnreadableError } from "../unreadable.ts";
import { type Rotation, readRotation } from "./rotation.ts";
import type { SchemeSigner } from "./scheme-signature.ts";
import {
  certificateKey,
  decisiveSignatures,
  readPublicKey,
  type SignatureAlgorithm,
  signatureAlgorithm,
  verifySignature,
} from "./signature-algorithms.ts";

/** Android refuses more; each costs a check of a signature. */
const MAX_SIGNERS = 10;
const MAX_ITEMS = 100;

const attributeIds = {
  /** v2: "stripping protection", the newest scheme that the file was signed with. */
  strippingProtection: 0xbeeff00d,
  proofOfRotation: 0x3ba06f8c,
  /** v3: from which API level on the signer of a v3.1 block counts. */
  rotationMinSdk: 0x559f8b02,
} as const;

const ALL_SDKS = 0x7fffffff;

/**
 * Reads the signers of a block and verifies what each signed; the content of the file is not looked at. `minSdk` is the oldest
 * Android that looks at the block. Throws `UnreadableError` for a block that is none.
 */
export function readSchemeBlock(block: Buffer, scheme: "v2" | "v3", minSdk: number): readonly SchemeSigner[] {
  const where = `${scheme} signature`;
  const signers = prefixed(new ByteReader(block, where), where);
  const read: SchemeSigner[] = [];
  while (signers.left > 0) {
    if (read.length === MAX_SIGNERS) {
      throw new UnreadableError("limit", `The ${where} has more than ${MAX_SIGNERS} signers.`, where);
    }
    read.push(readSigner(prefixed(signers, where), scheme, minSdk, where));
  }
  return read;
}

function readSigner(signer: ByteReader, scheme: "v2" | "v3", minSdk: number, where: string): SchemeSigner {
  const signed = prefixed(signer, where);
  const range =
    scheme === "v3" ? { minSdk: signer.u32le(), maxSdk: signer.u32le() } : { minSdk, maxSdk: ALL_SDKS };
  const signatures = readAlgorithmItems(prefixed(signer, where), where);
  const publicKey = prefixed(signer, where).rest();
  const data = signed.rest();
  const checked = checkSignatures(data, signatures, publicKey, range.minSdk);
  const content = readSignedData(new ByteReader(data, where), scheme, where);
  return {
    ...range,
    certificates: content.certificates,
    algorithms: checked.algorithms.map(({ name }) => name),
    decisive: checked.algorithms.map(({ content: digest }) => digest),
    digests: content.digests.flatMap(({ id, value }) => {
      const algorithm = signatureAlgorithm(id);
      return algorithm ? [{ content: algorithm.content, digest: value }] : [];
    }),
    rotation: content.rotation,
    strippingProtection: content.strippingProtection,
    rotationMinSdk: content.rotationMinSdk,
    problem: checked.problem ?? problemOf(content, range, signatures, publicKey),
  };
}

/** The signatures that decide are verified over the signed data with the signer's public key. */
function checkSignatures(
  data: Buffer,
  signatures: readonly AlgorithmItem[],
  publicKey: Buffer,
  minSdk: number,
): { algorithms: readonly SignatureAlgorithm[]; problem: string | null } {
  const supported = signatures.flatMap(({ id, value }) => {
    const algorithm = signatureAlgorithm(id);
    return algorithm ? [{ algorithm, value }] : [];
  });
  const decisive = decisiveSignatures(supported, minSdk);
  const algorithms = decisive.map(({ algorithm }) => algorithm);
  if (decisive.length === 0) return { algorithms, problem: "it has no signature that Android can check" };
  const key = readPublicKey(publicKey);
  if (!key) return { algorithms, problem: "its public key cannot be read" };
  const failed = decisive.find(({ algorithm, value }) => !verifySignature(algorithm, key, data, value));
  const problem = failed
    ? `its signature (${failed.algorithm.name}) is not one over what it should be`
    : null;
  return { algorithms, problem };
}

function problemOf(
  content: SignedData,
  range: { minSdk: number; maxSdk: number },
  signatures: readonly AlgorithmItem[],
  publicKey: Buffer,
): string | null {
  const certificate = content.certificates[0];
  if (!certificate) return "it has no certificate that can be read";
  // "Verify that SubjectPublicKeyInfo of the first certificate of certificates is identical to public key."
  const spki = certificateKey(certificate)?.export({ type: "spki", format: "der" });
  if (!spki?.equals(publicKey)) return "its certificate is for another key";
  // "Verify that the ordered list of signature algorithm IDs in digests and signatures is identical. (This is to prevent
  // signature stripping/addition.)"
  const signed = content.digests.map(({ id }) => id).join();
  if (signed !== signatures.map(({ id }) => id).join()) return "signatures were added to it or taken from it";
  if (range.minSdk > range.maxSdk || range.maxSdk > ALL_SDKS) return "its range of Android versions is empty";
  const isSame =
    content.range === null ||
    (content.range.minSdk === range.minSdk && content.range.maxSdk === range.maxSdk);
  return isSame ? null : "its range of Android versions is not the one that was signed";
}

interface SignedData {
  readonly digests: readonly AlgorithmItem[];
  readonly certificates: readonly X509Certificate[];
  readonly range: { minSdk: number; maxSdk: number } | null;
  readonly rotation: Rotation | null;
  readonly strippingProtection: number | null;
  readonly rotationMinSdk: number | null;
}

function readSignedData(reader: ByteReader, scheme: "v2" | "v3", where: string): SignedData {
  const digests = readAlgorithmItems(prefixed(reader, where), where);
  const certificates = items(prefixed(reader, where), where).flatMap(
    (item) => readCertificate(item.rest()) ?? [],
  );
  const range = scheme === "v3" ? { minSdk: reader.u32le(), maxSdk: reader.u32le() } : null;
  const attributes = new Map(
    items(prefixed(reader, where), where).map((item) => [item.u32le(), item] as const),
  );
  const rotation = scheme === "v3" ? attributes.get(attributeIds.proofOfRotation) : undefined;
  const number = (id: number, of: "v2" | "v3") =>
    of === scheme ? (attributes.get(id)?.u32le() ?? null) : null;
  return {
    digests,
    certificates,
    range,
    rotation: rotation ? readRotation(rotation) : null,
    strippingProtection: number(attributeIds.strippingProtection, "v2"),
    rotationMinSdk: number(attributeIds.rotationMinSdk, "v3"),
  };
}

interface AlgorithmItem {
  readonly id: number;
  readonly value: Buffer;
}

/** "sequence of length-prefixed": the algorithm's number and a length-prefixed value. */
function readAlgorithmItems(reader: ByteReader, where: string): AlgorithmItem[] {
  return items(reader, where).map((item) => ({ id: item.u32le(), value: prefixed(item, where).rest() }));
}

function items(reader: ByteReader, where: string): ByteReader[] {
  const read: ByteReader[] = [];
  while (reader.left > 0) {
    if (read.length === MAX_ITEMS) {
      throw new UnreadableError("limit", `A list in the ${where} has more than ${MAX_ITEMS} items.`, where);
    }
    read.push(prefixed(reader, where));
  }
  return read;
}

function prefixed(reader: ByteReader, where: string): ByteReader {
  return reader.part(reader.u32le(), where);
}

function readCertificate(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
