import type { RandomAccess } from "../../base/random-access.ts";
import { readPlistDict } from "../apple/plist.ts";
import { dictAt, isDict, listAt, textAt } from "../apple/plist-value.ts";
import { readExactly } from "../bytes.ts";
import type { Finding } from "../inspection.ts";
import { readPart, UnreadableError } from "../unreadable.ts";
import { UdifTable } from "./udif-table.ts";
import type { UdifTrailer } from "./udif-trailer.ts";

/** A disk of 100 GiB in chunks of 256 KiB has 400,000, of 54 bytes each in base64. */
const MAX_PLIST_BYTES = 24 * 1024 * 1024;
/** A disk with each partition scheme known has fewer than ten. */
const MAX_TABLES = 128;
const MAX_NAME_LENGTH = 100;

/** What the property list of a disk image holds: once it was a resource fork. */
export interface UdifResources {
  readonly tables: readonly UdifTable[];
  /** True when somebody has to accept an agreement before the image opens. */
  readonly hasLicense: boolean;
}

/** Reads a disk image's property list. A table that makes no sense is left out, and a finding added. Throws `UnreadableError`. */
export async function readUdifResources(
  file: RandomAccess,
  { plist, resourceFork }: UdifTrailer,
  findings: Finding[],
): Promise<UdifResources> {
  if (plist.length === 0 && resourceFork.length > 0) {
    throw new UnreadableError(
      "unsupported",
      "The disk image keeps its tables in a resource fork, as before macOS 10.2; that is not read.",
      WHERE,
    );
  }
  if (plist.length > MAX_PLIST_BYTES) {
    throw new UnreadableError(
      "limit",
      `The disk image's property list claims ${plist.length} bytes; ${MAX_PLIST_BYTES} are read.`,
      WHERE,
    );
  }
  const xml = await readExactly(file, plist.offset, plist.length);
  const resources = dictAt(readPlistDict(xml ?? Buffer.alloc(0), WHERE), "resource-fork");
  const entries = listAt(resources, "blkx").filter(isDict);
  if (entries.length > MAX_TABLES) {
    throw new UnreadableError(
      "limit",
      `The disk image claims ${entries.length} partitions; ${MAX_TABLES} are read.`,
      WHERE,
    );
  }
  const tables: UdifTable[] = [];
  for (const entry of entries) {
    const name = (textAt(entry, "Name") ?? textAt(entry, "CFName") ?? "").slice(0, MAX_NAME_LENGTH);
    const data = entry.get("Data");
    const table = await readPart(
      findings,
      () => new UdifTable(Buffer.isBuffer(data) ? data : Buffer.alloc(0), name),
    );
    if (table) tables.push(table);
  }
  return { tables, hasLicense: resources.has("LPic") };
}

const WHERE = "property list of the disk image";
