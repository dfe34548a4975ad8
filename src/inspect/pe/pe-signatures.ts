import type { RandomAccess } from "../../base/random-access.ts";
import {
  type AuthenticodeReport,
  digestsOf,
  invalid,
  judgeByDigest,
  readSignatures,
  reportSignatures,
  withoutSignatures,
} from "../authenticode/authenticode.ts";
import { finding } from "../findings.ts";
import type { FileToInspect } from "../format-reader.ts";
import type { Finding } from "../inspection.ts";
import { readSigned } from "../unreadable.ts";
import { type CertificateTable, readCertificateTable } from "./certificate-table.ts";
import { imageDigests } from "./image-digest.ts";
import type { PeHeaders } from "./pe-headers.ts";

/** SPC_PE_IMAGE_DATAOBJ */
const PE_IMAGE = "1.3.6.1.4.1.311.2.1.15";
const WHERE = "signature";

/** The Authenticode signatures of a program, held against its digest when `verify` is asked for. */
export async function peSignatures(file: FileToInspect, headers: PeHeaders): Promise<AuthenticodeReport> {
  const findings: Finding[] = [];
  const table = await readSigned(findings, invalid, () => readCertificateTable(file.bytes, headers));
  if (table === undefined || table.messages.length === 0) return withoutSignatures(findings, "program");
  findings.push(...uncovered(file.bytes, table));
  const signatures = await Promise.all(table.messages.map((message) => readSignatures(message, findings)));
  const all = signatures.flat();
  const digests = file.verify
    ? await readSigned(findings, invalid, () => imageDigests(file.bytes, headers, table, digestsOf(all)))
    : undefined;
  const report = reportSignatures(all, judgeByDigest(PE_IMAGE, digests, "program"), file.nowMs);
  return { ...report, findings: [...findings, ...report.findings] };
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
