import { createHash, hash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipEntry } from "../zip/zip-directory.ts";
import { entryChunks, readEntry } from "../zip/zip-entry.ts";
import { digestsToVerify, type NamedDigest } from "./jar-digests.ts";
import { isLikeLocalHeader } from "./local-header.ts";
import { type JarSection, readJarSections } from "./jar-manifest.ts";
import { type JarSigner, MAX_SIGNATURE_FILE_BYTES, META_INF } from "./jar-signers.ts";

export const MANIFEST_NAME = "META-INF/MANIFEST.MF";
/** Smaller entries are unpacked at once. */
const SMALL_BYTES = 1024 * 1024;

/** What about a JAR's signature does not hold. */
export interface JarProblem {
  /** A sentence. */
  readonly message: string;
  /** The entry it is about. */
  readonly where: string;
}

export interface JarRules {
  /** The oldest Android that looks at the signature: which digests count depends on it. */
  readonly minSdk: number;
  /** True for JARs as Java has them: entries in `META-INF/` that the manifest names count too. */
  readonly coversMetaInf: boolean;
}

/** The signature of a JAR, verified over all its entries: who signed all of them, or what does not hold. */
export interface JarVerification {
  readonly signers: readonly JarSigner[];
  readonly problem: JarProblem | null;
  /** Entries in `META-INF/` that no signature covers. */
  readonly unprotected: readonly string[];
}

class JarError extends Error {
  readonly problem: JarProblem;

  constructor(message: string, where: string) {
    super(message);
    this.problem = { message, where };
  }
}

/**
 * Verifies what `signers` signed, as Android does ("JAR signing", scheme v1): each signature file against its message, the manifest
 * against each signature file, every entry against the manifest. Reads all entries, a piece at a time. Throws
 * `UnreadableError` (`limit`) beyond what is read; raises what reading the file raises.
 */
export async function verifyJar(
  bytes: RandomAccess,
  entries: readonly ZipEntry[],
  signers: readonly JarSigner[],
  rules: JarRules,
): Promise<JarVerification> {
  try {
    const verified = await verify(bytes, entries, signers, rules);
    return {
      signers: verified,
      problem: null,
      unprotected: rules.coversMetaInf ? [] : unprotected(entries, verified),
    };
  } catch (error) {
    return { signers, problem: problemOf(error), unprotected: [] };
  }
}

/** What cannot be read has no digest either; what is only too large for here may be sound. */
function problemOf(error: unknown): JarProblem {
  if (error instanceof JarError) return error.problem;
  if (!(error instanceof UnreadableError) || error.reason === "limit") throw error;
  return { message: error.message, where: error.where ?? MANIFEST_NAME };
}

async function verify(
  bytes: RandomAccess,
  entries: readonly ZipEntry[],
  signers: readonly JarSigner[],
  rules: JarRules,
): Promise<readonly JarSigner[]> {
  const manifestEntry = entries.find(({ name }) => name === MANIFEST_NAME);
  if (!manifestEntry) throw new JarError("The archive is signed, but has no manifest.", MANIFEST_NAME);
  const own = new Set([MANIFEST_NAME, ...signers.flatMap((one) => [one.block, one.signatureFileName])]);
  for (const entry of entries) if (own.has(entry.name)) await requireSoundHeader(bytes, entry);
  const manifest = await readEntry(bytes, manifestEntry, MAX_SIGNATURE_FILE_BYTES);
  const [main, ...rest] = readJarSections(manifest);
  const sections = sectionsByName(rest, entries);
  const covered = signers.map((signer) => {
    if (signer.problem !== null) throw new JarError(`${signer.block} ${signer.problem}.`, signer.block);
    return { signer, names: checkSignatureFile(signer, manifest, main, sections, rules) };
  });
  return await verifyEntries(bytes, entries, sections, covered, rules);
}

function sectionsByName(
  sections: readonly JarSection[],
  entries: readonly ZipEntry[],
): ReadonlyMap<string, JarSection> {
  const names = new Set(entries.map(({ name }) => name));
  if (names.size < entries.length) throw new JarError("A name stands twice in the archive.", MANIFEST_NAME);
  const byName = new Map<string, JarSection>();
  for (const section of sections) {
    if (section.name === null) throw new JarError("A section of the manifest has no name.", MANIFEST_NAME);
    if (byName.has(section.name)) {
      throw new JarError(`${section.name} stands twice in the manifest.`, section.name);
    }
    if (!names.has(section.name)) {
      throw new JarError(`${section.name} is signed and missing from the archive.`, section.name);
    }
    byName.set(section.name, section);
  }
  return byName;
}

/** Checks the manifest against a signature file; answers the names of the entries that are signed with it. */
function checkSignatureFile(
  { sections, signatureFileName: where }: JarSigner,
  manifest: Buffer,
  manifestMain: JarSection | undefined,
  manifestSections: ReadonlyMap<string, JarSection>,
  { minSdk }: JarRules,
): ReadonlySet<string> {
  const [main, ...rest] = sections;
  if (!main?.attributes.has("signature-version")) throw new JarError(`${where} is no signature file.`, where);
  const isSigntool = (main.attributes.get("created-by") ?? "").includes("signtool");
  const whole = digestsToVerify(main, isSigntool ? "-digest" : "-digest-manifest", minSdk);
  const isWholeVerified = whole.length > 0 && whole.every((one) => isDigestOf(one, manifest));
  const ofMain = isSigntool ? [] : digestsToVerify(main, "-digest-manifest-main-attributes", minSdk);
  const mainBytes = manifestMain ? manifest.subarray(manifestMain.start, manifestMain.end) : Buffer.alloc(0);
  if (!ofMain.every((one) => isDigestOf(one, mainBytes))) {
    throw new JarError("The manifest's main section is not the one that was signed.", where);
  }
  const names = new Set<string>();
  for (const section of rest) {
    if (section.name === null || names.has(section.name)) {
      throw new JarError(`${where} has a section without a name of its own.`, where);
    }
    names.add(section.name);
    // With the digest of the whole manifest right, its sections are.
    if (isWholeVerified) continue;
    checkSection(section, section.name, isSigntool, manifest, manifestSections, minSdk, where);
  }
  return names;
}

function checkSection(
  section: JarSection,
  name: string,
  isSigntool: boolean,
  manifest: Buffer,
  manifestSections: ReadonlyMap<string, JarSection>,
  minSdk: number,
  where: string,
): void {
  const signed = manifestSections.get(name);
  const digests = digestsToVerify(section, "-digest", minSdk);
  if (!signed || digests.length === 0) throw new JarError(`${where} signs ${name} without a digest.`, name);
  const bytes = manifest.subarray(signed.start, signed.end);
  // That tool left the empty line out.
  const isOpen = isSigntool && bytes.subarray(-2).toString("latin1") === "\n\n";
  const digested = isOpen ? bytes.subarray(0, -1) : bytes;
  if (!digests.every((one) => isDigestOf(one, digested))) {
    throw new JarError(`What the manifest says of ${name} is not what was signed.`, name);
  }
}

/** Every entry is digested; all are signed by the same signers, which are the answer. */
async function verifyEntries(
  bytes: RandomAccess,
  entries: readonly ZipEntry[],
  sections: ReadonlyMap<string, JarSection>,
  covered: readonly { readonly signer: JarSigner; readonly names: ReadonlySet<string> }[],
  rules: JarRules,
): Promise<readonly JarSigner[]> {
  let common: readonly JarSigner[] | undefined;
  for (const entry of entries.toSorted((a, b) => a.localOffset - b.localOffset)) {
    const { name } = entry;
    const section = sections.get(name);
    if (name.endsWith("/") || (name.startsWith(META_INF) && !(rules.coversMetaInf && section))) continue;
    const signers = covered.filter(({ names }) => names.has(name)).map(({ signer }) => signer);
    if (!section || signers.length === 0) throw new JarError(`${name} is not signed.`, name);
    common ??= signers;
    if (signers.length !== common.length || !signers.every((signer) => common!.includes(signer))) {
      throw new JarError(`${name} is signed by other signers than the entries before it.`, name);
    }
    const digests = digestsToVerify(section, "-digest", rules.minSdk);
    if (digests.length === 0) throw new JarError(`${name} is signed without a digest.`, name);
    await requireSoundHeader(bytes, entry);
    if (!(await isEntryWith(bytes, entry, digests))) {
      throw new JarError(`The content of ${name} is not what was signed.`, name);
    }
  }
  if (!common) throw new JarError("The signature covers no entry.", MANIFEST_NAME);
  return common;
}

async function requireSoundHeader(bytes: RandomAccess, entry: ZipEntry): Promise<void> {
  if (await isLikeLocalHeader(bytes, entry)) return;
  throw new JarError(`The header of ${entry.name} is not what the archive's directory says.`, entry.name);
}

async function isEntryWith(
  bytes: RandomAccess,
  entry: ZipEntry,
  digests: readonly NamedDigest[],
): Promise<boolean> {
  if (entry.sizeBytes <= SMALL_BYTES) {
    const content = await readEntry(bytes, entry, SMALL_BYTES);
    return digests.every((one) => isDigestOf(one, content));
  }
  const hashes = digests.map(({ algorithm }) => createHash(algorithm));
  for await (const chunk of entryChunks(bytes, entry)) for (const one of hashes) one.update(chunk);
  return digests.every(({ digest }, index) => hashes[index]!.digest().equals(digest));
}

function isDigestOf({ algorithm, digest }: NamedDigest, bytes: Buffer): boolean {
  return hash(algorithm, bytes, "buffer").equals(digest);
}

function unprotected(entries: readonly ZipEntry[], signers: readonly JarSigner[]): string[] {
  const own = new Set([MANIFEST_NAME, ...signers.flatMap((one) => [one.block, one.signatureFileName])]);
  return entries
    .map(({ name }) => name)
    .filter((name) => name.startsWith(META_INF) && !name.endsWith("/") && !own.has(name));
}
