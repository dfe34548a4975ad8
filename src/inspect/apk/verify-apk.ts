import type { RandomAccess } from "../../base/random-access.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { UnreadableError, unreadableFinding } from "../unreadable.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";
import { type ApkSigner, type ApkSignature, signatureOfJar, signatureOfScheme } from "./apk-signature.ts";
import { verifyJar } from "./jar-signature.ts";
import { alsoSignedWith, hasRemains, type JarSigner, readJarSigners } from "./jar-signers.ts";
import type { SchemeSignature } from "./scheme-signature.ts";
import { signersDisagree } from "./signers-disagree.ts";
import { findSigningBlock, type SigningBlock } from "./signing-block.ts";
import { verifySchemes } from "./verify-schemes.ts";

/** Android before 7 knows scheme v1 alone; later ones look at it when there is no other. */
const NOUGAT = 24;
/** Android 11 installs apps that target it only with a signature of scheme v2 or newer. */
const TARGET_NEEDING_V2 = 30;
const SHOWN_NAMES = 5;
const BLOCK = "APK Signing Block";

/** What the manifest says that decides which schemes are looked at. */
export interface ApkNeeds {
  readonly minSdk: number;
  readonly targetSdk: number;
  readonly targetSandbox: number;
}

export interface ApkSignatures {
  /** Of all schemes that some Android looks at, the oldest first. */
  readonly signatures: readonly ApkSignature[];
  /** Those of the newest scheme. */
  readonly signers: readonly ApkSigner[];
  /** True when everything that some Android looks at holds, over all of the file. */
  readonly verified: boolean;
  readonly findings: readonly Finding[];
}

/**
 * Reads an APK's signatures and, with `verify`, verifies over all of the file those that some Android from the manifest's oldest on looks
 * at: the rules of `apksigner verify`. Raises what reading the file raises.
 */
export async function verifyApk(
  bytes: RandomAccess,
  directory: ZipDirectory,
  needs: ApkNeeds,
  verify: boolean,
): Promise<ApkSignatures> {
  const findings: Finding[] = [];
  const block = await readSigned(findings, BLOCK, () => findSigningBlock(bytes, directory));
  const schemes = block ? await readSchemes(bytes, directory, block, needs, verify, findings) : [];
  const needsV1 = needs.minSdk < NOUGAT || schemes.length === 0;
  const v1 = needsV1 ? await readV1(bytes, directory, needs, verify, schemes, findings) : undefined;
  const signatures = [...(v1 ? [v1] : []), ...schemes.toReversed().map(signatureOfScheme)];
  if (signatures.length === 0 && findings.length === 0) {
    findings.push(
      block
        ? invalid(`The ${BLOCK} has no signature that Android knows.`, BLOCK)
        : finding("validation.unsigned", "Nobody has signed the APK: Android does not install it."),
    );
  }
  if (findings.length === 0) findings.push(...rulesOverAll(signatures, needs));
  return {
    signatures,
    signers: signersOf(signatures),
    verified: findings.length === 0 && signatures.every(({ verified }) => verified === true),
    findings: [...findings, ...unprotectedFindings(signatures)],
  };
}

async function readSchemes(
  bytes: RandomAccess,
  directory: ZipDirectory,
  block: SigningBlock,
  { minSdk }: ApkNeeds,
  verify: boolean,
  findings: Finding[],
): Promise<readonly SchemeSignature[]> {
  const read = () => verifySchemes(bytes, directory, block, minSdk, verify);
  const schemes = (await readSigned(findings, BLOCK, read)) ?? [];
  for (const { scheme, problem, isStripped } of schemes) {
    if (problem === null) continue;
    const message = `The signature of scheme ${scheme} does not hold: ${problem}.`;
    findings.push(
      isStripped ? stripped(message, `${scheme} signature`) : invalid(message, `${scheme} signature`),
    );
  }
  return schemes;
}

async function readV1(
  bytes: RandomAccess,
  directory: ZipDirectory,
  { minSdk }: ApkNeeds,
  verify: boolean,
  schemes: readonly SchemeSignature[],
  findings: Finding[],
): Promise<ApkSignature | undefined> {
  const { entries } = directory;
  const signers = await readSigned(findings, "META-INF", () => readJarSigners(bytes, entries, minSdk));
  if (!signers) return undefined;
  if (signers.length === 0) {
    if (hasRemains(entries)) {
      findings.push(invalid("Only parts of a signature of scheme v1 are there.", "META-INF"));
    } else if (schemes.length > 0) {
      const message = `Android before 7, which the app is for (API ${minSdk}), looks for a signature of scheme v1; there is none.`;
      findings.push(invalid(message, "META-INF"));
    }
    return undefined;
  }
  findings.push(...signers.flatMap((signer) => strippedSchemes(signer, schemes)));
  // What is refused already need not be read whole.
  if (!verify || findings.length > 0)
    return signatureOfJar({ signers, problem: null, unprotected: [] }, null);
  const rules = { minSdk, coversMetaInf: false };
  const jar = await readSigned(findings, "META-INF", () => verifyJar(bytes, entries, signers, rules));
  if (!jar) return signatureOfJar({ signers, problem: null, unprotected: [] }, null);
  if (jar.problem !== null) {
    findings.push(
      invalid(`The signature of scheme v1 does not hold. ${jar.problem.message}`, jar.problem.where),
    );
  }
  return signatureOfJar(jar, jar.problem === null);
}

/** Android looks for every scheme that a signature file names and that it knows: else a newer signature could be taken away. */
function strippedSchemes(signer: JarSigner, schemes: readonly SchemeSignature[]): Finding[] {
  const named = new Set(alsoSignedWith(signer));
  const found = new Set(schemes.map(({ scheme }) => (scheme === "v2" ? 2 : 3)));
  const missing = ([2, 3] as const).filter((number) => named.has(number) && !found.has(number));
  return missing.map((number) =>
    stripped(
      `The signature of scheme v1 was made together with one of scheme v${number}, which is gone.`,
      signer.signatureFileName,
    ),
  );
}

function rulesOverAll(signatures: readonly ApkSignature[], needs: ApkNeeds): Finding[] {
  const disagreement = signersDisagree(signatures);
  if (disagreement !== null) return [invalid(disagreement, "signatures")];
  const isWhole = signatures.some(({ scheme }) => scheme !== "v1");
  if (isWhole || signatures.length === 0) return [];
  if (needs.targetSandbox > 1) {
    return [
      invalid(
        "Android wants scheme v2 or newer of apps with target sandbox 2; there is only v1.",
        "signatures",
      ),
    ];
  }
  if (needs.targetSdk >= TARGET_NEEDING_V2) {
    const message = `Android wants scheme v2 or newer of apps that target API ${needs.targetSdk}; there is only v1.`;
    return [invalid(message, "signatures")];
  }
  return [];
}

/** Who signed for the newest Android: of the newest scheme the signer for the highest API levels, in v2 and v1 all of them. */
function signersOf(signatures: readonly ApkSignature[]): readonly ApkSigner[] {
  const newest = signatures.at(-1);
  if (!newest) return [];
  return newest.scheme === "v1" || newest.scheme === "v2" ? newest.signers : newest.signers.slice(-1);
}

function unprotectedFindings(signatures: readonly ApkSignature[]): Finding[] {
  // Other schemes cover the whole file.
  const names = signatures.length === 1 ? signatures[0]!.unprotected : [];
  if (names.length === 0) return [];
  const message = `No signature covers ${names.length} of the files in META-INF: anybody may change them.`;
  const details = { names: names.slice(0, SHOWN_NAMES), count: names.length };
  return [finding("validation.apk_unprotected_entries", message, details, names[0])];
}

/** Remains of a signature are one that does not hold; what is only too large for here may be sound. */
async function readSigned<T>(
  findings: Finding[],
  where: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const isDamage = error instanceof UnreadableError && error.reason !== "limit";
    findings.push(
      isDamage ? invalid(`The signature cannot be read. ${error.message}`, where) : unreadableFinding(error),
    );
    return undefined;
  }
}

function invalid(message: string, where: string): Finding {
  return finding("validation.apk_signature_invalid", message, undefined, where);
}

function stripped(message: string, where: string): Finding {
  return finding("validation.apk_signature_stripped", message, undefined, where);
}
