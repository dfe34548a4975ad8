import {
  type AuthenticodeReport,
  digestsOf,
  invalid,
  judgeByDigest,
  readSignatures,
  reportSignatures,
  withoutSignatures,
} from "../authenticode/authenticode.ts";
import type { Signature } from "../authenticode/signature.ts";
import { finding } from "../findings.ts";
import type { FileToInspect } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readPart, readSigned } from "../unreadable.ts";
import type { CompoundDirectory } from "./compound-directory.ts";
import type { CompoundFile } from "./compound-file.ts";
import { installerDigests, METADATA_DIGEST, metadataDigest, SIGNATURE } from "./installer-digest.ts";

/** SPC_SIPINFO_OBJID */
const SIP_INFO = "1.3.6.1.4.1.311.2.1.30";
const MAX_SIGNATURE_BYTES = 4 * 1024 * 1024;
const MAX_DIGEST_BYTES = 64;
const WHERE = "signature";

/** The Authenticode signatures of an installer, held against its digest when `verify` is asked for. */
export async function installerSignatures(
  file: FileToInspect,
  compound: CompoundFile,
  directory: CompoundDirectory,
): Promise<AuthenticodeReport> {
  const findings: Finding[] = [];
  const stream = directory.find(SIGNATURE);
  const message =
    stream && (await readSigned(findings, invalid, () => directory.read(stream, MAX_SIGNATURE_BYTES)));
  if (message === undefined) return withoutSignatures(findings, "installer");
  const signatures = await readSignatures(message, findings);
  const digests = file.verify
    ? await readSigned(findings, invalid, () => digestsFor(file, directory, signatures, findings))
    : undefined;
  await readPart(findings, async () => findings.push(...trailing(await compound.trailingBytes())));
  const report = reportSignatures(signatures, judgeByDigest(SIP_INFO, digests, "installer"), file.nowMs);
  return { ...report, findings: [...findings, ...report.findings] };
}

async function digestsFor(
  { bytes }: FileToInspect,
  directory: CompoundDirectory,
  signatures: readonly Signature[],
  findings: Finding[],
): Promise<ReadonlyMap<string, Buffer>> {
  const stream = directory.find(METADATA_DIGEST);
  const signed = stream && (await directory.read(stream, MAX_DIGEST_BYTES));
  const algorithms = digestsOf(signatures);
  const holds = algorithms.some((one) => signed?.equals(metadataDigest(directory.root, one)));
  if (signed !== undefined && !holds) {
    findings.push(
      invalid("Names, sizes or times of the installer's streams were changed after it was signed."),
    );
  }
  return installerDigests(directory, bytes.sizeBytes, algorithms, signed);
}

/** A signed installer with a Java archive behind it is both, and the signature holds for both. */
function trailing(bytes: number): Finding[] {
  if (bytes === 0) return [];
  const message = `${bytes} bytes follow the installer, which its signature does not cover.`;
  return [finding("validation.authenticode_unsigned_data", message, { bytes }, WHERE)];
}
