import type { RandomAccess } from "../../base/random-access.ts";
import { readExactly } from "../bytes.ts";
import type { ZipEntry } from "../zip/zip-directory.ts";

const LOCAL_BYTES = 30;
/** Bit 3 of the general purpose flags: CRC-32 and sizes follow the content instead of standing before it. */
const DATA_DESCRIPTOR = 8;

/**
 * True when an entry's own header has the CRC-32 and sizes that the directory has: where it does not, Android does not open the
 * entry. Raises what reading the file raises.
 */
export async function isLikeLocalHeader(bytes: RandomAccess, entry: ZipEntry): Promise<boolean> {
  const header = await readExactly(bytes, entry.localOffset, LOCAL_BYTES);
  if (!header) return false;
  const hasDescriptor = (header.readUInt16LE(6) & DATA_DESCRIPTOR) !== 0;
  if (hasDescriptor !== ((entry.flags & DATA_DESCRIPTOR) !== 0)) return false;
  if (hasDescriptor) return true;
  return (
    header.readUInt32LE(14) === entry.crc32 &&
    header.readUInt32LE(18) === entry.packedBytes &&
    header.readUInt32LE(22) === entry.sizeBytes
  );
}
