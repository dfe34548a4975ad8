import { createHash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";
import type { CertificateTable } from "./certificate-table.ts";
import type { PeHeaders } from "./pe-headers.ts";

const READ_BYTES = 2 * 1024 * 1024;

/**
 * The digests of a program that Authenticode signs, by algorithm: of the whole file without the checksum, the certificate table's
 * directory entry and the table itself ("Windows Authenticode Portable Executable Signature Format", Calculating the PE Image Hash).
 */
export async function imageDigests(
  bytes: RandomAccess,
  headers: PeHeaders,
  table: CertificateTable,
  algorithms: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  const hashes = algorithms.map((name) => [name, createHash(name)] as const);
  for (const [start, stop] of signedParts(headers, table)) {
    for (let offset = start; offset < stop; offset += READ_BYTES) {
      const chunk = await readExactly(bytes, offset, Math.min(READ_BYTES, stop - offset));
      if (!chunk) throw new UnreadableError("truncated", "The file ends while it is read.");
      for (const [, hash] of hashes) hash.update(chunk);
    }
  }
  return new Map(hashes.map(([name, hash]) => [name, hash.digest()]));
}

function signedParts(
  { checksumOffset, certificateEntryOffset }: PeHeaders,
  { start }: CertificateTable,
): Array<readonly [start: number, stop: number]> {
  const entry = certificateEntryOffset ?? checksumOffset + 4;
  return [
    [0, checksumOffset],
    [checksumOffset + 4, entry],
    [entry + 8, start],
  ];
}
