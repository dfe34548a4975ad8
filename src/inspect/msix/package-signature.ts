import {
  type AuthenticodeReport,
  digestsOf,
  invalid,
  type JudgeContent,
  readSignatures,
  reportSignatures,
  withoutSignatures,
} from "../authenticode/authenticode.ts";
import type { Signature } from "../authenticode/signature.ts";
import type { SpcIndirectData } from "../authenticode/spc.ts";
import { nameInOneLine } from "../cms/subject.ts";
import { finding } from "../findings.ts";
import type { FileToInspect } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readSigned } from "../unreadable.ts";
import type { ZipDirectory } from "../zip/zip-directory.ts";
import { readEntry } from "../zip/zip-entry.ts";
import { type PackageDigests, packageDigests, SIGNATURE_FILE } from "./package-digests.ts";

/** SPC_SIPINFO_OBJID */
const SIP_INFO = "1.3.6.1.4.1.311.2.1.30";
const MAX_SIGNATURE_BYTES = 4 * 1024 * 1024;
/** Stands before the PKCS #7 message. */
const MAGIC = "PKCX";
const WHERE = "signature";

/** What each part of a package's signature is over, in the words of its findings. */
const parts: ReadonlyMap<string, string> = new Map([
  ["AXPC", "files"],
  ["AXCD", "directory"],
  ["AXCT", "content types"],
  ["AXBM", "block map"],
  ["AXCI", "code integrity catalogue"],
]);

/**
 * The signature of an app package, held against all of it when `verify` is asked for, and its signer against the publisher that the
 * manifest names.
 */
export async function packageSignature(
  { bytes, verify, nowMs }: FileToInspect,
  directory: ZipDirectory,
  publisher: string | null,
): Promise<AuthenticodeReport> {
  const findings: Finding[] = [];
  const entry = directory.entries.find(({ name }) => name === SIGNATURE_FILE);
  const file =
    entry && (await readSigned(findings, invalid, () => readEntry(bytes, entry, MAX_SIGNATURE_BYTES)));
  if (file === undefined) return withoutSignatures(findings, "app package");
  if (file.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    return withoutSignatures([invalid("The signature is none of an app package.")], "app package");
  }
  const signatures = await readSignatures(file.subarray(MAGIC.length), findings);
  const digests = verify
    ? await readSigned(findings, invalid, () =>
        digestsByAlgorithm(signatures, (one) => packageDigests(bytes, directory, one)),
      )
    : undefined;
  const report = reportSignatures(signatures, judge(digests), nowMs);
  return {
    ...report,
    findings: [...findings, ...report.findings, ...publisherFindings(signatures, publisher)],
  };
}

type ByAlgorithm = ReadonlyMap<string, PackageDigests>;

async function digestsByAlgorithm(
  signatures: readonly Signature[],
  compute: (algorithm: string) => Promise<PackageDigests>,
): Promise<ByAlgorithm> {
  const found = new Map<string, PackageDigests>();
  for (const algorithm of digestsOf(signatures)) found.set(algorithm, await compute(algorithm));
  return found;
}

function judge(digests: ByAlgorithm | undefined): JudgeContent {
  return (signed) => {
    if (signed.kind !== SIP_INFO) return "The signature is one for another kind of file.";
    if (digests === undefined) return undefined;
    const actual = digests.get(signed.digestAlgorithm);
    if (!actual) return `The signature's digest algorithm ${signed.digestAlgorithm} is not known.`;
    return compare(signed, actual);
  };
}

/** The signed digest is `APPX` and then digests, four letters before each. */
function compare({ digest }: SpcIndirectData, actual: PackageDigests): string | null {
  const sizeBytes = actual.get("AXPC")!.length;
  if (digest.toString("latin1", 0, 4) !== "APPX" || (digest.length - 4) % (sizeBytes + 4) !== 0) {
    return "The signature does not say what of the package it is over.";
  }
  const signed = new Map<string, Buffer>();
  for (let at = 4; at < digest.length; at += 4 + sizeBytes) {
    signed.set(digest.toString("latin1", at, at + 4), digest.subarray(at + 4, at + 4 + sizeBytes));
  }
  for (const label of new Set([...actual.keys(), ...signed.keys()])) {
    const name = parts.get(label);
    if (name === undefined) return "The signature is over a part of the package that is not known.";
    const [one, other] = [signed.get(label), actual.get(label)];
    if (!one || !other) return `The package's ${name} and the signature do not belong together.`;
    if (!one.equals(other))
      return `The package was changed after it was signed: its ${name} are not the signed ones.`;
  }
  return null;
}

/** Windows compares the names as they are written, and so do people who wonder. */
function publisherFindings(signatures: readonly Signature[], publisher: string | null): Finding[] {
  if (publisher === null) return [];
  return signatures.flatMap(({ signer }) => {
    if (signer.certificate === null) return [];
    const subject = nameInOneLine(signer.certificate.subject);
    if (comparable(subject) === comparable(publisher)) return [];
    const message = `The package names the publisher ${publisher}, and is signed by ${subject}.`;
    return [finding("validation.publisher_mismatch", message, { publisher, subject }, WHERE)];
  });
}

/** Without spaces between the parts and quotes around them; Windows writes `S` for what others call `ST`. */
function comparable(name: string): string {
  return name
    .replaceAll(/["\\]/g, "")
    .replaceAll(/\s*([,=+])\s*/g, "$1")
    .replaceAll(/(^|,)S=/g, "$1ST=");
}
