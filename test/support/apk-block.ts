import { constants, createHash, createPrivateKey, createPublicKey, sign, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

import type { SigningKey } from "./signing-keys.ts";

/** Signing blocks made by hand after "APK Signature Scheme v2" and "v3": for what apksigner does not make. */
export interface BlockSigner {
  readonly key: SigningKey;
  readonly algorithms: readonly number[];
  /** Scheme v3. */
  readonly range?: readonly [minSdk: number, maxSdk: number];
  readonly attributes?: ReadonlyArray<readonly [id: number, value: Buffer]>;
  /** Changes what is signed before it is. */
  readonly digest?: (digest: Buffer) => Buffer;
}

export const schemeIds = { v2: 0x7109871a, v3: 0xf05368c0, v31: 0x1b93ad61 };

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);

const prefixed = (...parts: readonly Buffer[]): Buffer => {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([u32(bytes.length), bytes]);
};

const hashes: Readonly<Record<number, "sha256" | "sha512">> = {
  0x0101: "sha256",
  0x0102: "sha512",
  0x0103: "sha256",
  0x0104: "sha512",
  0x0201: "sha256",
  0x0202: "sha512",
  0x0301: "sha256",
};

function signatureOf(algorithm: number, key: SigningKey, data: Buffer): Buffer {
  const privateKey = createPrivateKey({ key: readFileSync(key.key), format: "der", type: "pkcs8" });
  const isPss = algorithm === 0x0101 || algorithm === 0x0102;
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm === 0x0101 ? 32 : 64 };
  return sign(hashes[algorithm]!, data, { key: privateKey, ...(isPss && pss) });
}

/** A node for each certificate, signed by the one before: the value of the attribute 0x3ba06f8c. */
export function proofOfRotation(
  keys: readonly SigningKey[],
  algorithm: number,
  mend = (node: Buffer) => node,
): Buffer {
  const nodes = keys.map(({ certificate }, index) => {
    const parent = keys[index - 1];
    const signed = Buffer.concat([prefixed(der(certificate)), u32(parent ? algorithm : 0)]);
    const signature = parent ? signatureOf(algorithm, parent, signed) : Buffer.alloc(0);
    const next = index === keys.length - 1 ? 0 : algorithm;
    return prefixed(mend(Buffer.concat([prefixed(signed), u32(0x17), u32(next), prefixed(signature)])));
  });
  return Buffer.concat([u32(1), ...nodes]);
}

function der(certificate: string): Buffer {
  return new X509Certificate(readFileSync(certificate)).raw;
}

/** The file with a signing block of these schemes in place of any that it has. */
export function signWithBlock(
  file: Buffer,
  schemes: ReadonlyArray<readonly [id: number, signers: readonly BlockSigner[]]>,
): Buffer {
  const { before, directory, end } = sections(file);
  const pairs = schemes.map(([id, signers]) => {
    const value = prefixed(...signers.map((signer) => signerBlock(signer, [before, directory, end])));
    return Buffer.concat([u64(4 + value.length), u32(id), value]);
  });
  const body = Buffer.concat(pairs);
  const size = u64(body.length + 24);
  const block = Buffer.concat([size, body, size, Buffer.from("APK Sig Block 42")]);
  return joined(before, block, directory, end);
}

/** The file without its signing block. */
export function withoutBlock(file: Buffer): Buffer {
  const { before, directory, end } = sections(file);
  return joined(before, Buffer.alloc(0), directory, end);
}

/** What stands before the signing block, and after; the end record as though there were no block. */
function sections(file: Buffer): { before: Buffer; directory: Buffer; end: Buffer } {
  const endOffset = file.lastIndexOf(Buffer.from("PK\x05\x06"));
  const offset = file.readUInt32LE(endOffset + 16);
  const hasBlock = file.toString("latin1", offset - 16, offset) === "APK Sig Block 42";
  const blockOffset = hasBlock ? offset - 8 - file.readUInt32LE(offset - 24) : offset;
  const end = Buffer.from(file.subarray(endOffset));
  end.writeUInt32LE(blockOffset, 16);
  return { before: file.subarray(0, blockOffset), directory: file.subarray(offset, endOffset), end };
}

function joined(before: Buffer, block: Buffer, directory: Buffer, end: Buffer): Buffer {
  const moved = Buffer.from(end);
  moved.writeUInt32LE(before.length + block.length, 16);
  return Buffer.concat([before, block, directory, moved]);
}

function signerBlock(signer: BlockSigner, content: readonly Buffer[]): Buffer {
  const { key, algorithms, range, attributes = [], digest = (one) => one } = signer;
  const digests = algorithms.map((algorithm) =>
    prefixed(u32(algorithm), prefixed(digest(contentDigest(hashes[algorithm]!, content)))),
  );
  const sdks = range ? [u32(range[0]), u32(range[1])] : [];
  const data = Buffer.concat([
    prefixed(...digests),
    prefixed(prefixed(der(key.certificate))),
    ...sdks,
    prefixed(...attributes.map(([id, value]) => prefixed(u32(id), value))),
  ]);
  const signatures = algorithms.map((algorithm) =>
    prefixed(u32(algorithm), prefixed(signatureOf(algorithm, key, data))),
  );
  const publicKey = createPublicKey(readFileSync(key.certificate)).export({ type: "spki", format: "der" });
  return prefixed(prefixed(data), ...sdks, prefixed(...signatures), prefixed(publicKey));
}

function contentDigest(algorithm: "sha256" | "sha512", content: readonly Buffer[]): Buffer {
  const digests = content.flatMap((section) => {
    const count = Math.ceil(section.length / 2 ** 20);
    return Array.from({ length: count }, (_, index) => {
      const chunk = section.subarray(index * 2 ** 20, (index + 1) * 2 ** 20);
      return createHash(algorithm).update(Buffer.of(0xa5)).update(u32(chunk.length)).update(chunk).digest();
    });
  });
  const top = Buffer.concat([Buffer.of(0x5a), u32(digests.length), ...digests]);
  return createHash(algorithm).update(top).digest();
}
