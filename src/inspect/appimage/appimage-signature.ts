import { createHash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { readUpTo } from "../bytes.ts";
import type { ElfSection, ElfSections } from "../elf/elf-sections.ts";
import type { Finding, Signer } from "../inspection.ts";
import { openPgpKey } from "../openpgp/openpgp-key.ts";
import { openPgpSignatures, signatureFacts, signerOf } from "../openpgp/openpgp-signature.ts";
import { rangeSource } from "../unpack/chunk-reader.ts";
import { readPart } from "../unreadable.ts";

/** Runtimes have 1 KiB for the signature and 8 KiB for the key. */
const MAX_SECTION_BYTES = 64 * 1024;

/** Where the signature and the key stand. */
const SIGNATURE = ".sha256_sig";
const KEY = ".sig_key";

/**
 * The signature in an AppImage, as a fact, and who made it. Nothing is proven by it: whoever changes the file can put in another key with
 * it. With `verify` the fact has the digest that was signed.
 */
export async function readAppImageSignature(
  bytes: RandomAccess,
  { byName }: ElfSections,
  verify: boolean,
  findings: Finding[],
): Promise<{ readonly signatures: Record<string, unknown>[]; readonly signers: Signer[] }> {
  const armoured = await contentOf(bytes, byName.get(SIGNATURE));
  const signature = armoured && (await readPart(findings, () => openPgpSignatures(armoured)[0]));
  if (!signature) return { signatures: [], signers: [] };
  const keyBytes = await contentOf(bytes, byName.get(KEY));
  const key = keyBytes && (await readPart(findings, () => openPgpKey(keyBytes)));
  const signer = signerOf(signature);
  const isOfKey = key && (key.fingerprint === signer?.id || key.fingerprint.endsWith(signature.keyId ?? "?"));
  return {
    signatures: [
      {
        ...signatureFacts("appimage", signature),
        not_verified_because: "A key that comes with the file proves nothing about who made it.",
        key_fingerprint: key?.fingerprint ?? null,
        key_user_id: key?.userId ?? null,
        ...(verify && { signed_sha256: await signedDigest(bytes, [byName.get(SIGNATURE), byName.get(KEY)]) }),
      },
    ],
    signers: signer
      ? [isOfKey ? { ...signer, id: key.fingerprint, name: key.userId ?? signer.name } : signer]
      : [],
  };
}

/** A section's content; undefined when it is not there or has only zeros, as an unsigned AppImage's. */
async function contentOf(bytes: RandomAccess, section: ElfSection | undefined): Promise<Buffer | undefined> {
  if (!section) return undefined;
  const content = await readUpTo(bytes, section.offset, Math.min(section.sizeBytes, MAX_SECTION_BYTES));
  return content.some((byte) => byte !== 0) ? content : undefined;
}

/** AppImage signs the SHA-256 of the file in which the two sections are zeros still. */
async function signedDigest(
  bytes: RandomAccess,
  sections: ReadonlyArray<ElfSection | undefined>,
): Promise<string> {
  const hash = createHash("sha256");
  const source = rangeSource(bytes, 0, bytes.sizeBytes);
  let offset = 0;
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) {
    const copy = Buffer.from(chunk);
    for (const section of sections) {
      if (!section) continue;
      const from = Math.max(0, section.offset - offset);
      const to = Math.min(copy.length, section.offset + section.sizeBytes - offset);
      if (from < to) copy.fill(0, from, to);
    }
    hash.update(copy);
    offset += chunk.length;
  }
  return hash.digest("hex");
}
