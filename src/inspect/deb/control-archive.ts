import type { RandomAccess } from "../../base/random-access.ts";
import type { Finding } from "../inspection.ts";
import { normalName } from "../tar/entry-names.ts";
import { type TarEntry, tarEntries } from "../tar/tar-entries.ts";
import { type ChunkReader, rangeSource } from "../unpack/chunk-reader.ts";
import { packedFinding } from "../unpack/read-packed.ts";
import { withUnpacked } from "../unpack/unpack-chunks.ts";
import { UnreadableError } from "../unreadable.ts";
import type { PackedMember } from "./ar-members.ts";

/**
 * The largest control archives that are read. Real ones hold some kilobytes; only kernels and packages with many thousand checksums
 * come near. Without it a member could claim gigabytes to be unpacked.
 */
const MAX_PACKED_BYTES = 4 * 1024 * 1024;
const MAX_UNPACKED_BYTES = 6 * 1024 * 1024;

/** What dpkg runs: deb-preinst(5) and the like, and debconf's. */
const scriptNames: ReadonlySet<string> = new Set(["preinst", "postinst", "prerm", "postrm", "config"]);

export interface ControlArchive {
  /** The text of the file `control`; undefined when there is none. */
  readonly control: string | undefined;
  /** The maintainer scripts that are there. */
  readonly scripts: readonly string[];
  readonly conffiles: number;
  /** MD5 by name, as the file `md5sums` has them; undefined when there is none. */
  readonly md5sums: ReadonlyMap<string, string> | undefined;
}

/**
 * Reads the control archive. Where a file stands in it twice the last one counts, as it does for dpkg, which unpacks over. What is
 * wrong with it is thrown as `UnreadableError`, unless `control` was found before: then it is put into `findings`.
 */
export async function readControlArchive(
  bytes: RandomAccess,
  member: PackedMember,
  findings: Finding[],
): Promise<ControlArchive> {
  if (member.sizeBytes > MAX_PACKED_BYTES) {
    throw new UnreadableError("limit", `The control archive is larger than ${MAX_PACKED_BYTES} bytes.`);
  }
  const files = new Map<string, Buffer>();
  const packed = rangeSource(bytes, member.offset, member.offset + member.sizeBytes);
  try {
    await withUnpacked(packed, member.compression, "small", (unpacked) => readFiles(unpacked, files));
  } catch (error) {
    if (!(error instanceof UnreadableError) || !files.has("control")) throw error;
    findings.push(packedFinding(error, member.name));
  }
  const conffiles = files.get("conffiles")?.toString("utf8") ?? "";
  const md5sums = files.get("md5sums");
  return {
    control: files.get("control")?.toString("utf8"),
    scripts: [...files.keys()].filter((name) => scriptNames.has(name)).sort(),
    conffiles: conffiles.split("\n").filter((line) => line.trim() !== "").length,
    md5sums: md5sums && parseMd5sums(md5sums.toString("utf8")),
  };
}

async function readFiles(unpacked: ChunkReader, files: Map<string, Buffer>): Promise<void> {
  for await (const entry of tarEntries(unpacked)) {
    requireSmall(unpacked.offset + entry.sizeBytes);
    if (entry.kind === "file") files.set(normalName(entry.name), await contentOf(entry));
  }
  // The checksum of what it is packed with stands behind the end.
  while ((await unpacked.some(MAX_UNPACKED_BYTES)) !== null) requireSmall(unpacked.offset);
}

async function contentOf(entry: TarEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry.content()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function requireSmall(unpackedBytes: number): void {
  if (unpackedBytes <= MAX_UNPACKED_BYTES) return;
  throw new UnreadableError("limit", `The control archive unpacks to more than ${MAX_UNPACKED_BYTES} bytes.`);
}

/** deb-md5sums(5): "the MD5 checksum, two spaces, and the filename". */
function parseMd5sums(text: string): Map<string, string> {
  const sums = new Map<string, string>();
  for (const line of text.split("\n")) {
    const sum = line.slice(0, 32).toLowerCase();
    const name = normalName(line.slice(34));
    if (/^[0-9a-f]{32}$/.test(sum) && name !== "") sums.set(name, sum);
  }
  return sums;
}
