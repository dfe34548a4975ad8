import { createHash } from "node:crypto";

import type { RandomAccess } from "../../base/random-access.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import { ArchiveSummary } from "../tar/archive-summary.ts";
import { normalName } from "../tar/entry-names.ts";
import { type TarEntry, tarEntries } from "../tar/tar-entries.ts";
import { type ChunkReader, rangeSource } from "../unpack/chunk-reader.ts";
import { readPacked } from "../unpack/read-packed.ts";
import { UnpackBudget } from "../unpack/unpack-budget.ts";
import { withUnpacked } from "../unpack/unpack-chunks.ts";
import type { PackedMember } from "./ar-members.ts";

/** Names shown of those whose checksum is another. */
const SHOWN = 5;

/** Where a listed file differs: its name, and what is there instead. */
interface Difference {
  readonly name: string;
  readonly found: string | null;
}

/**
 * Reads the whole data archive: what its entries are, and whether the files that `md5sums` lists are those. `md5_verified` is null where
 * there is no list, or the archive could not be read to its end.
 */
export async function readDataArchive(
  bytes: RandomAccess,
  member: PackedMember,
  md5sums: ReadonlyMap<string, string> | undefined,
  findings: Finding[],
): Promise<{ readonly data: Record<string, unknown>; readonly md5Verified: boolean | null }> {
  const summary = new ArchiveSummary({ isRooted: true, where: member.name });
  const packed = rangeSource(bytes, member.offset, member.offset + member.sizeBytes);
  const budget = new UnpackBudget(member.compression, member.sizeBytes);
  const sums = new FileSums(md5sums ?? new Map());
  const isWhole = await readPacked(findings, member.name, async () => {
    await withUnpacked(packed, member.compression, "large", async (unpacked) => {
      await readPacked(findings, member.name, () => readEntries(unpacked, summary, sums, budget));
      // The rest is unpacked too, whatever is wrong with the entries: the checksum stands behind it.
      while ((await unpacked.some(1024 * 1024)) !== null) budget.check(unpacked.fetchedBytes);
    });
    return sums.isWhole;
  });
  const differing = isWhole === true ? sums.differences() : [];
  findings.push(...differenceFindings(differing), ...summary.findings());
  return {
    data: { compression: member.compression, ...summary.facts(), complete: isWhole === true },
    md5Verified: md5sums === undefined || isWhole !== true ? null : differing.length === 0,
  };
}

async function readEntries(
  unpacked: ChunkReader,
  summary: ArchiveSummary,
  sums: FileSums,
  budget: UnpackBudget,
): Promise<void> {
  for await (const entry of tarEntries(unpacked)) {
    summary.add(entry);
    await sums.add(entry, () => budget.check(unpacked.fetchedBytes));
  }
  sums.isWhole = true;
}

/** The MD5 of the files that are listed, as they come. */
class FileSums {
  readonly #listed: ReadonlyMap<string, string>;
  readonly #found = new Map<string, string>();
  /** Links stand for files that are listed under other names. */
  readonly #links = new Set<string>();
  isWhole = false;

  constructor(listed: ReadonlyMap<string, string>) {
    this.#listed = listed;
  }

  async add(entry: TarEntry, onChunk: () => void): Promise<void> {
    const name = normalName(entry.name);
    if (entry.kind === "symbolic_link") this.#links.add(name);
    if (entry.kind === "hard_link") {
      // Of the same content as what it is a link to, which stands before it.
      const same = this.#found.get(normalName(entry.linkName));
      if (same === undefined) this.#links.add(name);
      else this.#found.set(name, same);
    }
    if (entry.kind !== "file") return;
    const hash = createHash("md5");
    for await (const chunk of entry.content()) {
      hash.update(chunk);
      onChunk();
    }
    this.#found.set(name, hash.digest("hex"));
  }

  /** The listed files that are others, or are not there. */
  differences(): Difference[] {
    return [...this.#listed].flatMap(([name, sum]) => {
      const found = this.#found.get(name) ?? null;
      return found === sum || (found === null && this.#isLinked(name)) ? [] : [{ name, found }];
    });
  }

  /** Whether the name, or a folder on its way, is a link. */
  #isLinked(name: string): boolean {
    for (let end = name.length; end > 0; end = name.lastIndexOf("/", end - 1)) {
      if (this.#links.has(name.slice(0, end))) return true;
    }
    return false;
  }
}

function differenceFindings(differing: readonly Difference[]): Finding[] {
  if (differing.length === 0) return [];
  const shown = differing.slice(0, SHOWN);
  const names = shown.map(({ name, found }) => (found === null ? `${name} (missing)` : name)).join(", ");
  const more = differing.length > SHOWN ? ` and ${differing.length - SHOWN} more` : "";
  const message = `Files are not those that the package's md5sums list: ${names}${more}.`;
  const details = { files: shown.map(({ name }) => name), count: differing.length };
  return [finding("validation.deb_digest_mismatch", message, details, shown[0]!.name)];
}
