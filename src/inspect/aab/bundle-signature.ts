import type { RandomAccess } from "../../base/random-access.ts";
import { type Signed, signerFindings } from "../apk/signature-facts.ts";
import { signatureOfJar } from "../apk/apk-signature.ts";
import { type JarVerification, verifyJar } from "../apk/jar-signature.ts";
import { hasRemains, readJarSigners } from "../apk/jar-signers.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { UnreadableError, unreadableFinding } from "../unreadable.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";

/** A bundle is verified by stores and never by a device: the newest rules count, whatever the app runs on. */
const RULES = { minSdk: 24, coversMetaInf: true } as const;

/**
 * The signature of a bundle, that of a JAR; with `verify` over every entry. Nothing is signed with that on a device: the store or
 * bundletool signs what it makes of the bundle. Adds what does not hold. Raises what reading the file raises.
 */
export async function verifyBundle(
  bytes: RandomAccess,
  { entries }: ZipDirectory,
  verify: boolean,
  nowMs: number,
  findings: Finding[],
): Promise<Signed> {
  const none: Signed = { signatures: [], signers: [], verified: false };
  try {
    const signers = await readJarSigners(bytes, entries, RULES.minSdk);
    if (signers.length === 0) {
      findings.push(
        hasRemains(entries)
          ? invalid("Only parts of a signature are there.", "META-INF")
          : finding("validation.unsigned", "Nobody has signed the bundle."),
      );
      return none;
    }
    const jar: JarVerification = verify
      ? await verifyJar(bytes, entries, signers, RULES)
      : { signers, problem: null, unprotected: [] };
    if (jar.problem !== null) findings.push(invalid(jar.problem.message, jar.problem.where));
    const signature = signatureOfJar(jar, verify ? jar.problem === null : null);
    const signed = {
      signatures: [signature],
      signers: signature.signers,
      verified: signature.verified === true,
    };
    findings.push(...signerFindings(signed, nowMs));
    return signed;
  } catch (error) {
    const isDamage = error instanceof UnreadableError && error.reason !== "limit";
    findings.push(
      isDamage ? invalid(`It cannot be read. ${error.message}`, "META-INF") : unreadableFinding(error),
    );
    return none;
  }
}

function invalid(problem: string, where: string): Finding {
  return finding(
    "validation.aab_signature_invalid",
    `The bundle's signature does not hold. ${problem}`,
    undefined,
    where,
  );
}
