import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { inflate } from "node:zlib";

import type { RandomAccess } from "../../base/random-access.ts";
import { ByteReader } from "../byte-reader.ts";
import { readExactly } from "../bytes.ts";
import { UnreadableError } from "../unreadable.ts";

/** magic 4, header size 2, version 2, packed table 8, table 8, checksum algorithm 4. */
const HEADER_BYTES = 28;
/** With the name of an algorithm that has no number, which nothing here reads. */
const MAX_HEADER_BYTES = 256;
/** A product of a hundred packages has 200 KiB. Both are held in memory. */
const MAX_PACKED_BYTES = 8 * 1024 * 1024;
const MAX_TOC_BYTES = 32 * 1024 * 1024;

/** Digests by the number that stands in the header, in the words of Node. */
const algorithms: Readonly<Record<number, string>> = { 1: "sha1", 2: "md5", 3: "sha256", 4: "sha512" };

/** The head of a xar archive: its table of contents, unpacked but not parsed. */
export interface XarHead {
  /** The XML. */
  readonly toc: Buffer;
  /** As it stands in the file: what the checksum covers and the signatures sign. */
  readonly packedToc: Buffer;
  /** The digest the header names for the table, in the words of Node; null for none. */
  readonly algorithm: string | null;
  /** Where the heap begins: offsets in the table count from here. */
  readonly heapOffset: number;
}

/** Reads a xar archive's header and its table of contents. Throws `UnreadableError`. Raises what reading the bytes raises. */
export async function readXarHead(bytes: RandomAccess): Promise<XarHead> {
  const header = await readExactly(bytes, 0, HEADER_BYTES);
  if (!header) throw new UnreadableError("truncated", "The xar archive ends within its header.", WHERE);
  const reader = new ByteReader(header, WHERE);
  const headerBytes = reader.skip(4).u16be();
  const version = reader.u16be();
  const packedBytes = reader.u64be();
  const tocBytes = reader.u64be();
  const number = reader.u32be();
  if (version !== 1) {
    throw new UnreadableError("unsupported", `The xar archive has version ${version}; 1 is read.`, WHERE);
  }
  if (headerBytes < HEADER_BYTES || headerBytes > MAX_HEADER_BYTES) {
    throw new UnreadableError("damaged", `The xar archive claims a header of ${headerBytes} bytes.`, WHERE);
  }
  if (packedBytes > MAX_PACKED_BYTES || tocBytes > MAX_TOC_BYTES) {
    throw new UnreadableError(
      "limit",
      `The table of contents claims ${packedBytes} bytes, ${tocBytes} unpacked; ${MAX_PACKED_BYTES} and ${MAX_TOC_BYTES} are read.`,
      TOC,
    );
  }
  const packedToc = await readExactly(bytes, headerBytes, packedBytes);
  if (!packedToc) {
    throw new UnreadableError("truncated", "The xar archive ends within its table of contents.", TOC);
  }
  return {
    toc: await unpackToc(packedToc, tocBytes),
    packedToc,
    algorithm: algorithms[number] ?? null,
    heapOffset: headerBytes + packedBytes,
  };
}

/** The digest of the table as it stands in the file. */
export function tocDigest({ packedToc, algorithm }: XarHead): Buffer | null {
  return algorithm === null ? null : createHash(algorithm).update(packedToc).digest();
}

const WHERE = "xar header";
const TOC = "table of contents";

async function unpackToc(packed: Buffer, tocBytes: number): Promise<Buffer> {
  // Zero is no limit to zlib.
  const toc = await promisify(inflate)(packed, { maxOutputLength: Math.max(1, tocBytes) }).catch(() => null);
  if (toc?.length === tocBytes) return toc;
  throw new UnreadableError("damaged", "The table of contents does not unpack to what the header says.", TOC);
}
