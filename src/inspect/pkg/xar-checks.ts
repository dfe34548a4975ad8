import { readPart } from "../unreadable.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { isChecked, type XarHeap, unpackedBytes } from "./xar-data.ts";
import { tocDigest, type XarHead } from "./xar-header.ts";
import type { XarFile, XarToc } from "./xar-toc.ts";

/** A digest is this long at most. */
const MAX_DIGEST_BYTES = 64;
/** So many files with wrong checksums are named. */
const SHOWN = 5;
/**
 * Each file names its own stretch of the heap, so that a table can name the whole of it a hundred thousand times; honest archives
 * share bytes between few files, if at all.
 */
const MAX_READ_RATIO = 3;
/** Only small files are deflated in the heap: payloads are packed before. Stops a bomb. */
const MAX_UNPACKED_BYTES = 1024 ** 3;

/** What the table's checksum says: JSON as a fact. */
export interface TocChecksum {
  readonly algorithm: string | null;
  readonly verified: boolean;
}

/**
 * Compares the checksum in the heap with the table of contents. The signatures sign this checksum, so it must be that of the very
 * table that was read, by the algorithm both name: others have been fooled by a second checksum elsewhere.
 */
export async function checkToc(
  head: XarHead,
  toc: XarToc,
  heap: XarHeap,
  findings: Finding[],
): Promise<TocChecksum> {
  const { algorithm } = head;
  const expected = tocDigest(head);
  if (expected === null || toc.checksum === null) return { algorithm, verified: false };
  const { offset, length, style } = toc.checksum;
  const stored = await readPart(findings, () => heap.range(offset, length, MAX_DIGEST_BYTES, WHERE));
  const verified = style === algorithm && stored?.equals(expected) === true;
  if (!verified) {
    const message =
      style === algorithm
        ? "The archive's checksum is not that of its table of contents."
        : `The archive's header names ${algorithm} as its checksum, its table of contents ${style}.`;
    findings.push(finding("validation.pkg_checksum_mismatch", message, undefined, WHERE));
  }
  return { algorithm, verified };
}

/** Compares the checksums of all files: reads the whole heap. True when each file has one and all are right. */
export async function checkFiles(
  files: readonly XarFile[],
  heap: XarHeap,
  archiveBytes: number,
  findings: Finding[],
): Promise<boolean> {
  const wrong: string[] = [];
  const unread: Finding[] = [];
  let readBytes = 0;
  let bytesUnpacked = 0;
  for (const file of distinct(files)) {
    readBytes += file.data?.length ?? 0;
    bytesUnpacked += unpackedBytes(file);
    if (readBytes > MAX_READ_RATIO * archiveBytes || bytesUnpacked > MAX_UNPACKED_BYTES) {
      const message = `The files of the archive claim more bytes than it can hold: they were checked up to ${file.path}.`;
      unread.push(finding("validation.limit", message, undefined, file.path));
      break;
    }
    const problem = await readPart(unread, () => heap.check(file));
    if (problem === undefined) break;
    if (problem !== null) wrong.push(problem);
  }
  const open = files.find((file) => !isChecked(file));
  if (open) {
    const message = `${open.path} has no checksum that is known: no signature covers its content.`;
    unread.push(finding("validation.pkg_checksum_missing", message, undefined, open.path));
  }
  const details = { files_with_wrong_checksums: wrong.length };
  const shown = wrong.slice(0, SHOWN);
  findings.push(
    ...shown.map((problem) => finding("validation.pkg_checksum_mismatch", problem, details)),
    ...unread,
  );
  return wrong.length === 0 && unread.length === 0;
}

const WHERE = "table of contents";

/** Files that share their bytes and checksums are checked once. */
function distinct(files: readonly XarFile[]): XarFile[] {
  const byData = new Map<string, XarFile>();
  for (const file of files) if (file.data) byData.set(JSON.stringify(file.data), file);
  return [...byData.values()];
}
