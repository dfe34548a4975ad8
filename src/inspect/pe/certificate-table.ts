import type { RandomAccess } from "../../base/random-access.ts";
import { readBer } from "../cms/ber.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import { directory, type PeHeaders } from "./pe-headers.ts";

/** With a digest for each page, that of a program of 1 GiB has some ten MiB. */
const MAX_TABLE_BYTES = 32 * 1024 * 1024;
const MAX_CERTIFICATES = 16;
/** WIN_CERT_TYPE_PKCS_SIGNED_DATA */
const PKCS_SIGNED_DATA = 2;
/** Entries are padded to this many bytes. */
const ALIGNMENT = 8;
const WHERE = "certificate table";

/** The place of a program's signatures. */
export interface CertificateTable {
  /** Where it begins and ends in the file. */
  readonly start: number;
  readonly stop: number;
  /** The PKCS #7 messages in it. */
  readonly messages: readonly Buffer[];
  /** Bytes in it that belong to no message and are no padding. */
  readonly strayBytes: number;
}

/**
 * Reads the attribute certificate table ("PE Format"), whose directory entry has an offset in the file. Undefined when there is none.
 * Throws `UnreadableError`.
 */
export async function readCertificateTable(
  bytes: RandomAccess,
  headers: PeHeaders,
): Promise<CertificateTable | undefined> {
  const entry = headers.directories[directory.certificates];
  if (entry === undefined || (entry.rva === 0 && entry.sizeBytes === 0)) return undefined;
  const { rva: start, sizeBytes } = entry;
  if (start + sizeBytes > bytes.sizeBytes) {
    throw new UnreadableError("truncated", "The file ends before its signature does.", WHERE);
  }
  if (start < headers.headersEnd)
    throw new UnreadableError("damaged", "The signature stands in the headers.", WHERE);
  if (sizeBytes > MAX_TABLE_BYTES) {
    throw new UnreadableError(
      "limit",
      `The signature is ${sizeBytes} bytes long; ${MAX_TABLE_BYTES} are read.`,
      WHERE,
    );
  }
  const table = await readExactly(bytes, start, sizeBytes);
  if (!table) throw new UnreadableError("truncated", "The file ends before its signature does.", WHERE);
  return { start, stop: start + sizeBytes, ...readEntries(table) };
}

/** WIN_CERTIFICATE: dwLength (with this header), wRevision, wCertificateType, bCertificate. */
function readEntries(table: Buffer): Pick<CertificateTable, "messages" | "strayBytes"> {
  const reader = new ByteReader(table, WHERE);
  const messages: Buffer[] = [];
  let strayBytes = 0;
  while (reader.left >= 8 && messages.length < MAX_CERTIFICATES) {
    const length = reader.u32le();
    if (length < 8) break;
    const certificate = reader.part(length - 4);
    const type = certificate.skip(2).u16le();
    const body = certificate.rest();
    const message = type === PKCS_SIGNED_DATA ? readBer(body).encoded : body;
    messages.push(message);
    strayBytes += strayIn(body.subarray(message.length));
    reader.skip(Math.min((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT, reader.left));
  }
  return { messages, strayBytes: strayBytes + strayIn(reader.rest()) };
}

/** Padding is zeros, fewer than the alignment. */
function strayIn(rest: Buffer): number {
  return rest.length < ALIGNMENT && rest.every((byte) => byte === 0) ? 0 : rest.length;
}
