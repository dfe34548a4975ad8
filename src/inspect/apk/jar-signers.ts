import type { X509Certificate } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { readSignedData } from "../cms/signed-data.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipEntry } from "../zip/zip-directory.ts";
import { readEntry } from "../zip/zip-entry.ts";
import { type JarSection, readJarSections } from "./jar-manifest.ts";

export const META_INF = "META-INF/";
/** Some 150 bytes for each entry of the archive. */
export const MAX_SIGNATURE_FILE_BYTES = 32 * 1024 * 1024;
const MAX_BLOCK_BYTES = 1024 * 1024;
/** Each costs a check of a signature and a set of all the names it signs. */
const MAX_SIGNERS = 10;
/** Before Android 7 only the first signer of a message was looked at. */
const NOUGAT = 24;
/** Before Android 4.4 the digest within signed attributes was not checked: whatever they sign is not protected there. */
const KITKAT = 19;

/** Who signed a JAR: a signature file, which digests the manifest, and the message that signs it. */
export interface JarSigner {
  /** The name of the block file, `META-INF/CERT.RSA`. */
  readonly block: string;
  readonly signatureFileName: string;
  readonly signatureFile: Buffer;
  /** The signature file's sections, the main one first. */
  readonly sections: readonly JarSection[];
  /** The signer's first; empty when it has none that can be read. */
  readonly certificates: readonly X509Certificate[];
  /** Why the message is no signature over the signature file, a sentence without its subject; null when it is. */
  readonly problem: string | null;
}

/** The signers of an archive, their messages verified. Throws `UnreadableError` for more than are read. */
export async function readJarSigners(
  bytes: RandomAccess,
  entries: readonly ZipEntry[],
  minSdk: number,
): Promise<JarSigner[]> {
  const byName = new Map(entries.map((entry) => [entry.name, entry] as const));
  const signers: JarSigner[] = [];
  for (const block of entries) {
    const base = /^META-INF\/(.*)\.(?:RSA|DSA|EC)$/s.exec(block.name)?.[1];
    const signatureFile = base === undefined ? undefined : byName.get(`${META_INF}${base}.SF`);
    // Android too leaves a message without its signature file alone.
    if (!signatureFile) continue;
    if (signers.length === MAX_SIGNERS) {
      throw new UnreadableError("limit", `The archive has more than ${MAX_SIGNERS} signers.`, block.name);
    }
    signers.push(await readSigner(bytes, block, signatureFile, minSdk));
  }
  return signers;
}

/** True when parts of a signature are there, whether or not they make one. */
export function hasRemains(entries: readonly ZipEntry[]): boolean {
  return entries.some(({ name }) => /^META-INF\/.*\.(?:SF|RSA|DSA|EC)$/s.test(name));
}

async function readSigner(
  bytes: RandomAccess,
  block: ZipEntry,
  signatureFileEntry: ZipEntry,
  minSdk: number,
): Promise<JarSigner> {
  const signatureFile = await readEntry(bytes, signatureFileEntry, MAX_SIGNATURE_FILE_BYTES);
  const message = await readEntry(bytes, block, MAX_BLOCK_BYTES);
  return {
    block: block.name,
    signatureFileName: signatureFileEntry.name,
    signatureFile,
    sections: readJarSections(signatureFile),
    ...(await checkMessage(message, signatureFile, minSdk)),
  };
}

async function checkMessage(
  message: Buffer,
  signatureFile: Buffer,
  minSdk: number,
): Promise<Pick<JarSigner, "certificates" | "problem">> {
  const read = await tryReadSignedData(message, signatureFile);
  if (typeof read === "string") return { certificates: [], problem: read };
  const first = read.signers[0];
  const signer = minSdk < NOUGAT ? first : (read.signers.find(({ verified }) => verified) ?? first);
  if (!signer) return { certificates: [], problem: "has no signer" };
  const certificates = signer.certificate ? [signer.certificate, ...signer.chain.slice(1)] : [];
  if (!signer.verified) {
    return {
      certificates,
      problem: `is no signature over its signature file: ${signer.problem ?? "unknown"}`,
    };
  }
  const isUnsafe = minSdk < KITKAT && signer.signedAttributes.size > 0;
  return {
    certificates,
    problem: isUnsafe ? "has signed attributes, which Android before 4.4 does not check" : null,
  };
}

async function tryReadSignedData(
  message: Buffer,
  signatureFile: Buffer,
): Promise<Awaited<ReturnType<typeof readSignedData>> | string> {
  try {
    return await readSignedData(message, signatureFile);
  } catch (error) {
    if (error instanceof UnreadableError) return `cannot be read: ${error.message}`;
    throw error;
  }
}

/** The schemes that a signature file says the APK was signed with too: `X-Android-APK-Signed: 2, 3`. */
export function alsoSignedWith(signer: JarSigner): number[] {
  const value = signer.sections[0]?.attributes.get("x-android-apk-signed") ?? "";
  return value
    .split(",", MAX_SCHEMES)
    .flatMap((text) => (/^\s*\d{1,9}\s*$/.test(text) ? [Number(text)] : []));
}

const MAX_SCHEMES = 20;
