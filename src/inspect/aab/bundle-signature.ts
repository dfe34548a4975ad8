import type { RandomAccess } from "../../base/random-access.ts";
import { type ApkSignature, signatureOfJar } from "../apk/apk-signature.ts";
import { type JarVerification, verifyJar } from "../apk/jar-signature.ts";
import { hasRemains, type JarSigner, readJarSigners } from "../apk/jar-signers.ts";
import type { Signed } from "../apk/signature-facts.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { UnreadableError, unreadableFinding } from "../unreadable.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";

/** No device reads a bundle's signature: newer than any rule that older ones need. */
const rules = { minSdk: 24, coversMetaInf: true };
const WHERE = "META-INF";

/**
 * Reads who signed a bundle as a JAR and, with `verify`, verifies it over all entries. What does not hold is added to `findings`. Raises
 * what reading the file raises.
 */
export async function verifyBundle(
  bytes: RandomAccess,
  { entries }: ZipDirectory,
  verify: boolean,
  findings: Finding[],
): Promise<Signed> {
  const read = async <T>(work: () => Promise<T>) => readSigned(findings, work);
  const signers = await read(() => readJarSigners(bytes, entries, rules.minSdk));
  if (!signers) return { signatures: [], signers: [], verified: false };
  if (signers.length === 0) {
    findings.push(
      hasRemains(entries)
        ? invalid("Only parts of a signature are there.", WHERE)
        : finding("validation.unsigned", "Nobody has signed the bundle: stores do not take it."),
    );
    return { signatures: [], signers: [], verified: false };
  }
  const jar = verify ? await read(() => verifyJar(bytes, entries, signers, rules)) : undefined;
  if (jar && jar.problem !== null) {
    findings.push(invalid(`The bundle's signature does not hold. ${jar.problem.message}`, jar.problem.where));
  }
  const signature = signatureOf(jar, signers);
  return { signatures: [signature], signers: signature.signers, verified: signature.verified === true };
}

function signatureOf(jar: JarVerification | undefined, signers: readonly JarSigner[]): ApkSignature {
  if (!jar) return signatureOfJar({ signers, problem: null, unprotected: [] }, null, "jar");
  return signatureOfJar(jar, jar.problem === null, "jar");
}

/** Remains of a signature are one that does not hold; what is only too large for here may be sound. */
async function readSigned<T>(findings: Finding[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const isDamage = error instanceof UnreadableError && error.reason !== "limit";
    findings.push(
      isDamage ? invalid(`The signature cannot be read. ${error.message}`, WHERE) : unreadableFinding(error),
    );
    return undefined;
  }
}

function invalid(message: string, where: string): Finding {
  return finding("validation.aab_signature_invalid", message, undefined, where);
}
