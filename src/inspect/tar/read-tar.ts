import { finding } from "../findings.ts";
import { type FileToInspect, type FormatReader, noIdentity } from "../format-reader.ts";
import type { Compression } from "../formats.ts";
import type { Finding } from "../inspection.ts";
import { type ChunkReader, rangeSource } from "../unpack/chunk-reader.ts";
import { readPacked } from "../unpack/read-packed.ts";
import { UnreadableError } from "../unreadable.ts";
import { CorruptDataError } from "../unpack/corrupt-data-error.ts";
import { withUnpacked } from "../unpack/unpack-chunks.ts";
import { UnpackBudget } from "../unpack/unpack-budget.ts";
import { ArchiveSummary } from "./archive-summary.ts";
import { compressionOf } from "./tar-compression.ts";
import { tarEntries } from "./tar-entries.ts";
import { BLOCK_BYTES } from "./tar-header.ts";

/** What is unpacked for the facts alone. */
const FACTS_BYTES = 4 * 1024 * 1024;
/** Between headers of an archive that is not packed only so much is read at once. */
const HEADER_READ_BYTES = 64 * 1024;
const WHERE = "archive";

/**
 * A tar archive. Facts: `entries`, `unpacked_bytes`, `top_level`, `links`, `sparse_files`, `devices`, `setuid` (names), `architectures` (of the
 * programs inside, the first 64) and `complete`: whether these are about the whole archive. Without `verify` its first 4 MiB are read.
 */
export const readTar: FormatReader = async (file) => {
  const findings: Finding[] = [];
  const summary = new ArchiveSummary({ isRooted: false });
  const compression = await compressionOf(file.bytes);
  const readBytes = compression === "none" ? HEADER_READ_BYTES : undefined;
  const packed = rangeSource(file.bytes, 0, file.bytes.sizeBytes, readBytes);
  const isWhole = await readPacked(findings, WHERE, () =>
    withUnpacked(packed, compression, "large", (unpacked) =>
      readEntries(unpacked, summary, findings, file, compression),
    ),
  );
  if (isWhole === true && summary.entryCount === 0) {
    findings.push(finding("validation.tar_empty", "The archive has no entries."));
  }
  return {
    facts: { ...summary.facts(), architectures: summary.architectures(), complete: isWhole === true },
    identity: noIdentity,
    findings: [...findings, ...summary.findings()],
    runsOn: summary.runsOn(),
  };
};

/** True when the archive was read to its end. */
async function readEntries(
  unpacked: ChunkReader,
  summary: ArchiveSummary,
  findings: Finding[],
  { bytes, verify }: FileToInspect,
  compression: Compression,
): Promise<boolean> {
  const budget = new UnpackBudget(compression, bytes.sizeBytes);
  const isEnough = () => {
    budget.check(unpacked.fetchedBytes);
    return !verify && unpacked.fetchedBytes >= FACTS_BYTES;
  };
  const isRead = await readPacked(findings, WHERE, async () => {
    const entries = tarEntries(unpacked);
    let next = await firstEntry(unpacked, entries);
    for (; next.done !== true; next = await entries.next()) {
      summary.add(next.value);
      await summary.lookInto(next.value);
      if (isEnough()) return false;
      // What is not packed is passed over.
      if (compression === "none") continue;
      for await (const _ of next.value.content()) if (isEnough()) return false;
    }
    if (!next.value && summary.entryCount > 0) {
      const message = "The archive has no end mark: it may have been cut off between two entries.";
      findings.push(finding("validation.tar_no_end", message));
    }
    return true;
  });
  if (isRead === false || compression === "none") return isRead === true;
  // The rest is unpacked too, whatever is wrong with the entries: the checksum stands behind it.
  while ((await unpacked.some(FACTS_BYTES)) !== null) if (isEnough()) return false;
  return isRead === true;
}

/** What does not even begin with a sound header never was an archive; behind an entry the same is damage. */
async function firstEntry(unpacked: ChunkReader, entries: ReturnType<typeof tarEntries>) {
  try {
    return await entries.next();
  } catch (error) {
    if (unpacked.offset !== BLOCK_BYTES || !(error instanceof CorruptDataError)) throw error;
    throw new UnreadableError("damaged", "The data do not begin with a tar header.");
  }
}
