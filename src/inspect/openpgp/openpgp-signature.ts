import { ByteReader } from "../byte-reader.ts";
import type { Signer } from "../inspection.ts";
import { UnreadableError } from "../unreadable.ts";
import { dearmored } from "./armor.ts";
import { openPgpPackets } from "./openpgp-packets.ts";

const SIGNATURE_TAG = 2;

/** What an OpenPGP signature says about itself. None of it is proven without the key. */
export interface OpenPgpSignature {
  readonly version: number;
  /** The issuer's fingerprint in lower-case hex; null where only the id is named. */
  readonly fingerprint: string | null;
  /** The issuer's key id, 16 lower-case hex digits; null where none is named. */
  readonly keyId: string | null;
  readonly keyAlgorithm: string;
  readonly hashAlgorithm: string;
  readonly madeAt: Date | null;
}

/** RFC 9580 9.1. */
const keyAlgorithms: ReadonlyMap<number, string> = new Map([
  [1, "RSA"],
  [3, "RSA"],
  [17, "DSA"],
  [19, "ECDSA"],
  [22, "EdDSA"],
  [27, "Ed25519"],
  [28, "Ed448"],
]);

/** RFC 9580 9.5. */
const hashAlgorithms: ReadonlyMap<number, string> = new Map([
  [1, "md5"],
  [2, "sha1"],
  [3, "ripemd160"],
  [8, "sha256"],
  [9, "sha384"],
  [10, "sha512"],
  [11, "sha224"],
  [12, "sha3-256"],
  [14, "sha3-512"],
]);

/** The signatures in binary or armoured OpenPGP data. Throws `UnreadableError` when there are none. */
export function openPgpSignatures(bytes: Buffer): OpenPgpSignature[] {
  const signatures = openPgpPackets(dearmored(bytes)).filter(({ tag }) => tag === SIGNATURE_TAG);
  if (signatures.length === 0) throw new UnreadableError("damaged", "OpenPGP data have no signature.");
  return signatures.map(({ body }) => parseSignature(body));
}

/** As a fact of the file. What would prove it, the public key, is not in the file. */
export function signatureFacts(scheme: string, signature: OpenPgpSignature): Record<string, unknown> {
  const { fingerprint, keyId, keyAlgorithm, hashAlgorithm, madeAt } = signature;
  return {
    scheme,
    verified: false,
    not_verified_because: "The public key is not in the file.",
    key_id: keyId,
    fingerprint,
    algorithm: `${keyAlgorithm} with ${hashAlgorithm}`,
    made_at: madeAt?.toISOString() ?? null,
  };
}

/** Who signed, by their own word; undefined where a signature names no key. */
export function signerOf({ fingerprint, keyId }: OpenPgpSignature): Signer | undefined {
  const id = fingerprint ?? keyId;
  if (id === null) return undefined;
  const name = `OpenPGP key ${(keyId ?? id).toUpperCase()}`;
  return { kind: "package_key", id, name, lineage: [], verified: false, expires_at: null };
}

/** Those who signed, each once. */
export function signersOf(signatures: readonly OpenPgpSignature[]): Signer[] {
  const signers = signatures.map(signerOf).filter((signer) => signer !== undefined);
  return [...new Map(signers.map((signer) => [signer.id, signer])).values()];
}

function parseSignature(body: Buffer): OpenPgpSignature {
  const reader = new ByteReader(body, "OpenPGP signature");
  const version = reader.u8();
  if (version === 3) return parseVersion3(reader);
  if (version < 4 || version > 6) {
    throw new UnreadableError("unsupported", `An OpenPGP signature of version ${version} is not read.`);
  }
  const keyAlgorithm = reader.skip(1).u8();
  const hashAlgorithm = reader.u8();
  const subpackets = [0, 1].flatMap(() =>
    parseSubpackets(reader.part(version === 6 ? reader.u32be() : reader.u16be())),
  );
  const find = (type: number) => subpackets.find((one) => one.type === type)?.body;
  const issuer = find(16);
  const issuerFingerprint = find(33);
  const made = find(2);
  const fingerprint =
    issuerFingerprint !== undefined && issuerFingerprint.length > 16
      ? issuerFingerprint.toString("hex", 1)
      : null;
  return {
    version,
    fingerprint,
    // The id is the end of a version 4 fingerprint, and the beginning of later ones.
    keyId:
      issuer?.length === 8
        ? issuer.toString("hex")
        : fingerprint && (version === 4 ? fingerprint.slice(-16) : fingerprint.slice(0, 16)),
    keyAlgorithm: keyAlgorithms.get(keyAlgorithm) ?? `algorithm ${keyAlgorithm}`,
    hashAlgorithm: hashAlgorithms.get(hashAlgorithm) ?? `hash ${hashAlgorithm}`,
    madeAt: made?.length === 4 ? new Date(made.readUInt32BE(0) * 1000) : null,
  };
}

/** RFC 9580 5.2.2: rpm still makes these for some keys. */
function parseVersion3(reader: ByteReader): OpenPgpSignature {
  const made = reader.skip(2).u32be();
  const keyId = reader.bytes(8).toString("hex");
  const keyAlgorithm = reader.u8();
  const hashAlgorithm = reader.u8();
  return {
    version: 3,
    fingerprint: null,
    keyId,
    keyAlgorithm: keyAlgorithms.get(keyAlgorithm) ?? `algorithm ${keyAlgorithm}`,
    hashAlgorithm: hashAlgorithms.get(hashAlgorithm) ?? `hash ${hashAlgorithm}`,
    madeAt: new Date(made * 1000),
  };
}

function parseSubpackets(reader: ByteReader): { readonly type: number; readonly body: Buffer }[] {
  const subpackets = [];
  while (reader.left > 0) {
    const first = reader.u8();
    let length = first;
    if (first === 255) length = reader.u32be();
    else if (first >= 192) length = ((first - 192) << 8) + reader.u8() + 192;
    const body = reader.bytes(length);
    // The highest bit says that it must be understood; a subpacket has at least its type.
    if (body.length > 0) subpackets.push({ type: body[0]! & 0x7f, body: body.subarray(1) });
  }
  return subpackets;
}
