import type { RandomAccess } from "../../base/random-access.ts";
import { readUpTo } from "../bytes.ts";
import { type Compression, formatTable } from "../formats.ts";
import { headBytes } from "../magic.ts";

/** How a tar archive is packed, by its first bytes; they are those of one of the format's variants. */
export async function compressionOf(bytes: RandomAccess): Promise<Compression> {
  const probe = { head: await readUpTo(bytes, 0, headBytes), bytes };
  for (const { matches, compression } of formatTable.tar.variants) {
    if (compression !== undefined && (await matches(probe))) return compression;
  }
  return "none";
}
