import type { RandomAccess } from "../../base/random-access.ts";
import {
  type AuthenticodeReport,
  digestsOf,
  invalid,
  readSignatures,
  reportSignatures,
} from "../authenticode/authenticode.ts";
import type { SpcIndirectData } from "../authenticode/spc.ts";
import { finding } from "../findings.ts";
import type { FileToInspect } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readPart } from "../unreadable.ts";
import { type CertificateTable, readCertificateTable } from "./certificate-table.ts";
import { imageDigests } from "./image-digest.ts";
import type { PeHeaders } from "./pe-headers.ts";

/** SPC_PE_IMAGE_DATAOBJ */
const PE_IMAGE = "1.3.6.1.4.1.311.2.1.15";
const WHERE = "signature";

/** The Authenticode signatures of a program, held against its digest when `verify` is asked for. */
export async function peSignatures(file: FileToInspect, headers: PeHeaders): Promise<AuthenticodeReport> {
  const findings: Finding[] = [];
  const table = await readPart(findings, () => readCertificateTable(file.bytes, headers));
  if (table === undefined || table.messages.length === 0) {
    // What is there and cannot be read has a finding already.
    if (findings.length === 0)
      findings.push(finding("validation.unsigned", "Nobody has signed the program."));
    return { facts: { signatures: [], certificates: [] }, signers: [], findings };
  }
  findings.push(...uncovered(file.bytes, table));
  const signatures = await Promise.all(table.messages.map((message) => readSignatures(message, findings)));
  const all = signatures.flat();
  const digests = file.verify
    ? await readPart(findings, () => imageDigests(file.bytes, headers, table, digestsOf(all)))
    : undefined;
  const report = reportSignatures(all, (signed) => judge(signed, digests), file.nowMs);
  return { ...report, findings: [...findings, ...report.findings] };
}

function judge(
  { kind, digestAlgorithm, digest }: SpcIndirectData,
  digests: ReadonlyMap<string, Buffer> | undefined,
): string | null | undefined {
  if (kind !== PE_IMAGE) return "The signature is one for another kind of file.";
  if (digests === undefined) return undefined;
  const actual = digests.get(digestAlgorithm);
  if (actual === undefined) return `The signature's digest algorithm ${digestAlgorithm} is not known.`;
  if (actual.equals(digest)) return null;
  return `The program was changed after it was signed: its ${digestAlgorithm} digest is ${actual.toString("hex")}, the signed one ${digest.toString("hex")}.`;
}

/** Bytes that the digest leaves out, other than the signature itself. */
function uncovered(bytes: RandomAccess, { stop, strayBytes }: CertificateTable): Finding[] {
  const after = bytes.sizeBytes - stop;
  return [
    ...(after > 0
      ? [invalid(`${after} bytes follow the signature, which has to be the last thing in the file.`)]
      : []),
    ...(strayBytes > 0
      ? [
          finding(
            "validation.authenticode_unsigned_data",
            `The place of the signature holds ${strayBytes} bytes that nothing signs.`,
            { bytes: strayBytes },
            WHERE,
          ),
        ]
      : []),
  ];
}
