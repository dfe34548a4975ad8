import type { RandomAccess } from "../../base/random-access.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { UnreadableError } from "../unreadable.ts";
import type { ZipEntry } from "./zip-directory.ts";
import { entryChunks, readEntry } from "./zip-entry.ts";

/** So much is unpacked of any archive, and so many times its size of a large one: within the time that inspection has. */
const BASE_BYTES = 1024 ** 3;
const UNPACKED_PER_BYTE = 8;
/** What is smaller is unpacked in one piece. */
const SMALL_BYTES = 1024 ** 2;
const SHOWN = 5;

/** What came of unpacking every entry: whether each was read and is what its checksum says. */
export interface CheckedContents {
  readonly isVerified: boolean;
  readonly findings: readonly Finding[];
}

/**
 * Unpacks the entries of an archive and holds each against its size and CRC-32. Those that are packed or encrypted in a way that is not
 * read, and those of an archive that unpacks to too much, are left out. Raises what reading the bytes raises.
 */
export async function checkContents(
  bytes: RandomAccess,
  entries: readonly ZipEntry[],
): Promise<CheckedContents> {
  const allBytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (allBytes > BASE_BYTES + UNPACKED_PER_BYTE * bytes.sizeBytes) return { isVerified: false, findings: [] };
  const corrupt: UnreadableError[] = [];
  let leftOut = 0;
  for (const entry of entries.toSorted((a, b) => a.localOffset - b.localOffset)) {
    const problem = await problemOf(bytes, entry);
    if (problem === undefined) continue;
    if (problem.reason === "unsupported") leftOut += 1;
    else corrupt.push(problem);
  }
  const findings = corrupt
    .slice(0, SHOWN)
    .map(({ message, where }) =>
      finding("validation.corrupt_data", message, { count: corrupt.length }, where),
    );
  return { isVerified: corrupt.length === 0 && leftOut === 0, findings };
}

async function problemOf(bytes: RandomAccess, entry: ZipEntry): Promise<UnreadableError | undefined> {
  try {
    if (entry.sizeBytes <= SMALL_BYTES) {
      await readEntry(bytes, entry, SMALL_BYTES);
      return undefined;
    }
    const chunks = entryChunks(bytes, entry);
    while ((await chunks.next()).done !== true);
    return undefined;
  } catch (error) {
    if (error instanceof UnreadableError) return error;
    throw error;
  }
}
