import type { RandomAccess } from "../../base/random-access.ts";
import { readUpTo } from "../bytes.ts";
import { finding } from "../findings.ts";
import type { Finding } from "../inspection.ts";
import type { ZipDirectory, ZipEntry } from "./zip-directory.ts";

/** Deflate packs at most 1,032 to 1; honest archives stay below this as a whole. */
const BOMB_RATIO = 200;
const BOMB_BYTES = 1024 ** 3;
/** The most that the installed files may take. */
const MAX_UNPACKED_BYTES = 64 * 1024 ** 3;
/** So many names are shown of each kind. */
const SHOWN = 5;
const LOCAL_BYTES = 30;
/** Local headers are compared with the directory for so many entries. */
const MAX_COMPARED = 50_000;

/**
 * What is unusual about a zip archive and lets two readers see two different archives, or harms who unpacks it: names that stand
 * twice, entries that overlap, names that leave the folder, bombs and, with `verify`, local headers that name something else than
 * the directory: they stand all over the file. Raises what reading the bytes raises.
 */
export async function zipFindings(
  bytes: RandomAccess,
  directory: ZipDirectory,
  verify: boolean,
): Promise<Finding[]> {
  return [
    ...duplicates(directory.entries),
    ...unsafeNames(directory.entries),
    ...overlaps(directory),
    ...bombs(bytes, directory.entries),
    ...(verify ? await otherHeaders(bytes, directory.entries) : []),
  ];
}

function duplicates(entries: readonly ZipEntry[]): Finding[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name } of entries) (seen.has(name) ? twice : seen).add(name);
  return about(
    "validation.zip_duplicate_name",
    [...twice],
    (names) => `The archive has more than one ${names}.`,
  );
}

function unsafeNames(entries: readonly ZipEntry[]): Finding[] {
  const unsafe = entries.map(({ name }) => name).filter(isUnsafe);
  return about(
    "validation.zip_unsafe_name",
    unsafe,
    (names) => `The archive has names that lead out of its folder: ${names}.`,
  );
}

/** Absolute, with a drive letter, with a NUL, or with a segment `..` for readers that take either slash. */
function isUnsafe(name: string): boolean {
  return /^[/\\]|^[A-Za-z]:|\0|(^|[/\\])\.\.([/\\]|$)/.test(name);
}

/** "Zip bombs" without nesting let many entries share the same packed bytes. */
function overlaps({ entries, offset }: ZipDirectory): Finding[] {
  const sorted = entries.toSorted((a, b) => a.localOffset - b.localOffset);
  const overlapping: string[] = [];
  for (const [index, entry] of sorted.entries()) {
    // The local header is at least as long as its fixed part; its name is checked elsewhere.
    const stop = entry.localOffset + LOCAL_BYTES + entry.packedBytes;
    if (stop > (sorted[index + 1]?.localOffset ?? offset)) overlapping.push(entry.name);
  }
  return about(
    "validation.zip_overlap",
    overlapping,
    (names) => `Entries of the archive share bytes: ${names}.`,
  );
}

function bombs(bytes: RandomAccess, entries: readonly ZipEntry[]): Finding[] {
  const total = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const isBomb = total > MAX_UNPACKED_BYTES || (total > BOMB_BYTES && total > BOMB_RATIO * bytes.sizeBytes);
  if (!isBomb) return [];
  const message = `The archive of ${bytes.sizeBytes} bytes unpacks to ${total}: whoever opens it fills the disk.`;
  return [finding("validation.zip_bomb", message, { unpacked_bytes: total, packed_bytes: bytes.sizeBytes })];
}

/** Some readers go by the local headers, others by the directory: they must see the same names and packings. */
async function otherHeaders(bytes: RandomAccess, entries: readonly ZipEntry[]): Promise<Finding[]> {
  const differing: string[] = [];
  const inOrder = entries.slice(0, MAX_COMPARED).sort((a, b) => a.localOffset - b.localOffset);
  for (const entry of inOrder) {
    const nameBytes = Buffer.from(entry.name, "utf8").length;
    const header = await readUpTo(bytes, entry.localOffset, LOCAL_BYTES + nameBytes);
    if (!isHeaderOf(header, entry)) differing.push(entry.name);
  }
  return about(
    "validation.zip_header_mismatch",
    differing,
    (names) => `The archive's directory and its entries' own headers differ: ${names}.`,
  );
}

function isHeaderOf(header: Buffer, entry: ZipEntry): boolean {
  if (header.length < LOCAL_BYTES || header.readUInt32LE(0) !== 0x04034b50) return false;
  if (header.readUInt16LE(8) !== entry.method) return false;
  const utf8 = header.subarray(LOCAL_BYTES);
  const latin1 = Buffer.from(entry.name, "latin1");
  const nameBytes = header.readUInt16LE(26);
  return (
    (nameBytes === utf8.length && utf8.equals(Buffer.from(entry.name, "utf8"))) ||
    (nameBytes === latin1.length && utf8.subarray(0, nameBytes).equals(latin1))
  );
}

function about(
  code: Parameters<typeof finding>[0],
  names: readonly string[],
  say: (names: string) => string,
): Finding[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
  const shown = names
    .slice(0, SHOWN)
    .map((name) => JSON.stringify(name))
    .join(", ");
  return [finding(code, say(shown + more), { names: names.slice(0, SHOWN), count: names.length }, names[0])];
}
